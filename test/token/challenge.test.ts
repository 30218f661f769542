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
  [
    'a text in UTF-8, as its bytes',
    [`Basic realm="${Buffer.from('À日').toString('latin1')}"`],
    [`basic realm=${Buffer.from('À日').toString('latin1')}`],
  ],
  ['what no header can hold', ['Bearer realm="\u2028"'], []],
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

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
  const space = fc.stringMatching(/^[ \t]{0,2}$/)
  const quoted = fc
    .stringMatching(/^[\t -~\x80-\xff]{0,20}$/)
    .map((value) => ({ value, written: `"${value.replace(/["\\]/g, '\\$&')}"` }))
  // Some escape what needs no escape.
  const overquoted = fc
    .stringMatching(/^[a-z]{0,8}$/)
    .map((value) => ({ value, written: `"${value.replace(/./g, '\\$&')}"` }))
  const bare = token.map((value) => ({ value, written: value }))
  const param = fc
    .record({ name: token, value: fc.oneof(quoted, overquoted, bare), before: space, after: space })
    .map(({ name, value: { value, written }, before, after }) => ({
      name: name.toLowerCase(),
      value,
      written: `${name}${before}=${after}${written}`,
    }))
  const comma = fc.tuple(space, space, fc.constantFrom('', ',')).map(([a, b, c]) => `${a},${c}${b}`)
  const challenge = fc
    .record({
      scheme: token,
      params: fc.uniqueArray(param, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
      commas: fc.array(comma, { minLength: 4, maxLength: 4 }),
    })
    .map(({ scheme, params, commas }) => ({
      read: {
        scheme: scheme.toLowerCase(),
        token68: undefined,
        params: new Map(params.map(({ name, value }) => [name, value])),
      },
      written: `${scheme} ${params.map(({ written }, i) => (i === 0 ? '' : commas[i]) + written).join('')}`,
    }))
  const alone = token.map((scheme) => ({
    read: { scheme: scheme.toLowerCase(), token68: undefined, params: new Map() },
    written: scheme,
  }))
  const sealed = fc
    .tuple(token, fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,10}={0,2}$/))
    .map(([scheme, token68]) => ({
      read: { scheme: scheme.toLowerCase(), token68, params: new Map() },
      written: `${scheme} ${token68}`,
    }))
  const headers = fc.array(
    fc.tuple(
      fc.array(fc.oneof(challenge, challenge, alone, sealed), { minLength: 1, maxLength: 4 }),
      comma,
    ),
    { maxLength: 3 },
  )

  test('reads all that the grammar allows, in one header or in several', () => {
    fc.assert(
      fc.property(headers, (all) => {
        const written = all.map(([challenges, joint]) =>
          challenges.map((each) => each.written).join(joint),
        )
        const expected = all.flatMap(([challenges]) => challenges.map((each) => each.read))
        expect(parseChallenges(written)).toEqual(expected)
        // Node joins several lines by a comma.
        expect(parseChallenges([written.join(', ')])).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  test('lets nothing pass that is outside of it', () => {
    const pieces = fc.oneof(
      challenge.map(({ written }) => written),
      fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'realm=', 'a=b', '\t', 'é', '\0', '\r\n'),
      fc.string({ unit: 'binary' }),
    )
    const text = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), (all) => {
        for (const { scheme, token68, params } of parseChallenges(all)) {
          expect(scheme).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/)
          expect(token68 ?? 'a').toMatch(/^[A-Za-z0-9._~+/-]+=*$/)
          expect(token68 === undefined || params.size === 0).toBe(true)
          for (const [name, value] of params) {
            expect(name).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/)
            expect(value).toMatch(/^[\t -~\x80-\xff]*$/)
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
