import { copyFileSync, linkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { codeOf, describeError, systemCode } from '../../src/model/errors.ts'
import {
  createOtherHelpers,
  type HelperQuestion,
  type OtherHelpersOptions,
} from '../../src/sources/other-helper.ts'
import { answering, killGroup, type Machine, openMachine } from './machine.ts'

const NOT_FOUND = 'credentials not found in native keychain'

const { signal } = new AbortController()

function openHelpers({ env }: Machine, options: Partial<OtherHelpersOptions> = {}) {
  return createOtherHelpers({ env, command: [], killGroup, now: () => 0, ...options })
}

function question(name: string, more: Partial<HelperQuestion> = {}): HelperQuestion {
  return { name, namedIn: 'config.json', state: '1', serverUrl: 'ghcr.io', ...more }
}

async function fault(asked: Promise<unknown>) {
  try {
    return { answered: await asked }
  } catch (error) {
    return { code: codeOf(error), message: describeError(error) }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
    throw error
  }
}

/** A killed process is gone when init has taken note of it. */
async function untilGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && isRunning(pid); i++) await sleep(20)
  return !isRunning(pid)
}

describe('another helper', () => {
  test.each([
    ['a login', answering('ann', 's:3'), { kind: 'basic', username: 'ann' }],
    ['an identity token', answering('<token>', 'rt'), { kind: 'identity-token' }],
    [
      'Go escapes',
      `echo '{"Username":"\\u003ctoken\\u003e","Secret":"rt"}'`,
      { kind: 'identity-token' },
    ],
    ['not found', `echo ' ${NOT_FOUND}'; exit 1`, undefined],
    ['an empty login', answering('', ''), undefined],
    ['leaves a process behind', `sleep 30 & ${answering('ann', 's')}`, { kind: 'basic' }],
  ])('answers: %s', async (_name, script, credential) => {
    const machine = openMachine()
    machine.helper('x', script)
    const found = await openHelpers(machine).get(question('x'), signal)
    if (credential === undefined) expect(found).toBeUndefined()
    else expect(found).toMatchObject(credential)
    expect(machine.runs()).toEqual(['x get ghcr.io'])
  })

  test('need not read what it is asked', async () => {
    const machine = openMachine()
    machine.write(
      'bin/docker-credential-x',
      `#!/bin/sh\nexec 0<&-\n${answering('ann', 's')}\n`,
      0o755,
    )
    expect(await openHelpers(machine).get(question('x'), signal)).toMatchObject({ username: 'ann' })
  })

  test.each([
    ['a failure', 'echo canary; exit 2', 'ended with 2'],
    ['nearly not found', `echo "${NOT_FOUND} (canary)"; exit 1`, 'ended with 1'],
    ['not found, with success', `echo ${NOT_FOUND}`, 'printed no Username and Secret as JSON'],
    ['an end by a signal', 'kill -TERM $$', 'ended with SIGTERM'],
    ['no JSON', 'echo canary', 'printed no Username and Secret as JSON'],
    ['no login', 'echo {}', 'printed no Username and Secret as JSON'],
    ['JSON of another kind', `echo '["canary"]'`, 'printed no Username and Secret as JSON'],
    [
      'a flood',
      'while :; do echo canarycanarycanarycanarycanary; done',
      'printed more than 64 KiB',
    ],
  ])('fails: %s', async (_name, script, why) => {
    const machine = openMachine()
    machine.helper('x', script)
    expect(await fault(openHelpers(machine).get(question('x'), signal))).toEqual({
      code: 'exchange-failed',
      message: `docker-credential-x get for "ghcr.io" ${why}`,
    })
  })

  test.each([
    [answering('', 's'), 'user name'],
    [answering('ann', ''), 'password'],
  ])('says half a login: %s', async (script, half) => {
    const machine = openMachine()
    machine.helper('x', script)
    expect(await fault(openHelpers(machine).get(question('x'), signal))).toEqual({
      code: 'credential-incomplete',
      message: `the answer of docker-credential-x get for "ghcr.io" has no ${half}`,
    })
  })

  test('is killed with all that it has started when it takes too long', async () => {
    const machine = openMachine()
    machine.helper('x', 'sleep 60 & echo $! >> "$RUNS"; echo $$ >> "$RUNS"; wait')
    const helpers = openHelpers(machine, { timeoutMs: 500 })
    expect(await fault(helpers.get(question('x'), signal))).toEqual({
      code: 'exchange-failed',
      message: 'docker-credential-x get for "ghcr.io" was still running after 0.5 s',
    })
    const pids = machine.runs().slice(1).map(Number)
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(await untilGone(pid)).toBe(true)
  })

  test('is killed when nobody waits for it any more', async () => {
    const machine = openMachine()
    machine.helper('x', 'echo $$ >> "$RUNS"; exec sleep 60')
    const abort = new AbortController()
    const asked = openHelpers(machine).get(question('x'), abort.signal)
    while (machine.runs().length < 2) await sleep(20)
    abort.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    expect(await untilGone(Number(machine.runs()[1]))).toBe(true)
  })

  test('is run once for all who ask at the same time, and for five seconds', async () => {
    const machine = openMachine()
    machine.helper('x', `echo ${NOT_FOUND}; exit 1`)
    let now = 0
    const helpers = openHelpers(machine, { now: () => now })
    const ask = (more?: Partial<HelperQuestion>) => helpers.get(question('x', more), signal)
    await Promise.all(Array.from({ length: 100 }, () => ask()))
    now = 4_999
    await ask()
    expect(machine.runs()).toHaveLength(1)
    now = 5_000
    await ask()
    expect(machine.runs()).toHaveLength(2)
    await ask({ state: '2' })
    await ask({ serverUrl: 'quay.io' })
    expect(machine.runs()).toHaveLength(4)
    now = 0
    await ask({ state: '2' })
    expect(machine.runs()).toHaveLength(5)
  })

  test('that failed is run again', async () => {
    const machine = openMachine()
    machine.helper('x', 'exit 1')
    const helpers = openHelpers(machine)
    await fault(helpers.get(question('x'), signal))
    machine.helper('x', answering('ann', 's'))
    expect(await helpers.get(question('x'), signal)).toMatchObject({ username: 'ann' })
  })

  test('learns nothing of a container, and that we ask', async () => {
    const machine = openMachine()
    const env = { ...machine.env, PURSER_REQUEST: '{"canary":1}', PURSER_HOME: '/h', OTHER: 'o' }
    machine.helper('x', `env >> "$RUNS"; echo "args $*" >> "$RUNS"; ${answering('ann', 's')}`)
    await openHelpers({ ...machine, env }).get(question('x'), signal)
    const told = machine.runs()
    expect(told).toContain('args get')
    expect(told).toContain('PURSER_ASKING=1')
    expect(told).toContain('PURSER_HOME=/h')
    expect(told).toContain('OTHER=o')
    expect(told.join('\n')).not.toContain('canary')
  })

  test.each(['', '../x', 'a/b', '/bin/sh', '-x', 'a b', '.', 'x'.repeat(65)])(
    'is not looked for by the name %j',
    async (name) => {
      const { code, message } = await fault(openHelpers(openMachine()).get(question(name), signal))
      expect(code).toBe('config-invalid')
      expect(message).toMatch(/^config\.json: ".*" is no helper's name$/)
    },
  )

  test('is found in absolute parts of PATH alone, where it is a program', async () => {
    const machine = openMachine()
    machine.helper('x', answering('ann', 's'))
    machine.write('other/docker-credential-x', 'no program', 0o644)
    const missing = {
      code: 'config-invalid',
      message: 'docker-credential-x, which config.json names, is not in PATH',
    }
    const look = (path: string) =>
      fault(openHelpers({ ...machine, env: { PATH: path } }).get(question('x'), signal))
    for (const path of ['', '.', 'bin', `:${machine.home}`, join(machine.home, 'other')]) {
      expect(await look(path)).toEqual(missing)
    }
    expect(await look(`.:${machine.home}/other:${machine.bin}:/usr/bin:/bin`)).toMatchObject({
      answered: { username: 'ann' },
    })
  })
})

describe('ourselves', () => {
  /** A program that is this one: to run it would be to go round in a circle. */
  function openSelf() {
    const machine = openMachine()
    const own = machine.write('opt/runner', `#!/bin/sh\necho asked >> "$RUNS"\n`, 0o755)
    const named = machine.write(
      'bin/docker-credential-purser',
      `#!/bin/sh\necho asked >> "$RUNS"\n`,
      0o755,
    )
    const helpers = openHelpers(machine, { command: [own, '--flag', 'main.ts'] })
    const ask = () => helpers.get(question('me'), signal)
    return { machine, own, named, alias: join(machine.bin, 'docker-credential-me'), ask }
  }

  test.each<[string, (self: ReturnType<typeof openSelf>) => void]>([
    ['a symbolic link to what runs', ({ own, alias }) => symlinkSync(own, alias)],
    ['a hard link to what runs', ({ own, alias }) => linkSync(own, alias)],
    ['a symbolic link to the helper in PATH', ({ named, alias }) => symlinkSync(named, alias)],
    ['a hard link to the helper in PATH', ({ named, alias }) => linkSync(named, alias)],
    [
      'a link to a link',
      ({ machine, own, alias }) => {
        symlinkSync(own, join(machine.home, 'link'))
        symlinkSync(join(machine.home, 'link'), alias)
      },
    ],
    [
      'a link to another copy of our name',
      ({ machine, named, alias }) => {
        const copy = machine.write('copy/docker-credential-purser', '', 0o755)
        copyFileSync(named, copy)
        symlinkSync(copy, alias)
      },
    ],
  ])('are not asked by %s', async (_name, link) => {
    const self = openSelf()
    link(self)
    expect(await self.ask()).toBeUndefined()
    expect(self.machine.runs()).toEqual([])
  })

  test('are not asked by our own name', async () => {
    const { machine } = openSelf()
    expect(await openHelpers(machine).get(question('purser'), signal)).toBeUndefined()
    expect(machine.runs()).toEqual([])
  })
})
