import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseChallenges } from '../../src/token/challenge.ts'

/** As one line each: `scheme token68 name=value`. */
function read(...headers: string[]): string[] {
  return parseChallenges(headers).map(({ scheme, token68, params }) =>
    [scheme, token68, ...[...params].map(([name, value]) => `${name}=${value}`)]
      .filter((part) => part !== undefined)
      .join(' '),
  )
}

const HUB =
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"'

const TABLE: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['nothing', [], []],
  ['empty', [''], []],
  ['commas alone', [' , ,, '], []],
  [
    'Docker Hub',
    [HUB],
    [
      'bearer realm=https://auth.docker.io/token service=registry.docker.io scope=repository:library/alpine:pull',
    ],
  ],
  [
    'NGC, without service',
    [
      'Bearer realm="https://nvcr.io/proxy_auth", scope="repository:nvidia/cuda:pull,push" , error="x"',
    ],
    ['bearer realm=https://nvcr.io/proxy_auth scope=repository:nvidia/cuda:pull,push error=x'],
  ],
  [
    'ECR',
    ['Basic realm="https://1.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com"'],
    ['basic realm=https://1.dkr.ecr.us-east-1.amazonaws.com/ service=ecr.amazonaws.com'],
  ],
  [
    'two in one header',
    ['Basic realm="simple", Bearer realm="r",service=s'],
    ['basic realm=simple', 'bearer realm=r service=s'],
  ],
  ['two headers', ['Basic realm="a"', 'Bearer realm="b"'], ['basic realm=a', 'bearer realm=b']],
  [
    'the RFC example',
    [
      `Basic realm="simple", Newauth realm="apps", type=1,
                     title="Login to \\"apps\\""`.replace('\n', ''),
    ],
    ['basic realm=simple', 'newauth realm=apps type=1 title=Login to "apps"'],
  ],
  ['case', ['bEARER REALM="R"'], ['bearer realm=R']],
  ['scheme alone', ['Negotiate'], ['negotiate']],
  ['scheme alone among others', ['Negotiate, Basic realm=x'], ['negotiate', 'basic realm=x']],
  ['token68', ['Negotiate abc+/=='], ['negotiate abc+/==']],
  ['token68, then another', ['Negotiate ab==, Basic realm=x'], ['negotiate ab==', 'basic realm=x']],
  ['params, then token68', ['Basic realm=x, Negotiate ab=='], ['basic realm=x', 'negotiate ab==']],
  ['spaces around =', ['Bearer realm = "a" , service\t=\tb'], ['bearer realm=a service=b']],
  ['empty value', ['Bearer realm="",service=""'], ['bearer realm= service=']],
  [
    'bare URL',
    ['Bearer realm=https://a.example/t,service=s'],
    ['bearer realm=https://a.example/t service=s'],
  ],
  [
    'empty elements',
    [',, Basic realm=x ,, , Bearer realm=y,'],
    ['basic realm=x', 'bearer realm=y'],
  ],
  [
    'quoted comma and scheme',
    ['Bearer realm="a, Basic realm=b"'],
    ['bearer realm=a, Basic realm=b'],
  ],
  ['escaped backslash', ['Bearer realm="a\\\\"'], ['bearer realm=a\\']],
  ['unclosed quote', ['Bearer realm="https://a'], []],
  ['escaped last quote', ['Bearer realm="a\\"'], []],
  ['a fault keeps what came before', ['Basic realm="a", Bearer realm="'], ['basic realm=a']],
  ['missing comma', ['Bearer realm="a" service="b"'], []],
  ['no value', ['Bearer realm='], ['bearer realm=']],
  ['value starts with =', ['Bearer realm==a'], ['bearer realm==a']],
  ['two words', ['Basic foo bar'], []],
  ['realm twice', ['Bearer realm="https://a", realm="https://evil"'], []],
  ['realm twice, by case', ['Bearer realm="a",REALM="b", Basic realm=c'], ['basic realm=c']],
  ['no scheme', ['="x"'], []],
  ['CR and LF', ['Bearer realm="a"\r\nX: y'], []],
  ['NUL', ['Bearer realm="\0"'], []],
  ['too long', [`Bearer realm="${'a'.repeat(8192)}"`], []],
  [
    'too long together',
    [`Basic realm="${'a'.repeat(8100)}"`, HUB],
    [`basic realm=${'a'.repeat(8100)}`],
  ],
  ['too many', [Array(20).fill('Basic realm=a').join(',')], Array(16).fill('basic realm=a')],
]

describe('parseChallenges', () => {
  test.each(TABLE)('%s', (_, headers, expected) => {
    expect(read(...headers)).toEqual(expected)
  })

  test('never throws', () => {
    const nearly = fc
      .array(
        fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'realm', '\t', 'é', '\u2028', '\n'),
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), nearly), { maxLength: 4 }), (headers) => {
        expect(parseChallenges(headers).length).toBeLessThanOrEqual(16)
      }),
    )
  })

  test('reads back what was written', () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]{1,12}$/)
    const text = fc.stringMatching(/^[\t -~]{0,20}$/)
    const challenge = fc.record({
      scheme: token,
      params: fc.dictionary(token, text, { minKeys: 1 }),
    })
    const write = ({ scheme, params }: { scheme: string; params: Record<string, string> }) =>
      `${scheme} ${Object.entries(params)
        .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`)
        .join(', ')}`
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 5 }), (challenges) => {
        const read = parseChallenges([challenges.map(write).join(', ')])
        expect(read.map(({ scheme, params }) => ({ scheme, params }))).toEqual(
          challenges.map(({ scheme, params }) => ({
            scheme,
            params: new Map(Object.entries(params)),
          })),
        )
      }),
    )
  })
})
