import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import type { Secret } from '../../src/model/secret.ts'
import { checkCredentials, MAX_REQUEST_BYTES, parseRequest } from '../../src/request/request.ts'

type Field = 'imageCredentials' | 'sourceImageCredentials' | 'buildRegistryCredentials'

const read = (request: unknown) => parseRequest(JSON.stringify(request))
const reveal = (secret: Secret | undefined) => secret?.reveal()

/** The spellings of each credential, each of which may stand at either level. */
const SPELLINGS: readonly (readonly [Field, readonly string[]])[] = [
  ['imageCredentials', ['image_credentials', 'imageCredentials']],
  [
    'buildRegistryCredentials',
    [
      'build_registry_credentials',
      'buildRegistryCredentials',
      'build_registry_creds',
      'buildRegistryCreds',
    ],
  ],
  ['sourceImageCredentials', ['source_image_creds', 'sourceImageCreds']],
]
const OPTIONS = ['build_options', 'buildOptions'] as const

const aliases = SPELLINGS.flatMap(([field, names]) => names.map((name) => ({ field, name })))

describe.each(aliases)('$name', ({ field, name }) => {
  test.each<[string, unknown]>([
    ['at the top', { [name]: 'u:p' }],
    ['in build_options', { build_options: { [name]: 'u:p' } }],
    ['in buildOptions', { buildOptions: { [name]: 'u:p' } }],
    ['at the top, before that of the build', { [name]: 'u:p', build_options: { [name]: 'no' } }],
    ['in build_options, if empty at the top', { [name]: '', build_options: { [name]: 'u:p' } }],
    ['in build_options, if null at the top', { [name]: null, buildOptions: { [name]: 'u:p' } }],
    [
      'in buildOptions, if build_options has none',
      { build_options: {}, buildOptions: { [name]: 'u:p' } },
    ],
    [
      'in build_options and the same in buildOptions',
      { build_options: { [name]: 'u:p' }, buildOptions: { [name]: 'u:p' } },
    ],
  ])(`is ${field} %s`, (_place, request) => {
    const parsed = read(request)
    expect(reveal(parsed[field])).toBe('u:p')
    const others = SPELLINGS.map(([each]) => each).filter((each) => each !== field)
    for (const other of others) expect(parsed[other]).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['a number', 7],
    ['an object', { USERNAME: 'S3CRET' }],
    ['an array', ['S3CRET']],
    ['a boolean', false],
  ])('is refused as %s', (_type, value) => {
    expect(failureOf(JSON.stringify({ [name]: value }))).toBe(`request.${name} must be a string`)
    for (const options of OPTIONS) {
      expect(failureOf(JSON.stringify({ [options]: { [name]: value } }))).toBe(
        `request.${options}.${name} must be a string`,
      )
    }
  })
})

describe('of several spellings at one level', () => {
  test.each(SPELLINGS)('all may say the same: %s', (field, names) => {
    const all = Object.fromEntries(names.map((name) => [name, 'u:p']))
    expect(reveal(read({ ...all, [names[0] ?? '']: '' })[field])).toBe('u:p')
  })

  test.each(SPELLINGS)('none counts if they do not: %s', (_, names) => {
    const all = Object.fromEntries(names.map((name) => [name, `S3CRET:${name}`]).toReversed())
    const [one, two] = names
    expect(failureOf(JSON.stringify(all))).toBe(`request.${one} and request.${two} say two things`)
    for (const options of OPTIONS) {
      expect(failureOf(JSON.stringify({ [options]: all }))).toBe(
        `request.${options}.${one} and request.${options}.${two} say two things`,
      )
    }
  })
})

describe('source_image', () => {
  test.each<[string, unknown]>([
    ['in build_options', { build_options: { source_image: 'ghcr.io/a/b' } }],
    ['as sourceImage', { buildOptions: { sourceImage: 'ghcr.io/a/b' } }],
    ['at the top', { source_image: 'ghcr.io/a/b', build_options: { source_image: 'no' } }],
  ])('is read %s', (_place, request) => {
    expect(read(request).sourceImage).toBe('ghcr.io/a/b')
  })

  test.each([null, '', undefined])('is none if %j', (value) => {
    expect(read({ build_options: { source_image: value } }).sourceImage).toBeUndefined()
  })

  test('is refused as a number', () => {
    expect(failureOf('{"build_options":{"source_image":1}}')).toBe(
      'request.build_options.source_image must be a string',
    )
  })
})

