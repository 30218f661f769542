import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { JOE, PULL, setUp } from './harness.ts'

describe('a refusal', () => {
  test('of a token has another one fetched, once for all that it was refused to', async () => {
    const { ask, tokens, upstream, tokenServer } = await setUp()
    const old = await ask()
    const refusal = { upstream, login: JOE, scopes: PULL, header: old, challenges: [] }
    const renewed = await Promise.all(
      Array.from({ length: 20 }, () => {
        tokens.refused(refusal)
        return ask()
      }),
    )
    expect(new Set(renewed.map((each) => each?.reveal()))).toEqual(
      new Set([`Bearer ${tokenServer.given[1]}`]),
    )
    tokens.refused(refusal)
    expect(await ask()).toBe(renewed[0])
    expect(tokenServer.asked).toHaveLength(2)
  })

  test('says what scope is wanted, and that is asked for first from then on', async () => {
    const { ask, tokens, upstream, tokenServer, clock } = await setUp()
    const header = await ask()
    const challenges = [
      `Bearer realm="${tokenServer.realm}",service="reg",scope="repository:real/name:pull",error="insufficient_scope"`,
    ]
    tokens.refused({ upstream, login: JOE, scopes: PULL, header, challenges })
    await ask()
    clock.now += 300_000
    await ask()
    const scopes = tokenServer.asked.map(({ params }) => params.getAll('scope'))
    expect(scopes).toEqual([
      PULL,
      ['repository:real/name:pull', ...PULL],
      ['repository:real/name:pull', ...PULL],
    ])
  })

  test('gets a pull no token to push or delete with', async () => {
    const { ask, tokens, upstream, tokenServer } = await setUp()
    const header = await ask()
    const wanted =
      'repository:acme/app:pull,push repository:real/name:delete,pull registry:catalog:*'
    const challenges = [`Bearer realm="${tokenServer.realm}",service="reg",scope="${wanted}"`]
    tokens.refused({ upstream, login: JOE, scopes: PULL, header, challenges })
    await ask()
    const asked = tokenServer.asked.at(-1)?.params.getAll('scope')
    expect(asked).toEqual([...PULL, 'repository:real/name:pull'])
  })

  test('contradicts what was believed', async () => {
    const { header, tokens, upstream, tokenServer, probes } = await setUp({
      status: 200,
      challenges: [],
    })
    expect(await header()).toBeUndefined()
    tokens.refused({
      upstream,
      login: JOE,
      scopes: PULL,
      header: undefined,
      challenges: [`Bearer realm="${tokenServer.realm}"`],
    })
    expect(await header()).toBe(`Bearer ${tokenServer.given[0]}`)
    expect(probes).toHaveLength(1)
  })

  test('without a challenge, of nothing, has the registry asked again', async () => {
    const { header, tokens, upstream, probes, say } = await setUp({ status: 200, challenges: [] })
    await header()
    say({ status: 401, challenges: ['Basic realm="x"'] })
    tokens.refused({ upstream, login: JOE, scopes: PULL, header: undefined, challenges: [] })
    expect(await header()).toMatch(/^Basic /)
    expect(probes).toHaveLength(2)
  })

  test('of an expired token does not move the realm, as NGC would', async () => {
    const { ask, header, tokens, upstream, tokenServer } = await setUp()
    const old = await ask()
    const challenges = ['Bearer realm="https://authn.nvidia.com/token",error="invalid_token"']
    tokens.refused({ upstream, login: JOE, scopes: PULL, header: old, challenges })
    expect(await header()).toBe(`Bearer ${tokenServer.given[1]}`)
  })

  test('of one upstream is nothing to another', async () => {
    const one = await setUp()
    const header = await one.ask()
    const elsewhere = { ...one.upstream, host: parseHost('127.0.0.1:9') }
    one.tokens.refused({ upstream: elsewhere, login: JOE, scopes: PULL, header, challenges: [] })
    expect(await one.ask()).toBe(header)
  })
})
