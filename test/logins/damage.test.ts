import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EMPTY_SLOT } from '../../src/cache/slot.ts'
import { clearDirectory } from '../../src/logins/directory.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Home } from './home.ts'
import { HOUR, machine, modeOf, slotFile } from './machine.ts'

describe('a file that is not as it was left', () => {
  const another = '0'.repeat(64)
  it.each<[string, (file: string, home: Home) => void]>([
    ['empty', (file) => writeFileSync(file, '')],
    ['cut off', (file) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 100))],
    ['garbage', (file) => writeFileSync(file, 'x'.repeat(500))],
    [
      'altered in one bit',
      (file) => {
        const bytes = Buffer.from(readFileSync(file, 'utf8'), 'base64')
        bytes[100] = (bytes[100] ?? 0) ^ 1
        writeFileSync(file, bytes.toString('base64'))
      },
    ],
    ['too large', (file) => writeFileSync(file, 'A'.repeat(1024 * 1024))],
    ['open to others', (file) => chmodSync(file, 0o644)],
    [
      'a symbolic link',
      (file, { root }) => {
        const elsewhere = join(root, 'elsewhere')
        renameSync(file, elsewhere)
        symlinkSync(elsewhere, file)
      },
    ],
    [
      'sealed under another key',
      (_, { keyPath }) => writeFileSync(keyPath, `purser-key-v1:${'B'.repeat(43)}\n`),
    ],
  ])('is a miss, and replaced: %s', async (_, spoil) => {
    const { home, open, ask, pass } = machine()
    await ask(open())
    spoil(slotFile(home), home)
    pass(2_000)
    expect(await ask(open())).toBe('minted-2')
    expect(await ask(open())).toBe('minted-2')
    for (const name of readdirSync(home.directory)) {
      const stat = lstatSync(join(home.directory, name))
      expect([stat.isFile(), stat.mode & 0o777]).toEqual([true, 0o600])
    }
  })

  it('opens in no other slot', async () => {
    const { home, open, ask } = machine()
    await ask(open(), 'one')
    const one = slotFile(home)
    await ask(open(), 'two')
    const two = readdirSync(home.directory).find((name) => !one.endsWith(name)) ?? another
    writeFileSync(join(home.directory, two), readFileSync(one))
    expect(await ask(open(), 'two')).toBe('minted-3')
  })

  it('may lie where the lock belongs, and then there is none', async () => {
    const { home, open, ask, pass } = machine()
    await ask(open())
    mkdirSync(join(`${slotFile(home)}.lock`, 'full'), { recursive: true })
    pass(12 * HOUR)
    expect([await ask(open()), await ask(open())]).toEqual(['minted-2', 'minted-2'])
  })

  it('never stops a question, be it a directory', async () => {
    const { home, open, ask } = machine()
    await ask(open())
    const file = slotFile(home)
    rmSync(file)
    mkdirSync(join(file, 'full'), { recursive: true })
    const process = open()
    expect([await ask(process), await ask(process)]).toEqual(['minted-2', 'minted-2'])
    expect(process.said).toEqual([expect.stringContaining('logins are not kept on disk')])
  })
})

describe('a login that cannot be replaced', () => {
  it('is not left for the next process', async () => {
    const { home, open, ask } = machine()
    const first = open()
    await ask(first)
    const slot = (await first.store.read('slot')) ?? EMPTY_SLOT
    // Longer than any file that is kept.
    const failure = {
      at: 0,
      count: 1,
      code: 'internal' as const,
      message: 'x'.repeat(100_000),
      hint: undefined,
      status: undefined,
    }
    await first.store.write('slot', {
      ...slot,
      kept: undefined,
      failure,
      changedAt: slot.changedAt + 1,
    })
    expect(readdirSync(home.directory)).toEqual([])
    expect(await ask(open())).toBe('minted-2')
  })
})

describe('a directory that is not safe', () => {
  it.each<[string, (home: Home) => void]>([
    ['open to others', ({ directory }) => chmodSync(directory, 0o755)],
    [
      'a symbolic link',
      ({ directory, root }) => {
        renameSync(directory, join(root, 'elsewhere'))
        symlinkSync(join(root, 'elsewhere'), directory)
      },
    ],
    [
      'a file',
      ({ directory }) => {
        rmSync(directory, { recursive: true })
        writeFileSync(directory, '')
      },
    ],
  ])('keeps nothing, and says so once: %s', async (_, spoil) => {
    const { home, open, ask } = machine()
    await ask(open())
    spoil(home)
    const process = open()
    expect([await ask(process), await ask(process)]).toEqual(['minted-2', 'minted-2'])
    expect(await ask(open())).toBe('minted-3')
    expect(process.said).toEqual([expect.stringContaining('logins are not kept on disk')])
  })
})

