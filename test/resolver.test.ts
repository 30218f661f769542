import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache/cache.ts'
import type { Credential } from '../src/model/credential.ts'
import { PurserError } from '../src/model/errors.ts'
import { parseHost } from '../src/model/host.ts'
import { type Login, staticLogin } from '../src/model/login.ts'
import { Secret } from '../src/model/secret.ts'
import type { Target } from '../src/model/target.ts'
import type { Registry } from '../src/registries/registry.ts'
import { createResolver } from '../src/resolver.ts'
import type { Source } from '../src/sources/source.ts'

const never = new AbortController().signal
const HOUR = 60 * 60 * 1000
const START = 1_800_000_000_000

const target: Target = {
  workspace: 'default',
  host: parseHost('registry.example'),
  repository: 'acme/app',
  action: 'pull',
}

function keys(secret: string): Credential {
  return {
    kind: 'aws',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: new Secret(secret),
    sessionToken: undefined,
    role: undefined,
  }
}

const password: Credential = { kind: 'basic', username: 'u', password: new Secret('p') }

function source(name: string, answer: () => Credential | undefined) {
  let asked = 0
  return {
    asked: () => asked,
    name,
    async find() {
      asked++
      const credential = answer()
      return credential && { credential, from: `entry of ${name}` }
    },
  } satisfies Source & { asked(): number }
}

/** A registry whose cloud mints `minted-1`, `minted-2`, …, each for 12 hours. */
function cloud(now: () => number, fail?: () => void) {
  let exchanges = 0
  const registry: Registry = {
    name: 'cloud',
    matches: () => true,
    read: () => undefined,
    audience: ({ name }) => name,
    async exchange(credential): Promise<Login> {
      if (credential.kind === 'basic') {
        return { username: credential.username, secret: credential.password, expiresAt: undefined }
      }
      exchanges++
      fail?.()
      const secret = new Secret(`minted-${exchanges}`)
      return { username: 'AWS', secret, expiresAt: new Date(now() + 12 * HOUR) }
    },
  }
  return { registry, exchanges: () => exchanges }
}

function setUp(sources: readonly Source[], fail?: () => void) {
  let at = START
  const now = () => at
  const { registry, exchanges } = cloud(now, fail)
  const resolver = createResolver({
    sources,
    registries: [registry],
    cache: createCache({ now }),
    now,
  })
  const secret = async () => (await resolver.resolve(target, never))?.login.secret.reveal()
  return {
    resolver,
    exchanges,
    secret,
    pass: (ms: number) => {
      at += ms
    },
  }
}

