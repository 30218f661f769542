import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { eventOf, type HealthEvent } from '../../src/health/event.ts'
import { createNotifier, type NotifierOptions } from '../../src/health/notifier.ts'
import type { LogFields } from '../../src/observe/log.ts'
import { basic, entryFor, NOW } from './harness.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purser-on-change-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
})

function event(host: string, to: 'valid' | 'refused' = 'refused', at = NOW): HealthEvent {
  const subject = entryFor(host, basic('ann', 'canary'))
  return eventOf(subject, undefined, { state: to, expiresAt: undefined, reason: 'r' } as never, at)
}

/** A notifier that runs a shell script, and what it logs. */
function notify(script: string, options: Partial<NotifierOptions> = {}) {
  const file = join(directory, 'on-change')
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o700 })
  const logged: (LogFields & { readonly level: string; readonly event: string })[] = []
  const log =
    (level: string) =>
    (name: string, fields: LogFields = {}) =>
      void logged.push({ level, event: name, ...fields })
  const notifier = createNotifier({
    command: [file, directory, 'two words $HOME'],
    env: { PATH: '/usr/bin:/bin', HOME: '/home/me', AWS_SECRET_ACCESS_KEY: 'canary' },
    log: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
    killGroup: (pid) => void process.kill(-pid, 'SIGKILL'),
    ...options,
  })
  onTestFinished(() => notifier.close())
  return { file, notifier, logged }
}

const read = (name: string) => readFileSync(join(directory, name), 'utf8')

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('on_change', () => {
  test('gets the event on stdin, its arguments, and no secret of ours', async () => {
    const { notifier, logged } = notify(
      'cat > "$1/in"; env > "$1/env"; echo "$2" > "$1/args"; echo said',
    )
    const told = event('ghcr.io')
    notifier.tell(told)
    await until(() => logged.length > 0)
    expect(JSON.parse(read('in'))).toEqual(told)
    expect(read('args')).toBe('two words $HOME\n')
    expect(read('env')).not.toContain('canary')
    expect(read('env')).toContain('HOME=/home/me')
    expect(logged).toMatchObject([
      { level: 'debug', event: 'on_change ended', host: 'ghcr.io', code: 0, output: 'said\n' },
    ])
  })

  test.each([
    ['fails', 'exit 3', 'it ended with 3'],
    ['is killed', 'kill -TERM $$', 'it ended with SIGTERM'],
  ])('that %s is told', async (_name, script, error) => {
    const { notifier, logged, file } = notify(script)
    notifier.tell(event('ghcr.io'))
    await until(() => logged.some(({ level }) => level === 'error'))
    expect(logged.at(-1)).toEqual({
      level: 'error',
      event: 'on_change failed',
      program: file,
      host: 'ghcr.io',
      to: 'refused',
      error,
    })
  })

  test('that is not there is told, and tried again with the next event', async () => {
    const { notifier, logged } = notify('', { command: ['/nowhere/on-change'] })
    notifier.tell(event('ghcr.io'))
    notifier.tell(event('quay.io'))
    await until(() => logged.length === 2)
    for (const each of logged) {
      expect(each).toMatchObject({ level: 'error', error: 'spawn /nowhere/on-change ENOENT' })
    }
  })

  test('that no system could run is told, and the agent goes on', async () => {
    const { notifier, logged } = notify('', { command: ['/bin/true', 'a\0b'] })
    notifier.tell(event('ghcr.io'))
    await until(() => logged.length === 1)
    expect(logged[0]).toMatchObject({ level: 'error', error: 'ERR_INVALID_ARG_VALUE' })
  })

  test('is killed after its time, with all that it has started', async () => {
    const { notifier, logged } = notify('sleep 600 & echo $! > "$1/child"; wait', {
      timeoutMs: 300,
    })
    notifier.tell(event('ghcr.io'))
    await until(() => logged.some(({ level }) => level === 'error'))
    expect(logged.at(-1)).toMatchObject({ error: 'killed after 0.3 s' })
    await until(() => !isAlive(Number(read('child'))))
  })

  test('need not wait for what it leaves in the background', async () => {
    const { notifier, logged } = notify('sleep 600 & echo $! > "$1/child"', { timeoutMs: 20_000 })
    notifier.tell(event('ghcr.io'))
    await until(() => logged.length > 0)
    expect(logged).toMatchObject([{ level: 'debug', code: 0 }])
    process.kill(Number(read('child')), 'SIGKILL')
  })

  test('its output is bounded', async () => {
    const { notifier, logged } = notify('head -c 300000 /dev/zero | tr "\\0" x')
    notifier.tell(event('ghcr.io'))
    await until(() => logged.length > 0)
    expect(String(logged[0]?.['output']).length).toBe(2_000)
  })

  test('runs for one event of an entry at a time, in their order', async () => {
    const { notifier, logged } = notify(
      'mkdir "$1/busy" || echo twice >> "$1/order"; cat >> "$1/order"; sleep 0.05; rmdir "$1/busy"',
    )
    for (let i = 0; i < 5; i++)
      notifier.tell(event('ghcr.io', i % 2 === 0 ? 'refused' : 'valid', i))
    await until(() => logged.length === 5)
    const order = read('order').trim().split('\n')
    expect(order.map((line) => JSON.parse(line).at)).toEqual(
      [0, 1, 2, 3, 4].map((at) => new Date(at).toISOString()),
    )
  })

  test('runs for a few entries at a time', async () => {
    const { notifier, logged } = notify(
      'mkdir "$1/run.$$"; ls -d "$1"/run.* | wc -l >> "$1/most"; sleep 0.1; rmdir "$1/run.$$"',
    )
    for (let i = 0; i < 12; i++) notifier.tell(event(`r${i}.example`))
    await until(() => logged.length === 12)
    const most = Math.max(...read('most').trim().split('\n').map(Number))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
  })

  test('is killed when the agent ends, and what waits is not begun', async () => {
    const { notifier, logged } = notify('echo $$ >> "$1/pids"; sleep 600')
    for (let i = 0; i < 6; i++) notifier.tell(event(`r${i}.example`))
    await until(() => existsSync(join(directory, 'pids')) && read('pids').split('\n').length === 5)
    await notifier.close()
    const pids = read('pids').trim().split('\n').map(Number)
    expect(pids).toHaveLength(4)
    await until(() => pids.every((pid) => !isAlive(pid)))
    expect(logged.filter(({ level }) => level === 'error')).toHaveLength(4)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
