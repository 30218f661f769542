import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNT, FILES } from '../cloud/google/machine.ts'
import { startAzure } from '../fakes/azure.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { type EcrAnswer, startEcr } from '../fakes/ecr.ts'
import { startGoogle } from '../fakes/google/cloud.ts'
import { sendJson } from '../fakes/http.ts'
import { startRegistry } from '../fakes/registry.ts'
import { openShipped, type Serving, type Shipped } from './shipped.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const GAR = 'us-docker.pkg.dev'
const ACR = 'acmeimages.azurecr.io'
const NOT_FOUND = 'credentials not found in native keychain'
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1'

/** A world in which a login is refused, once it has been stored. */
interface World {
  readonly host: string
  /** The arguments of `purser login` after the host, what it reads, and what it finds set. */
  readonly login: readonly string[]
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly connect?: Iterable<readonly [string, string]>
  readonly upstream?: string
}

interface Case {
  readonly name: string
  open(stack: AsyncDisposableStack): Promise<World>
  /** Who was it that was not let in, beside the entry's name. */
  readonly identity: RegExp
  /** What was answered. */
  readonly answer: RegExp
  readonly hint: RegExp
  readonly state: 'expired' | 'refused' | 'unreachable'
  /** Whether it is the registry that says no, whom the helper does not ask: its client does. */
  readonly byRegistry?: true
}

function amazon(always: EcrAnswer | undefined, secretAccessKey = 'right'): Case['open'] {
  return async (stack) => {
    const api = await startEcr({
      hosts: ['api.ecr.us-east-1.amazonaws.com'],
      signer: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'right' },
      expiresAt: new Date(Date.now() + 12 * 3_600_000),
      ...(always !== undefined && { always }),
    })
    stack.defer(() => api.close())
    return { ...amazonKeys(secretAccessKey), connect: api.connect }
  }
}

function amazonKeys(secretAccessKey: string): Omit<World, 'connect'> {
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  return { host: ECR, login: ['--from-env', Object.keys(env).join(',')], env }
}

function google(known: boolean, nowhere = false): Case['open'] {
  return async (stack) => {
    const fake = await startGoogle({ accounts: known ? [ACCOUNT] : [] })
    stack.defer(() => fake.close())
    return {
      host: GAR,
      login: ['--json', '-'],
      input: JSON.stringify(FILES.serviceAccount),
      connect: nowhere ? [['oauth2.googleapis.com:443', NOWHERE]] : fake.connect,
    }
  }
}

function azure(secret: string, status?: number): Case['open'] {
  return async (stack) => {
    const env = {
      AZURE_CLIENT_ID: 'a8fdfbd0-da97-42d9-8f1a-fd6a7cb650b4',
      AZURE_CLIENT_SECRET: secret,
      AZURE_TENANT_ID: '72f988bf-86f1-41af-91ab-2d7cd011db47',
    }
    const fake = await startAzure({
      names: ['login.microsoftonline.com', ACR],
      tenantId: env.AZURE_TENANT_ID,
      clientId: env.AZURE_CLIENT_ID,
      clientSecret: 'right',
      now: Date.now,
    })
    stack.defer(() => fake.close())
    if (status !== undefined) fake.misbehave('entra', (_, res) => sendJson(res, status, {}))
    const login = ['--from-env', Object.keys(env).join(',')]
    return { host: ACR, login, env, connect: fake.connect }
  }
}

const PASSWORD = { login: ['--username', 'ann', '--password-stdin'], input: 'canary-wrong' }

function generic(kind: 'basic' | 'bearer'): Case['open'] {
  return async (stack) => {
    const registry = await startRegistry({ auth: { kind, username: 'ann', password: 'right' } })
    stack.defer(() => registry.close())
    return { host: registry.host, ...PASSWORD, upstream: 'tls = false' }
  }
}

const KEY = /with key …MPLE/
const ENTRA = /service principal "a8fdfbd0-da97-42d9-8f1a-fd6a7cb650b4"/
const EXPLAIN = /purser (explain|login) /

