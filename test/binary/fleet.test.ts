import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAgentClient } from '../../src/agent/client.ts'
import { describeError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import type { Resolver } from '../../src/resolver.ts'
import { describeWith } from '../clients/programs.ts'
import { type EcrApi, startEcr } from '../fakes/ecr.ts'
import { POSTGRES, type PostgresServer, startPostgres } from '../fakes/postgres.ts'
import { openShipped, type Serving, type Shipped } from './shipped.ts'

const SIGNER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'right' }
const IDENTITIES = 50
/** An identity's token is good for one region: so each has one of its own. */
const REGIONS = Array.from({ length: IDENTITIES }, (_, i) => `us-east-${i + 1}`)
const HOSTS = REGIONS.map((region) => `123456789012.dkr.ecr.${region}.amazonaws.com`)
const never = new AbortController().signal

interface Machine {
  readonly shipped: Shipped
  readonly serving: Serving
  readonly agent: Resolver
}

describeWith('a fleet of three agents', POSTGRES, () => {
  const stack = new AsyncDisposableStack()
  let server: PostgresServer
  let database: string
  let api: EcrApi

  beforeEach(async () => {
    server = await startPostgres()
    database = await server.createDatabase()
    const [first = '', ...others] = REGIONS.map((region) => `api.ecr.${region}.amazonaws.com`)
    const expiresAt = new Date((Math.ceil(Date.now() / 1000) + 12 * 3600) * 1000)
    api = await startEcr({ hosts: [first, ...others], signer: SIGNER, expiresAt })
  })

  afterEach(async () => {
    await stack.disposeAsync()
    await api.close()
    server.close()
  })

  /** The configuration of a machine: its vault is reached over TLS, and proves who it is. */
  async function configure({ folder, home }: Shipped): Promise<readonly string[]> {
    await mkdir(home, { mode: 0o700 })
    await writeFile(join(folder, 'ca.pem'), api.ca, { mode: 0o600 })
    await writeFile(join(folder, 'db-password'), `${server.password}\n`, { mode: 0o600 })
    return [
      '[vault]',
      `url = "postgres://${server.user}@localhost:${server.port}/${database}?sslmode=verify-full"`,
      `password = "file:${join(folder, 'db-password')}"`,
      'key = "env:FLEET_KEY"',
      '[connect]',
      ...[...api.connect].map(([from, to]) => `"${from}" = "${to}"`),
      '[tls]',
      `ca = ["${join(folder, 'ca.pem')}"]`,
    ]
  }

  async function start(key: string): Promise<Machine> {
    const shipped = await openShipped()
    stack.defer(() => shipped.stack.disposeAsync())
    const config = await configure(shipped)
    await writeFile(join(shipped.home, 'config.toml'), config.join('\n'))
    const serving = await shipped.serve(config, { FLEET_KEY: key })
    const vault = `postgres://localhost:${server.port}/${database}`
    const socket = join(shipped.home, 'agent.sock')
    const agent = createAgentClient({ socket, uid: process.geteuid?.() ?? 0, vault })
    return { shipped, serving, agent }
  }

  async function ask({ agent }: Machine, identity: number): Promise<string> {
    const host = parseHost(HOSTS[identity] ?? '')
    const target = { workspace: 'default', host, repository: 'app', action: 'pull' } as const
    const found = await agent.resolve(target, never)
    return found?.login.secret.reveal() ?? 'none'
  }

  /** Asks so many questions, by turns of all machines and identities, 30 at a time. */
  async function wave(machines: readonly Machine[], count: number, identities: number) {
    const answers = new Map<string, number>()
    let next = 0
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        for (let i = next++; i < count; i = next++) {
          const machine = machines[i % machines.length]
          if (machine === undefined) throw new Error('no machine')
          const said = await ask(machine, Math.floor(i / machines.length) % identities).catch(
            (error: unknown) => describeError(error),
          )
          answers.set(said, (answers.get(said) ?? 0) + 1)
        }
      }),
    )
    return Object.fromEntries(answers)
  }

  test('exchanges 50 identities 50 times for 5,000 questions, though its database is away', async () => {
    const key = `purser-key-v1:${Buffer.alloc(32, 7).toString('base64url')}`
    const machines = [await start(key), await start(key), await start(key)]
    const [{ shipped }] = machines as [Machine, ...Machine[]]
    const keys = {
      AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SIGNER.secretAccessKey,
    }
    for (const [i, host] of HOSTS.entries()) {
      const env = { ...keys, AWS_REGION: REGIONS[i] ?? '', FLEET_KEY: key }
      const login = ['login', host, '--from-env', [...Object.keys(keys), 'AWS_REGION'].join(',')]
      expect(await shipped.purser(login, '', env)).toMatchObject({ status: 0 })
    }

    expect(await wave(machines, 1_500, 25)).toEqual({ [api.password]: 1_500 })
    expect(api.calls).toHaveLength(25)

    const during = wave(machines, 1_500, 25)
    server.halt()
    expect(await during).toEqual({ [api.password]: 1_500 })
    const away = await wave(machines, 3, 50)
    expect(away).toEqual({ [api.password]: 3 })
    await expect(ask(machines[0] as Machine, 30)).rejects.toMatchObject({
      code: 'vault-failed',
      message: expect.stringContaining(
        `cannot reach the vault postgres://localhost:${server.port}`,
      ),
      hint: 'see whether the database runs; until it does, logins that are kept go on',
    })
    server.resume()
    for (const { serving } of machines) {
      await expect
        .poll(serving.output, { timeout: 20_000 })
        .toContain('"the vault can be reached again"')
      expect(serving.output()).toContain('the vault cannot be reached: what is known of it goes on')
    }

    expect(await wave(machines, 1_997, 50)).toEqual({ [api.password]: 1_997 })
    expect(api.calls).toHaveLength(IDENTITIES)

    // An entry that is changed on one machine is used by all of them from then on.
    const wrong = { ...keys, AWS_SECRET_ACCESS_KEY: 'wrong', AWS_REGION: 'us-east-1' }
    const login = ['login', HOSTS[0] ?? '', '--from-env', Object.keys(wrong).join(',')]
    await shipped.purser(login, '', { ...wrong, FLEET_KEY: key })
    for (const machine of machines) {
      const answer = () => ask(machine, 0).catch((error: unknown) => describeError(error))
      await expect.poll(answer).toContain('InvalidSignatureException')
    }
  }, 120_000)
})
