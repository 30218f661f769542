import { expect, test } from 'vitest'
import { createRenewal } from '../../src/agent/renewal.ts'
import { createCache } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { createResolver } from '../../src/resolver.ts'
import type { Source } from '../../src/sources/source.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const START = 1_800_000_000_000
const never = new AbortController().signal

const HOSTS = 1_000
const ACCOUNTS = 50
const HOURS = 72
const STEP_MS = 5 * SECOND

/** What is promised of a login of this life: the margin, and the share of the rest before renewal. */
const marginOf = (lifeMs: number) => Math.min(Math.max(lifeMs / 10, MINUTE), lifeMs / 2)
const servedOf = (lifeMs: number) => lifeMs - marginOf(lifeMs)

/** The same numbers each time (Park and Miller's minimal standard): a failure can be seen again. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 0x7fffffff
    return state / 0x7fffffff
  }
}

interface Account {
  /** Of a second step each: some are pulled from all the time, some once a day. */
  readonly chance: number
  readonly outages: readonly (readonly [from: number, to: number])[]
  /** When it was last asked for, and when nobody wants it any more. */
  askedAt: number
  readonly leftAt: number
  /** The last login that was given, and when. */
  given: { readonly at: number; readonly lifeMs: number } | undefined
  readonly failures: number[]
}

function createAccount(random: () => number): Account {
  const outages = Array.from({ length: 3 }, () => {
    const from = START + random() * HOURS * HOUR
    return [from, from + random() * 3 * HOUR] as const
  })
  return {
    chance: 10 ** (-4 * random()),
    outages,
    askedAt: Number.NEGATIVE_INFINITY,
    leftAt: START + (0.3 + random()) * HOURS * HOUR,
    given: undefined,
    failures: [],
  }
}

/** What is wrong with an exchange at this time, be it for a question or a renewal. */
function wrongWith({ given, askedAt }: Account, at: number, isQuestion: boolean): string[] {
  if (given === undefined) return isQuestion ? [] : ['not wanted']
  const age = at - given.at
  const served = servedOf(given.lifeMs)
  // One exchange for each window: none before the last part of what the last one gave.
  if (age < served * 0.75) return ['too early']
  if (isQuestion) return []
  return [
    ...(at - askedAt > served / 2 ? ['not wanted'] : []),
    ...(age >= served ? ['too late'] : []),
  ]
}

test('1,000 hosts of 50 accounts, for 72 hours', async () => {
  const random = createRandom(20_261_121)
  const accounts = Array.from({ length: ACCOUNTS }, () => createAccount(random))
  const lives = new WeakMap<Login, { readonly endsAt: number; readonly lifeMs: number }>()
  let at = START
  let isQuestion = false
  let exchanges = 0
  /** What a renewal that throws would keep to itself. */
  const faulty: string[] = []

  const accountOf = (name: string) => {
    const account = accounts[Number(/\d+$/.exec(name.split('.')[1] ?? '')?.[0])]
    if (account === undefined) throw new Error(`no account of ${name}`)
    return account
  }

  const cloud: Registry = {
    name: 'cloud',
    matches: () => true,
    read: () => undefined,
    audience: ({ name }) => name.split('.').slice(1).join('.'),
    async exchange(_, { host }): Promise<Login> {
      exchanges++
      const account = accountOf(host.name)
      faulty.push(...wrongWith(account, at, isQuestion))
      if (account.outages.some(([from, to]) => at >= from && at < to)) {
        account.failures.push(at)
        throw new PurserError('network', 'no answer')
      }
      const lifeMs = Math.round(5 * MINUTE * (12 * 12) ** random())
      const login = {
        username: 'AWS',
        secret: new Secret(`minted-${exchanges}`),
        expiresAt: new Date(at + lifeMs),
      }
      account.given = { at, lifeMs }
      lives.set(login, { endsAt: at + lifeMs, lifeMs })
      return login
    },
  }
  const source: Source = {
    name: 'vault',
    async find({ host }) {
      const profile = host.name.split('.')[1]
      return { credential: { kind: 'ambient-aws', profile, role: undefined }, from: 'an entry' }
    },
  }
  const now = () => at
  const cache = createCache<Login | undefined>({ now, uptime: () => at - START })
  const resolver = createResolver({ sources: [source], registries: [cloud], cache, now })
  const renewal = createRenewal({ resolver, now, random, log: silentLog })

  const targets = Array.from(
    { length: HOSTS },
    (_, i): Target => ({
      workspace: 'default',
      host: parseHost(`r${i}.account-${i % ACCOUNTS}.example`),
      repository: undefined,
      action: 'pull',
    }),
  )

  let answers = 0
  let faults = 0
  async function ask(target: Target): Promise<void> {
    const account = accountOf(target.host.name)
    account.askedAt = at
    try {
      const resolution = await renewal.resolve(target, never)
      const life = resolution && lives.get(resolution.login)
      if (life === undefined) throw new Error('no login')
      expect(at).toBeLessThan(life.endsAt - marginOf(life.lifeMs))
      answers++
    } catch (error) {
      if (!(error instanceof PurserError)) throw error
      expect(error.code).toBe('network')
      faults++
    }
  }

  for (let step = 0; step < (HOURS * HOUR) / STEP_MS; step++) {
    at += STEP_MS
    isQuestion = true
    for (const [i, account] of accounts.entries()) {
      if (at > account.leftAt || random() >= account.chance) continue
      const target = targets[i + ACCOUNTS * Math.floor((random() * HOSTS) / ACCOUNTS)]
      if (target !== undefined) await ask(target)
    }
    isQuestion = false
    await renewal.check()
  }

  for (const { failures } of accounts) {
    for (const first of failures) {
      const within = failures.filter((then) => then >= first && then - first < HOUR)
      expect(within.length).toBeLessThanOrEqual(12)
    }
  }
  // That it was a test of something.
  const { renewed, failed } = renewal.stats()
  expect(answers).toBeGreaterThan(100_000)
  expect(faults).toBeGreaterThan(100)
  expect(renewed).toBeGreaterThan(500)
  expect(failed).toBeGreaterThan(50)
  expect(faulty).toEqual([])
  // A day of nobody's asking costs each of them one more login at the most.
  const before = exchanges
  for (; at < START + (HOURS + 24) * HOUR; at += MINUTE) await renewal.check()
  expect(exchanges - before).toBeLessThanOrEqual(ACCOUNTS)
  expect(faulty).toEqual([])
}, 60_000)
