import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { showKey } from '../../src/vault/key-info.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import type { Entry } from '../../src/vault/vault.ts'
import { type Program, sandbox, start } from './sandbox.ts'

const WRITER = new URL('./writer.ts', import.meta.url)
const ROTATOR = new URL('./rotator.ts', import.meta.url)

type Sandbox = ReturnType<typeof sandbox>

async function list(options: Sandbox): Promise<readonly Entry[]> {
  const vault = await openVault(options)
  try {
    return await vault.list('default')
  } finally {
    await vault.close()
  }
}

/** What programs have acknowledged, as `name/number`. */
async function acknowledged(programs: ReadonlyMap<string, Program>): Promise<readonly string[]> {
  const outputs = [...programs].map(async ([name, { output }]) =>
    (await output)
      .split('\n')
      .filter(Boolean)
      .map((number) => `${name}/${number}`),
  )
  return (await Promise.all(outputs)).flat()
}

function writers(options: Sandbox, processes: number, entries: number): Map<string, Program> {
  const names = Array.from({ length: processes }, (_, i) => `writer-${i}`)
  return new Map(names.map((n) => [n, start(WRITER, options.root, n, String(entries))]))
}

/** Ends a program at once, after some time of its work that nobody has chosen. */
async function killAmidst(program: Program): Promise<void> {
  const lines = Math.floor(Math.random() * 20)
  for (let i = 0; i <= lines && program.child.exitCode === null; i++) {
    await once(program.child.stdout, 'data')
  }
  // Somewhere between two acknowledgements: the work of a busy loop, not of a clock.
  for (let i = Math.random() * 1e6; i > 0; i--);
  program.child.kill('SIGKILL')
  expect(await program.ended).toBe('SIGKILL')
}

test('20 processes that store at once, from the first use on, lose nothing', async () => {
  const options = sandbox()
  const programs = writers(options, 20, 25)
  const ends = await Promise.all([...programs.values()].map((program) => program.ended))
  expect(ends).toEqual(Array(20).fill(0))
  const stored = (await list(options)).map((entry) => entry.prefix)
  expect(stored).toHaveLength(500)
  expect(new Set(stored)).toEqual(new Set(await acknowledged(programs)))
}, 120_000)

test('10 processes that race at first use make one key and one vault', async () => {
  for (let round = 0; round < 3; round++) {
    const options = sandbox()
    const programs = writers(options, 10, 1)
    const ends = await Promise.all([...programs.values()].map((program) => program.ended))
    expect(ends).toEqual(Array(10).fill(0))
    expect(readFileSync(options.keyPath, 'utf8').trim().split('\n')).toHaveLength(1)
    expect(readdirSync(dirname(options.keyPath))).toEqual(['key'])
    expect(await list(options)).toHaveLength(10)
    // Of two that close in the same moment, neither is the last, who tidies up; this one was alone.
    expect(readdirSync(dirname(options.path))).toEqual(['vault.db'])
  }
}, 120_000)

test('a writer that is killed at any moment loses nothing that it has acknowledged', async () => {
  const options = sandbox()
  const all: string[] = []
  for (let round = 0; round < 20; round++) {
    const name = `round-${round}`
    const program = start(WRITER, options.root, name, '100000')
    await killAmidst(program)
    all.push(...(await acknowledged(new Map([[name, program]]))))
    const stored = new Set((await list(options)).map((entry) => entry.prefix))
    expect(all.filter((prefix) => !stored.has(prefix))).toEqual([])
    // At most the one that was under way came on top.
    expect(stored.size).toBeLessThanOrEqual(all.length + round + 1)
    all.push(...[...stored].filter((prefix) => !all.includes(prefix)))
  }
  expect(all.length).toBeGreaterThan(20)
}, 120_000)

describe('a rotation', () => {
  async function filled(): Promise<Sandbox> {
    const options = sandbox()
    expect(await start(WRITER, options.root, 'before', '30').ended).toBe(0)
    return options
  }

  const keyLines = (options: Sandbox) => readFileSync(options.keyPath, 'utf8').trim().split('\n')

  test('leaves one new key, and nothing sealed with the old one', async () => {
    const options = await filled()
    const before = keyLines(options)
    const watching = await openVault(options)
    expect(await watching.list('default')).toHaveLength(30)
    const { keyId, entries } = await rotateKey(options)
    expect(entries).toBe(30)
    expect((await showKey(options.keys)).keyId).toBe(keyId)
    expect(keyLines(options)).toHaveLength(1)
    expect(keyLines(options)).not.toEqual(before)
    // One that was open all the while takes up the new key.
    expect(await watching.list('default')).toHaveLength(30)
    await watching.close()
  })

  test.each([
    { moment: 'before-1', keys: 1 },
    { moment: 'after-1', keys: 2 },
    { moment: 'before-2', keys: 2 },
    { moment: 'after-2', keys: 1 },
  ])(
    'killed $moment leaves a vault that opens, and the next one tidies up',
    async ({ moment, keys }) => {
      const options = await filled()
      expect(await start(ROTATOR, options.root, '1', moment).ended).toBe('SIGKILL')
      expect(keyLines(options)).toHaveLength(keys)
      expect(await list(options)).toHaveLength(30)
      await rotateKey(options)
      expect(keyLines(options)).toHaveLength(1)
      expect(await list(options)).toHaveLength(30)
    },
  )

  test('killed at any moment leaves a vault that opens', async () => {
    const options = await filled()
    for (let round = 0; round < 15; round++) {
      await killAmidst(start(ROTATOR, options.root, '100000'))
      expect(await list(options)).toHaveLength(30)
    }
    await rotateKey(options)
    expect(keyLines(options)).toHaveLength(1)
    expect(readdirSync(dirname(options.keyPath))).toEqual(['key'])
  }, 120_000)

  test('among others and among writers loses nothing', async () => {
    const options = await filled()
    const programs = writers(options, 5, 40)
    const rotators = [1, 2, 3].map(() => start(ROTATOR, options.root, '10'))
    const ends = await Promise.all([...programs.values(), ...rotators].map(({ ended }) => ended))
    expect(ends).toEqual(Array(8).fill(0))
    expect(await list(options)).toHaveLength(30 + 5 * 40)
    expect(keyLines(options)).toHaveLength(1)
  }, 120_000)
})
