import { expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'
import { digestOf, type FakeRegistry, type Override } from '../fakes/registry.ts'
import { type Answer, ask, errorOf, fakeRegistry, runProxy, upstreamAt } from './harness.ts'
import { runMintingProxy } from './minting.ts'

const HOUR_MS = 60 * 60_000
const BLOB = Buffer.from('layer')
const SAYS_EXPIRED = 'Your Authorization Token has expired. Please run aws ecr get-login-password'

/** How a registry says that a login has ended. */
type Refusal = 401 | 403 | 400

interface Cloud {
  readonly registry: FakeRegistry
  readonly url: string
  /** Ends the login that was minted last, before its time. */
  end(): void
  /** Refuses every login from now on. */
  shut(): void
  /** Mints no more. */
  fail(): void
  /** Lets this much time go by. */
  wait(ms: number): void
  readonly minted: () => number
}

/** A registry whose logins a cloud mints, and a proxy with a real resolver, cache and tokens. */
async function startCloud(scheme: 'basic' | 'bearer', refusal: Refusal = 401): Promise<Cloud> {
  const clock = { now: Date.now() }
  let minted = 0
  let good = 0
  let isOpen = true
  let fails = false
  const override = (scheme === 'bearer' ? takesTokens : takesLogins)({
    isGood: (header) => isOpen && header === basic(`AWS:password-${good}`),
    token: () => `token-${good}`,
    refusal,
  })
  const registry = await fakeRegistry({ override })
  registry.putBlob('acme/app', BLOB)
  const own = upstreamAt(registry.host)
  const { url } = await runMintingProxy(
    own,
    () => clock.now,
    async () => {
      if (fails) throw new PurserError('exchange-failed', 'the cloud is down')
      minted++
      good = minted
      const expiresAt = new Date(clock.now + 12 * HOUR_MS)
      return { username: 'AWS', secret: new Secret(`password-${minted}`), expiresAt }
    },
  )
  return {
    registry,
    url,
    minted: () => minted,
    end() {
      good = 0
      // The memo's second is over; the cache's twelve hours are not.
      clock.now += 10 * 60_000
    },
    shut() {
      isOpen = false
    },
    fail() {
      fails = true
    },
    wait(ms) {
      clock.now += ms
    },
  }
}

interface Guard {
  isGood(header: string | undefined): boolean
  token(): string
  readonly refusal: Refusal
}

function takesLogins({ isGood, refusal }: Guard): Override {
  return (req, res) => {
    const isPing = req.url === '/v2/'
    if (!isPing && isGood(req.headers.authorization)) return false
    const status = isPing ? 401 : refusal
    if (status === 401) res.setHeader('WWW-Authenticate', 'Basic realm="ecr"')
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: SAYS_EXPIRED }] })
    res.writeHead(status).end(req.method === 'HEAD' ? undefined : body)
    return true
  }
}

function takesTokens({ isGood, token, refusal }: Guard): Override {
  return ({ url = '', headers }, res) => {
    if (headers.authorization === `Bearer ${token()}`) return false
    if (url.startsWith('/v2/token')) {
      const granted = isGood(headers.authorization)
      const body = granted ? { token: token(), expires_in: 300 } : {}
      res.writeHead(granted ? 200 : refusal).end(JSON.stringify(body))
      return true
    }
    const realm = `Bearer realm="http://${headers.host}/v2/token",service="s"`
    res.writeHead(401, { 'WWW-Authenticate': realm }).end()
    return true
  }
}

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

const PULLS = [
  { method: 'GET', what: `blobs/${digestOf(BLOB)}` },
  { method: 'HEAD', what: `blobs/${digestOf(BLOB)}` },
  { method: 'POST', what: 'blobs/uploads/' },
] as const

const SCHEMES = [
  { scheme: 'basic', refusal: 401 },
  { scheme: 'basic', refusal: 403 },
  { scheme: 'basic', refusal: 400 },
  { scheme: 'bearer', refusal: 401 },
  { scheme: 'bearer', refusal: 403 },
] as const

const isFine = ({ status }: Answer) => status >= 200 && status < 300

test.each(SCHEMES.flatMap((scheme) => PULLS.map((pull) => ({ ...scheme, ...pull }))))(
  '$method after the login has ended, by $scheme and $refusal, costs one exchange',
  async ({ scheme, refusal, method, what }) => {
    const cloud = await startCloud(scheme, refusal)
    const request = () => ask(`${cloud.url}/v2/acme/app/${what}`, { method })
    expect(await request()).toSatisfy(isFine)
    cloud.end()
    expect(await request()).toSatisfy(isFine)
    expect(await request()).toSatisfy(isFine)
    expect(cloud.minted()).toBe(2)
  },
)