describe('a request', () => {
  const NOTHING = {
    imageCredentials: undefined,
    sourceImageCredentials: undefined,
    buildRegistryCredentials: undefined,
    sourceImage: undefined,
    imageId: undefined,
    paths: {},
  }

  test.each<[string, string]>([
    ['empty', '{}'],
    ['in white space', ' \n{}\n'],
    ['with empty fields', '{"image_credentials":"","build_registry_credentials":null}'],
    ['without build options', '{"build_options":null}'],
    ['with empty build options', '{"build_options":{},"buildOptions":""}'],
    ['behind a byte order mark', '\ufeff{}'],
    ["with a platform's own field twice", '{"x":1,"x":{"image_id":1,"image_id":2}}'],
    ['with names in other letters', '{"Image_Credentials":"u:p","IMAGE_CREDENTIALS":"u:p"}'],
    ['with names on the prototype', '{"__proto__":{"image_credentials":"u:p"}}'],
    [
      'with build options on the prototype',
      '{"build_options":{"__proto__":{"image_credentials":"u:p"}}}',
    ],
    ['with fields elsewhere', '{"workspace":{"image_credentials":"u:p"},"env":["A=u:p"]}'],
    ['as deep as it may be', `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
  ])('may have no credentials: %s', (_name, text) => {
    expect(parseRequest(text)).toEqual(NOTHING)
  })

  test('leaves no trace on objects', () => {
    parseRequest('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')
    expect('polluted' in {}).toBe(false)
  })

  test("keeps nothing of a platform's other fields", () => {
    const parsed = read({
      container_id: 'c',
      env: ['TOKEN=S3CRET'],
      workspace: { signing_key: 'S3CRET', storage: { secret_key: 'S3CRET' } },
      mounts: [{ mount_point_config: { secret_key: 'S3CRET' } }],
      build_options: { build_secrets: ['A=S3CRET'], source_image: null, dockerfile: 'S3CRET' },
      image_credentials: 'u:p',
    })
    expect(Object.keys(parsed).toSorted()).toEqual(Object.keys(NOTHING).toSorted())
    expect(inspect(parsed, { depth: null, showHidden: true })).not.toMatch(/S3CRET|u:p/)
    expect(JSON.parse(JSON.stringify(parsed))).toEqual({
      imageCredentials: '[secret]',
      paths: { imageCredentials: 'request.image_credentials' },
    })
  })

  test.each<[string, string, string]>([
    ['an array', '[{"image_credentials":"S3CRET"}]', 'request must be an object'],
    ['a string', '"S3CRET"', 'request must be an object'],
    ['a number', '7', 'request must be an object'],
    ['null', 'null', 'request must be an object'],
    ['nothing', '', 'the request is not JSON'],
    ['half of it', '{"image_credentials":"S3CRET', 'the request is not JSON'],
    ['with a comment', '{} // S3CRET', 'the request is not JSON'],
    ['too deep and open', '['.repeat(500_000), 'the request is not JSON'],
    [
      'build options as a string',
      '{"build_options":"S3CRET"}',
      'request.build_options must be an object',
    ],
    [
      'build options as an array',
      '{"buildOptions":["S3CRET"]}',
      'request.buildOptions must be an object',
    ],
  ])('is refused, and not shown: %s', (_name, text, message) => {
    expect(failureOf(text)).toBe(message)
  })

  test('has at most 1 MiB, in bytes', () => {
    const around = '{"x":""}'.length
    const fits = `{"x":"${'a'.repeat(MAX_REQUEST_BYTES - around)}"}`
    expect(parseRequest(fits)).toEqual(NOTHING)
    expect(failureOf(`${fits} `)).toBe('the request has more than 1 MiB')
    const wide = `{"x":"${'\u2603'.repeat(MAX_REQUEST_BYTES / 3)}"}`
    expect(failureOf(wide)).toBe('the request has more than 1 MiB')
  })
})

describe('whatever is sent', () => {
  const name = fc.constantFrom(
    ...SPELLINGS.flatMap(([, names]) => names),
    ...OPTIONS,
    ...['source_image', 'image_id', 'registry', 'credentials', 'USERNAME', 'PASSWORD', '__proto__'],
  )
  const canary = fc.constantFrom('S3CRET', 'u:S3CRET', '{"PASSWORD":"S3CRET"}', '{S3CRET', '')
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      canary,
      fc.constantFrom(null, 7, true, []),
      fc.array(tie('json'), { maxLength: 2 }),
      fc.array(fc.tuple(name, tie('json')), { maxLength: 4 }).map((all): Members => ({ all })),
    ),
  }))

  test('is read or refused, and not shown', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = write(value)
        try {
          parseRequest(text)
          checkCredentials(text, [])
        } catch (error) {
          expect(error).toBeInstanceOf(PurserError)
          expect(error).toMatchObject({ code: 'request-invalid' })
          expect(inspect(error, { depth: null, showHidden: true })).not.toContain('S3CRET')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

/** An object as text may have it: with a name twice. */
interface Members {
  readonly all: readonly (readonly [string, unknown])[]
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && 'all' in value
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (!isMembers(value)) return JSON.stringify(value)
  return `{${value.all.map(([key, each]) => `${JSON.stringify(key)}:${write(each)}`).join(',')}}`
}

/** The message of the error, of which the rest holds no secret and leads to none. */
function failureOf(text: string): string {
  try {
    parseRequest(text)
  } catch (error) {
    expect(error).toBeInstanceOf(PurserError)
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('S3CRET')
    return error instanceof PurserError ? error.message : ''
  }
  return 'no error'
}
