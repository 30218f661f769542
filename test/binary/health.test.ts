import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRegistry } from '../fakes/registry.ts'
import { openShipped, type Serving, type Shipped } from './shipped.ts'

const SCRIPT = `#!/bin/sh
env > "$1/env.new"
cat >> "$1/events"
mv "$1/env.new" "$1/env"
`

/** The end of a line of the log. */
const SAID = '"msg":"entry is refused"'

describe('the agent that checks an entry which is refused', () => {
  let shipped: Shipped
  let serving: Serving
  let host: string

  beforeAll(async () => {
    shipped = await openShipped()
    const registry = await startRegistry({
      auth: { kind: 'bearer', username: 'ann', password: 'right' },
    })
    shipped.stack.defer(() => registry.close())
    host = registry.host
    const script = join(shipped.folder, 'on-change')
    await writeFile(script, SCRIPT, { mode: 0o700 })
    const login = ['login', host, '--username', 'ann', '--password-stdin']
    expect(await shipped.purser(login, 'canary-wrong')).toMatchObject({ status: 0 })
    serving = await shipped.serve(
      [
        '[[upstream]]',
        `host = "${host}"`,
        'tls = false',
        '[health]',
        'interval_minutes = 1',
        `on_change = ${JSON.stringify([script, shipped.folder])}`,
      ],
      { AWS_SECRET_ACCESS_KEY: 'canary-of-the-agent', HOME: shipped.folder },
    )
    // An entry is checked within seconds of the start: tested to the end, and not how soon.
    const isTold = () => existsSync(join(shipped.folder, 'env')) && serving.output().includes(SAID)
    while (!isTold()) await delay(50)
  }, 60_000)
  afterAll(() => shipped.stack.disposeAsync())

  const read = (name: string) => readFileSync(join(shipped.folder, name), 'utf8')

  it('tells the program, once, and nothing that is secret', () => {
    const [line = '', ...rest] = read('events').split('\n')
    expect(rest).toEqual([''])
    expect(JSON.parse(line)).toEqual({
      workspace: 'default',
      host,
      prefix: '',
      name: 'default',
      source: 'vault',
      from: null,
      to: 'refused',
      reason: expect.stringMatching(/status 401$/),
      hint: `log in anew: purser login ${host}`,
      at: expect.any(String),
      expiresAt: null,
    })
    expect(read('env')).toContain(`HOME=${shipped.folder}`)
    expect(line + read('env') + serving.output()).not.toContain('canary')
    // Neither the way to the vault, nor what the agent was started with.
    expect(read('env')).not.toMatch(/PURSER|AWS/)
  })

  it('logs it once', () => {
    expect(serving.output().split(SAID)).toHaveLength(2)
  })

  it('shows it to Prometheus', async () => {
    const { status, body } = await serving.get('/metrics')
    expect(status).toBe(200)
    const labels = `workspace="default",host="${host}",prefix="",name="default"`
    expect(body).toContain(`purser_entry_state{${labels},state="refused"} 1\n`)
    expect(body).toContain(`purser_entry_state{${labels},state="valid"} 0\n`)
    expect(body).toContain(`purser_entry_checked_timestamp_seconds{${labels}} 1`)
    expect(body).not.toContain('canary')
  })

  it('shows it to people', async () => {
    const { status, stdout } = await shipped.purser(['status'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^health +1 entry checked every 1 min, 1 of them not valid$/m)
    expect(stdout).toMatch(
      new RegExp(`^${host} +default +refused .*status 401 \\(log in anew`, 'm'),
    )
  })
})