test.each(SCHEMES)(
  'a body is never sent twice: by $scheme and $refusal, the client is told to try again',
  async ({ scheme, refusal }) => {
    const cloud = await startCloud(scheme, refusal)
    const manifest = { method: 'PUT', body: '{}' } as const
    const put = () => ask(`${cloud.url}/v2/acme/app/manifests/1`, manifest)
    const puts = () => cloud.registry.asked.filter((asked) => asked.method === 'PUT')
    expect(await put()).toMatchObject({ status: 201 })
    cloud.end()
    const answer = await put()
    // The token service tells before the body is asked for; the registry, only after it has begun.
    if (scheme === 'basic') {
      expect(answer.status).toBe(503)
      expect(errorOf(answer).message).toMatch(/ended meanwhile and was renewed: try again$/)
      expect(puts()).toHaveLength(2)
    } else {
      expect(answer.status).toBe(201)
    }
    expect(await put()).toMatchObject({ status: 201 })
    expect(cloud.minted()).toBe(2)
  },
)

test.each(['PATCH', 'PUT'])('%s of an upload neither', async (method) => {
  const cloud = await startCloud('basic')
  const { headers } = await ask(`${cloud.url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
  cloud.end()
  const query = method === 'PUT' ? `?digest=${digestOf(BLOB)}` : ''
  const send = () => ask(`${cloud.url}${headers.location}${query}`, { method, body: BLOB })
  expect(await send()).toMatchObject({ status: 503 })
  expect(await send()).toSatisfy(isFine)
  expect(cloud.minted()).toBe(2)
})

const lateUploads = [
  { method: 'PATCH', query: '' },
  { method: 'PUT', query: `?digest=${digestOf(BLOB)}` },
]

test.each(lateUploads)('before a $method, the login has half of its life left', async (each) => {
  const { method, query } = each
  const cloud = await startCloud('basic')
  const { headers } = await ask(`${cloud.url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
  const at = `${cloud.url}${headers.location}`
  cloud.wait(6.5 * HOUR_MS)
  // Good for five hours yet.
  expect(await ask(at)).toSatisfy(isFine)
  expect(cloud.minted()).toBe(1)
  expect(await ask(`${at}${query}`, { method, body: BLOB })).toSatisfy(isFine)
  expect(cloud.minted()).toBe(2)
})

test.each(lateUploads)('a $method goes with what there is if there is no other', async (each) => {
  const { method, query } = each
  const cloud = await startCloud('basic')
  const { headers } = await ask(`${cloud.url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
  cloud.wait(6.5 * HOUR_MS)
  cloud.fail()
  const url = `${cloud.url}${headers.location}${query}`
  expect(await ask(url, { method, body: BLOB })).toSatisfy(isFine)
  expect(cloud.minted()).toBe(1)
})

test('a token that has ended may be called invalid, as by Amazon’s public registry', async () => {
  let good = 1
  const said = JSON.stringify({ errors: [{ message: 'Your Authorization Token is invalid.' }] })
  const registry = await fakeRegistry({
    override({ headers }, res) {
      if (headers.authorization === `Bearer ${good}`) return false
      res.writeHead(400).end(said)
      return true
    },
  })
  registry.putBlob('acme/app', BLOB)
  const own = upstreamAt(registry.host)
  let token = 1
  const { url } = await runProxy([own], {
    own,
    tokens: {
      authorizationFor: async () => new Secret(`Bearer ${token}`),
      refused: () => void token++,
    },
  })
  const pull = () => ask(`${url}/v2/acme/app/blobs/${digestOf(BLOB)}`)
  expect(await pull()).toSatisfy(isFine)
  good = 2
  expect(await pull()).toSatisfy(isFine)
  good = 9
  expect(await pull()).toMatchObject({ status: 401 })
})

test('a registry that says 401 for what is not yours does not use up the exchanges', async () => {
  const cloud = await startCloud('basic')
  const blob = `${cloud.url}/v2/acme/app/blobs/${digestOf(BLOB)}`
  expect(await ask(blob)).toSatisfy(isFine)
  cloud.shut()
  // A client that does not give up, for an hour.
  for (let i = 0; i < 360; i++) {
    cloud.wait(10_000)
    expect(await ask(blob)).toMatchObject({ status: 401 })
  }
  expect(cloud.minted()).toBeLessThanOrEqual(1 + 12)
})