describe('the key of logins', () => {
  it('is the vault’s, and made where there is neither', async () => {
    const { home, open, ask } = machine()
    await ask(open())
    expect(readFileSync(home.keyPath, 'utf8')).toMatch(/^purser-key-v1:[A-Za-z0-9_-]{43}\n$/)
    expect(modeOf(home.keyPath)).toBe('600')
  })

  it.each(['vault.db', 'vault.db-wal'])(
    'is not made beside a %s that waits for its own',
    async (name) => {
      const { home, open, ask } = machine()
      mkdirSync(join(home.root, 'data'), { mode: 0o700 })
      writeFileSync(join(home.root, 'data', name), '')
      expect([await ask(open()), await ask(open())]).toEqual(['minted-1', 'minted-2'])
      expect([existsSync(home.keyPath), existsSync(home.directory)]).toEqual([false, false])
    },
  )

  it('may be one that can only be read, and then none is made', async () => {
    const { home, open, ask } = machine()
    const env = { KEY: `purser-key-v1:${'A'.repeat(43)}` }
    const read = { key: 'env:KEY', env }
    expect([await ask(open(read)), await ask(open(read))]).toEqual(['minted-1', 'minted-1'])
    const none = { key: 'env:KEY', env: {} }
    expect([await ask(open(none)), await ask(open(none))]).toEqual(['minted-2', 'minted-3'])
    expect(existsSync(home.keyPath)).toBe(false)
  })

  it('that others can read is not used, and stops no question', async () => {
    const { home, open, ask } = machine()
    await ask(open())
    chmodSync(home.keyPath, 0o644)
    const process = open()
    expect([await ask(process), await ask(process)]).toEqual(['minted-2', 'minted-2'])
    expect(process.said).toEqual([expect.stringContaining('is open to other users')])
  })

  it('tells identities apart, and the same in every process', () => {
    const { open } = machine()
    const of = (secret: string) => open().fingerprint({ kind: 'aws', key: new Secret(secret) })
    expect(of('one')).toBe(of('one'))
    expect(of('one')).not.toBe(of('two'))
  })

  it('that was rotated is what a running process goes on with', async () => {
    const { home, open, ask, pass } = machine()
    const running = open()
    await ask(running)
    const before = readdirSync(home.directory)
    writeFileSync(home.keyPath, `purser-key-v1:${'B'.repeat(43)}\n`)
    pass(1_000)
    expect(await ask(running, 'other')).toBe('minted-2')
    expect(await ask(open(), 'other')).toBe('minted-2')
    expect(readdirSync(home.directory)).toHaveLength(before.length + 1)
  })
})

describe('the directory', () => {
  const name = (i: number) => i.toString(16).padStart(64, '0')

  it('can be cleared of all that is its own, and need not be there', async () => {
    const { home, open, ask } = machine()
    clearDirectory(home.directory, process.geteuid?.())
    await ask(open())
    writeFileSync(join(home.directory, 'notes.txt'), '')
    clearDirectory(home.directory, process.geteuid?.())
    expect(readdirSync(home.directory)).toEqual(['notes.txt'])
  })

  it('loses what is a day old, or from the future, and nothing of anybody else', async () => {
    const { home, open, ask } = machine()
    mkdirSync(home.directory, { recursive: true, mode: 0o700 })
    const put = (file: string, ageMs: number) => {
      const path = join(home.directory, file)
      writeFileSync(path, '')
      const at = (Date.now() - ageMs) / 1_000
      utimesSync(path, at, at)
    }
    put(name(1), 25 * HOUR)
    put(name(2), 23 * HOUR)
    put(name(3), -25 * HOUR)
    put(`${name(4)}.new-0123456789ab`, 25 * HOUR)
    put(`${name(5)}.lock`, 25 * HOUR)
    put('notes.txt', 25 * HOUR)
    await ask(open())
    const left = readdirSync(home.directory)
    expect(left.filter((each) => /^0{60}/.test(each) || each === 'notes.txt').sort()).toEqual([
      name(2),
      'notes.txt',
    ])
  })

  it('keeps the newest thousand', async () => {
    const { home, open, ask } = machine()
    mkdirSync(home.directory, { recursive: true, mode: 0o700 })
    for (let i = 0; i < 1_200; i++) {
      const path = join(home.directory, name(i))
      writeFileSync(path, '')
      utimesSync(path, Date.now() / 1_000 - i - 1, Date.now() / 1_000 - i - 1)
    }
    await ask(open())
    const left = new Set(readdirSync(home.directory))
    // The lock of the slot that is being written is one of them.
    expect(left.size).toBeLessThanOrEqual(1_000)
    expect([left.has(name(0)), left.has(name(990)), left.has(name(1_000))]).toEqual([
      true,
      true,
      false,
    ])
  })
})