describe('a resolver', () => {
  it('answers from the first source that has it, and asks no further', async () => {
    const first = source('first', () => undefined)
    const second = source('second', () => password)
    const third = source('third', () => keys('k'))
    const { resolver } = setUp([first, second, third])
    expect(await resolver.resolve(target, never)).toMatchObject({
      login: { username: 'u' },
      source: 'second',
      from: 'entry of second',
      registry: 'cloud',
    })
    expect([first.asked(), second.asked(), third.asked()]).toEqual([1, 1, 0])
  })

  it('has nothing where no source has', async () => {
    const { resolver } = setUp([source('only', () => undefined)])
    expect(await resolver.resolve(target, never)).toBeUndefined()
  })

  it('stops at a source that is at fault, and never takes the weaker one behind it', async () => {
    const broken = source('broken', () => {
      throw new PurserError('vault-corrupt', 'the vault is damaged')
    })
    const weaker = source('weaker', () => password)
    const { resolver } = setUp([broken, weaker])
    await expect(resolver.resolve(target, never)).rejects.toMatchObject({ code: 'vault-corrupt' })
    expect(weaker.asked()).toBe(0)
  })

  it('tells which identity a cloud refused, and where it was from', async () => {
    const weaker = source('weaker', () => password)
    const { resolver } = setUp([source('vault', () => keys('k')), weaker], () => {
      throw new PurserError('exchange-failed', 'Amazon refused', { hint: 'mend it' })
    })
    await expect(resolver.resolve(target, never)).rejects.toMatchObject({
      code: 'exchange-failed',
      message: 'cannot log in to registry.example/acme/app with entry of vault',
      cause: { message: 'Amazon refused' },
    })
    expect(weaker.asked()).toBe(0)
  })

  it('exchanges once for as long as the login lives, and anew before it ends', async () => {
    const { secret, exchanges, pass } = setUp([source('vault', () => keys('k'))])
    expect(await Promise.all([secret(), secret(), secret()])).toEqual(Array(3).fill('minted-1'))
    pass(10 * HOUR)
    expect(await secret()).toBe('minted-1')
    pass(1.5 * HOUR)
    expect(await secret()).toBe('minted-2')
    expect(exchanges()).toBe(2)
  })

  it('takes a changed credential for another identity at once', async () => {
    let current = 'one'
    const { secret } = setUp([source('vault', () => keys(current))])
    expect(await secret()).toBe('minted-1')
    current = 'two'
    expect(await secret()).toBe('minted-2')
    current = 'one'
    expect(await secret()).toBe('minted-1')
  })

  it('forgets a login that the registry refused, and not a newer one', async () => {
    const { resolver, secret } = setUp([source('vault', () => keys('k'))])
    const refused = await resolver.resolve(target, never)
    if (refused === undefined) throw new Error('no login')
    resolver.forget?.(refused.login)
    expect(await secret()).toBe('minted-2')
    resolver.forget?.(refused.login)
    expect(await secret()).toBe('minted-2')
  })

  it('makes one exchange of 10,000 questions at once', async () => {
    const { secret, exchanges } = setUp([source('vault', () => keys('k'))])
    const secrets = await Promise.all(Array.from({ length: 10_000 }, secret))
    expect(new Set(secrets)).toEqual(new Set(['minted-1']))
    expect(exchanges()).toBe(1)
  })

  it('renews a login in its last part of life, and tells when that is', async () => {
    const { resolver, exchanges, pass } = setUp([source('vault', () => keys('k'))])
    const first = await resolver.resolve(target, never)
    if (first === undefined) throw new Error('no login')
    expect(resolver.upkeepOf?.(first.login)).toEqual({
      slot: expect.stringContaining('cloud'),
      dueAt: START + 8.1 * HOUR,
      servedUntil: START + 10.8 * HOUR,
    })
    pass(8 * HOUR)
    expect((await resolver.renew?.(target, never))?.login).toBe(first.login)
    pass(0.1 * HOUR)
    const second = await resolver.renew?.(target, never)
    expect(second?.login.secret.reveal()).toBe('minted-2')
    expect(exchanges()).toBe(2)
    expect(resolver.upkeepOf?.(first.login)).toBeUndefined()
  })

  it('knows no upkeep of a login that is in its credential', async () => {
    const { resolver } = setUp([source('vault', () => password)])
    const resolution = await resolver.resolve(target, never)
    if (resolution === undefined) throw new Error('no login')
    expect(resolver.upkeepOf?.(resolution.login)).toBeUndefined()
    expect((await resolver.renew?.(target, never))?.login.username).toBe('u')
  })

  it('asks the next source where a machine has no such identity, and the cloud not again', async () => {
    let at = START
    let asked = 0
    const missing: Registry = {
      ...cloud(() => at).registry,
      async exchange(credential) {
        if (credential.kind === 'basic') return staticLogin('u', credential.password)
        asked++
        return undefined
      },
    }
    const now = () => at
    const resolver = createResolver({
      sources: [source('cloud', () => ({ kind: 'ambient-gcp' })), source('vault', () => password)],
      registries: [missing],
      cache: createCache<Login | undefined>({ now }),
      now,
    })
    const ask = async () => (await resolver.resolve(target, never))?.source
    expect([await ask(), await ask()]).toEqual(['vault', 'vault'])
    expect(asked).toBe(1)
    at += 9 * 60_000
    await ask()
    expect(asked).toBe(2)
  })

  it.each<[string, Credential, number]>([
    ['is exchanged anew when its marks change', { kind: 'ambient-gcp' }, 2],
    ['is not, if it holds what it needs', keys('k'), 1],
  ])('a credential of the machine %s', async (_, credential, expected) => {
    let mark = 'one'
    const now = () => START
    const { registry, exchanges } = cloud(now)
    const resolver = createResolver({
      sources: [source('cloud', () => credential)],
      registries: [registry],
      cache: createCache<Login | undefined>({ now }),
      now,
      markOf: () => mark,
    })
    await resolver.resolve(target, never)
    await resolver.resolve(target, never)
    mark = 'two'
    await resolver.resolve(target, never)
    expect(exchanges()).toBe(expected)
  })
})