const CASES: readonly Case[] = [
  {
    name: 'a wrong secret at Amazon',
    open: amazon(undefined, 'canary-wrong'),
    identity: KEY,
    answer: /InvalidSignatureException, status 40\d/,
    hint: /log in with one that is/,
    state: 'refused',
  },
  {
    name: 'a session that has ended at Amazon',
    open: amazon({ error: 'ExpiredTokenException' }),
    identity: KEY,
    answer: /ExpiredTokenException, status 400/,
    hint: /log in with the keys of a new one/,
    state: 'expired',
  },
  {
    name: 'no way to Amazon',
    open: async () => ({
      ...amazonKeys('right'),
      connect: [['api.ecr.us-east-1.amazonaws.com:443', NOWHERE]],
    }),
    identity: KEY,
    answer: /ECONNREFUSED/,
    hint: /see whether|try again/,
    state: 'unreachable',
  },
  {
    name: 'a key that is deleted at Google',
    open: google(false),
    identity: /service account ci@acme\.iam\.gserviceaccount\.com/,
    answer: /invalid_grant, status 400/,
    hint: /log in with a new key/,
    state: 'refused',
  },
  {
    name: 'no way to Google',
    open: google(true, true),
    identity: /service account ci@acme\.iam\.gserviceaccount\.com/,
    answer: /ECONNREFUSED/,
    hint: /see whether|try again/,
    state: 'unreachable',
  },
  {
    name: 'a wrong secret at Azure',
    open: azure('canary-wrong'),
    identity: ENTRA,
    answer: /AADSTS7000215, status 401/,
    hint: /give its value, not its id/,
    state: 'refused',
  },
  {
    name: 'too many questions at Azure',
    open: azure('right', 429),
    identity: ENTRA,
    answer: /status 429/,
    hint: /try again later|asked again in/,
    state: 'unreachable',
  },
  {
    name: 'a wrong password at a token service',
    open: generic('bearer'),
    identity: /user "ann"|entry default/,
    answer: /status 401/,
    hint: EXPLAIN,
    state: 'refused',
    byRegistry: true,
  },
  {
    name: 'a wrong password at a registry',
    open: generic('basic'),
    identity: /entry default/,
    answer: /status 401/,
    hint: EXPLAIN,
    state: 'refused',
    byRegistry: true,
  },
  {
    name: 'no way to a registry',
    open: async () => ({ host: NOWHERE, ...PASSWORD, upstream: 'tls = false' }),
    identity: /entry default/,
    answer: /ECONNREFUSED/,
    hint: /see whether/,
    state: 'unreachable',
    byRegistry: true,
  },
]

/** What a docker client shows of an answer of the proxy's. */
async function throughProxy(serving: Serving, host: string): Promise<string> {
  const { body } = await serving.get(`/v2/${host.replace(':', '_')}/acme/app/manifests/1`)
  return String(JSON.parse(body).errors[0].message)
}

describe.each(CASES)('$name', ({ open, identity, answer, hint, state, byRegistry }) => {
  const stack = new AsyncDisposableStack()
  let shipped: Shipped
  let serving: Serving
  let host: string

  beforeAll(async () => {
    shipped = await openShipped()
    stack.use(shipped.stack)
    const world = await open(stack)
    host = world.host
    const config = [
      ...(world.upstream === undefined ? [] : ['[[upstream]]', `host = "${host}"`, world.upstream]),
      '[tls]',
      `ca = ["${testAuthority().caFile}"]`,
      '[connect]',
      ...[...(world.connect ?? [])].map(([from, to]) => `"${from}" = "${to}"`),
    ]
    await mkdir(shipped.home, { mode: 0o700 })
    await writeFile(join(shipped.home, 'config.toml'), config.join('\n'))
    const login = await shipped.purser(['login', host, ...world.login], world.input, world.env)
    expect(login).toMatchObject({ status: 0 })
    serving = await shipped.serve(config)
  })
  afterAll(() => stack.disposeAsync())

  /** One line that names identity, source, answer and what to do. */
  function expectTold(text: string, parts: readonly RegExp[] = [identity, answer, hint]): void {
    for (const part of parts) expect(text).toMatch(part)
    expect(text).toMatch(new RegExp(`entry default for ${host} of workspace default`))
    expect(text).not.toMatch(/not found|canary/i)
  }

  const ALONE = { PURSER_SOCKET: '' }

  describe.skipIf(byRegistry)('as the cloud’s refusal', () => {
    it.each([
      ['the helper, by the agent', {}],
      ['the helper alone', ALONE],
    ])('%s', async (_name, env) => {
      const { status, stdout } = await shipped.helper('get', host, env)
      expect(status).toBe(1)
      expect(stdout).toMatch(/^[^\n]+\n$/)
      expect(stdout).not.toContain(NOT_FOUND)
      expectTold(stdout)
    })

    it.each(['get', 'explain'])('%s', async (command) => {
      const { status, stdout, stderr } = await shipped.purser([command, host])
      expect([1, 4]).toContain(status)
      expectTold(stderr)
      expect(stdout).not.toContain('canary')
    })
  })

  it('token', async () => {
    const { status, stdout, stderr } = await shipped.purser(['token', `${host}/acme/app`])
    // Where no token is made, none is refused.
    if (stderr.includes('takes a user name and password, not a token')) return
    expect([1, 4]).toContain(status)
    expect(stdout).toBe('')
    expectTold(stderr)
  })

  it('check', async () => {
    const { status, stdout } = await shipped.purser(['check', '--json', host])
    expect(status).toBe(1)
    const [row] = JSON.parse(stdout)
    expect(row).toMatchObject({ host, name: 'default', source: 'vault', state })
    expect(row.reason).toMatch(answer)
    expect(row.hint).toMatch(/./)
    expect(stdout).not.toContain('canary')
  })

  it('the proxy', async () => {
    const told = await throughProxy(serving, host)
    expect(told).not.toContain('no credential')
    expectTold(told)
  })
})
