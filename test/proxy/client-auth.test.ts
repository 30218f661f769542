import { describe, expect, test } from 'vitest'
import { newLeaseSecrets } from '../../src/lease/lease.ts'
import { staticLogin } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import { authenticateClients, type ClientAuth } from '../../src/proxy/client-auth.ts'
import { fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const lease = newLeaseSecrets().secret.reveal()
const ended = newLeaseSecrets().secret.reveal()

/** A proxy that knows one lease. */
async function open(auth: ClientAuth) {
  const registry = await fakeRegistry()
  const digest = registry.putBlob('acme/app', Buffer.from('layer'))
  const upstream = upstreamAt(registry.host)
  const { url } = await runProxy([upstream], {
    own: upstream,
    login: () => staticLogin('everybody', 'e'),
    receive: (everybody) =>
      authenticateClients({
        auth,
        everybody,
        leaseService: (secret) => (secret === lease ? everybody : undefined),
      }),
  })
  const path = `/v2/acme/app/blobs/${digest}`
  return {
    async as(authorization: string | undefined, where = path) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`${url}${where}`, { headers })
      const body = await answer.text()
      return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body }
    },
  }
}

const basic = (password: string, user = 'lease') =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

const CHALLENGE = 'Basic realm="purser", charset="UTF-8"'

interface Case {
  readonly name: string
  readonly authorization: string | undefined
  /** What each mode answers: open, lease, basic. */
  readonly answers: readonly [open: number, lease: number, basic: number]
}

const CASES: readonly Case[] = [
  { name: 'nothing', authorization: undefined, answers: [200, 401, 401] },
  { name: 'a lease’s secret', authorization: basic(lease), answers: [200, 200, 200] },
  { name: 'it under any name', authorization: basic(lease, 'x'), answers: [200, 200, 200] },
  {
    name: 'it with the scheme in small letters',
    authorization: basic(lease).replace('Basic', 'basic'),
    answers: [200, 200, 200],
  },
  {
    name: 'the secret of one that has ended',
    authorization: basic(ended),
    answers: [401, 401, 401],
  },
  { name: 'half of it', authorization: basic(lease.slice(0, 30)), answers: [401, 401, 401] },
  { name: 'the password', authorization: basic('hunter2'), answers: [200, 401, 200] },
  { name: 'half of the password', authorization: basic('hunter'), answers: [200, 401, 401] },
  { name: 'no password', authorization: basic(''), answers: [200, 401, 401] },
  { name: 'a lease’s secret as user', authorization: basic('', lease), answers: [200, 401, 401] },
  { name: 'a bearer token', authorization: `Bearer ${lease}`, answers: [200, 401, 401] },
  { name: 'no base64', authorization: 'Basic ***', answers: [200, 401, 401] },
]

describe.each<{ readonly auth: ClientAuth; readonly mode: 0 | 1 | 2 }>([
  { auth: { kind: 'open' }, mode: 0 },
  { auth: { kind: 'lease' }, mode: 1 },
  { auth: { kind: 'basic', secret: new Secret('hunter2') }, mode: 2 },
])('a proxy that is for $auth.kind', ({ auth, mode }) => {
  test.each(CASES)('answers $name', async ({ authorization, answers }) => {
    const proxy = await open(auth)
    const { status, challenge, body } = await proxy.as(authorization)
    expect(status).toBe(answers[mode])
    expect(challenge).toBe(status === 401 ? CHALLENGE : null)
    expect(body).not.toContain('purser_lease_')
    // What a client asks first is answered alike: it would not show its password otherwise.
    expect((await proxy.as(authorization, '/v2/')).status).toBe(answers[mode])
  })

  test.each(['/livez', '/readyz'])('tells anybody that it is there: %s', async (where) => {
    expect((await (await open(auth)).as(undefined, where)).status).toBe(200)
  })
})

test('says why it does not answer', async () => {
  const refused = async (auth: ClientAuth, authorization?: string) =>
    JSON.parse((await (await open(auth)).as(authorization)).body).errors[0]
  expect(await refused({ kind: 'lease' })).toEqual({
    code: 'UNAUTHORIZED',
    message: 'purser: this proxy is for leases alone: log in with the secret of one as password',
  })
  expect(await refused({ kind: 'open' }, basic(ended))).toEqual({
    code: 'UNAUTHORIZED',
    message: 'purser: the lease whose secret was shown has ended',
  })
  expect(await refused({ kind: 'basic', secret: new Secret('x') })).toEqual({
    code: 'UNAUTHORIZED',
    message: 'purser: this proxy has a password',
  })
})
