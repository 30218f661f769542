import { describe, expect, it } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import { isMinted, lastingSource } from '../../src/sources/lasting.ts'
import type { Source } from '../../src/sources/source.ts'

const MINUTE = 60_000
const SINCE = new Date('2026-01-01T00:00:00Z')
const never = new AbortController().signal
const target: Target = {
  workspace: 'team',
  host: parseHost('r.example'),
  repository: 'builds/app',
  action: 'pull',
}

const password = (username: string): Credential => ({
  kind: 'basic',
  username,
  password: new Secret('minted'),
})
const token: Credential = { kind: 'gcp-token', token: new Secret('ya29') }
const identity: Credential = { kind: 'ambient-gcp' }

function source(credential: Credential | undefined, name = 'request.image_credentials') {
  const asked: Target[] = []
  const made: Source = {
    name,
    async find(question) {
      asked.push(question)
      return credential && { credential, from: name }
    },
  }
  return { asked, made }
}

/** What is found so many minutes after it came. */
async function findAfter(
  minutes: number,
  {
    given,
    behind = { credential: identity },
    endsIn,
  }: {
    readonly given: Credential | undefined
    readonly behind?: { readonly credential: Credential | undefined }
    readonly endsIn?: number
  },
) {
  const who = source(behind.credential, 'entry e')
  const lasting = lastingSource(source(given).made, who.made, {
    since: SINCE,
    endOf: () => (endsIn === undefined ? undefined : new Date(SINCE.getTime() + endsIn * MINUTE)),
    now: () => SINCE.getTime() + minutes * MINUTE,
  })
  const found = await lasting.find(target, never)
  return { found, asked: who.asked }
}

describe('what was minted', () => {
  it.each([
    // [minutes, ends in, replaced?]
    [0, 720, false],
    [709, 720, false],
    [710, 720, true],
    [10_000, 720, true],
    // Of one that does not say, half an hour is believed.
    [19, undefined, false],
    [20, undefined, true],
  ])('is replaced before it ends: %d min, of %s: %s', async (minutes, endsIn, replaced) => {
    const ends = endsIn === undefined ? {} : { endsIn }
    const { found, asked } = await findAfter(minutes, { given: password('AWS'), ...ends })
    expect(found).toEqual(
      replaced
        ? { credential: identity, from: 'request.image_credentials, by entry e' }
        : { credential: password('AWS'), from: 'request.image_credentials' },
    )
    expect(asked).toEqual(replaced ? [target] : [])
  })

  it('stays where nobody has the identity behind it: whoever uses it is told', async () => {
    const { found } = await findAfter(800, {
      given: token,
      behind: { credential: undefined },
      endsIn: 60,
    })
    expect(found?.credential).toEqual(token)
  })

  it('is a cloud’s alone: what a person chose is never replaced', async () => {
    const { found, asked } = await findAfter(10_000, { given: password('octocat'), endsIn: 1 })
    expect(found?.credential).toEqual(password('octocat'))
    expect(asked).toEqual([])
  })

  it('nothing is not replaced by something', async () => {
    expect((await findAfter(10_000, { given: undefined })).found).toBeUndefined()
  })

  it.each([
    [password('AWS'), true],
    [password('oauth2accesstoken'), true],
    [token, true],
    [password('aws'), false],
    [identity, false],
  ])('is told from what was not: %j', (credential, expected) => {
    expect(isMinted(credential)).toBe(expected)
  })
})
