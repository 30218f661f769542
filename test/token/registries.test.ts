import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { staticLogin } from '../../src/model/login.ts'
import { createTokens } from '../../src/token/tokens.ts'
import vectors from '../vectors/challenges.json' with { type: 'json' }
import { type Challenged, openWorld } from './world.ts'

/** A registry's own challenge, and what its token service is asked then; nothing, if it has none. */
interface Vector extends Challenged {
  readonly name: string
  /** `user:password` */
  readonly login: string
  readonly scope: string
  /** The operator's word on where its credentials may go. */
  readonly realms?: readonly string[]
  readonly asked?: string
}

const VECTORS: readonly Vector[] = vectors

const basicOf = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`

describe('logs in to', () => {
  test.each(VECTORS)('$name', async (vector) => {
    const { host, login: pair, scope, realms = [], challenge } = vector
    const { net, probes, asked } = await openWorld(vector)
    const tokens = createTokens({ net, now: () => 0 })
    const colon = pair.indexOf(':')
    const login = staticLogin(pair.slice(0, colon), pair.slice(colon + 1))
    const header = await tokens.authorizationFor({
      upstream: { host: parseHost(host), tls: true, realms },
      login,
      scopes: [scope],
      signal: AbortSignal.timeout(20_000),
    })
    const isBasic = challenge.startsWith('Basic')
    const none = isBasic ? basicOf(pair) : undefined
    expect(header?.reveal()).toBe(vector.asked === undefined ? none : 'Bearer token-1')
    // The password goes to the token service, in the header alone, and an identity token in the form.
    const authorization = vector.asked?.startsWith('GET') === true ? basicOf(pair) : undefined
    const expected = vector.asked === undefined ? [] : [{ what: vector.asked, authorization }]
    expect(asked).toEqual(expected)
    expect(probes.map((probe) => probe.authorization)).toEqual([undefined])
  })
})
