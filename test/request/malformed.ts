import { MAX_REQUEST_BYTES } from '../../src/request/request.ts'
import vectors from '../vectors/credentials.json' with { type: 'json' }

/** A request that is wrong, and what is to be said of it. */
export interface Malformed {
  readonly name: string
  readonly body: Buffer
  /** The message, or what it has of the path at least. */
  readonly message: string | RegExp
}

const CREDENTIALS = [
  'image_credentials',
  'imageCredentials',
  'build_registry_credentials',
  'buildRegistryCredentials',
  'build_registry_creds',
  'buildRegistryCreds',
  'source_image_creds',
  'sourceImageCreds',
]
const FIELDS = [...CREDENTIALS, 'source_image', 'sourceImage']
const IDS = ['image_id', 'imageId']
const OPTIONS = ['build_options', 'buildOptions']
const PLACES = ['', 'build_options', 'buildOptions']

/** Values as JSON text, and what is wrong with them. */
const VALUES: readonly (readonly [name: string, json: string, fault: string])[] = [
  ['a number', '7', 'must be a string'],
  ['a number with a fraction', '-1.5e3', 'must be a string'],
  ['a number beyond all', '1e999', 'must be a string'],
  ['true', 'true', 'must be a string'],
  ['false', 'false', 'must be a string'],
  ['a list', '["user:S3CRET"]', 'must be a string'],
  ['an empty list', '[]', 'must be a string'],
  ['an object', '{"USERNAME":"u","PASSWORD":"S3CRET"}', 'must be a string'],
  ['half of a character', '"user:S3CRET\\ud800"', 'has half of a character'],
  ['the other half of one', '"\\udc00user:S3CRET"', 'has half of a character'],
  ['a NUL', '"user:S3CRET\\u0000"', 'has a NUL'],
]

/** All of them. */
export function malformedRequests(): readonly Malformed[] {
  return [
    ...notJson(),
    ...notText(),
    ...notObjects(),
    ...notStrings(),
    ...notOnce(),
    ...notRead(),
    ...notImages(),
  ]
}

function of(name: string, body: string | Buffer, message: string | RegExp): Malformed {
  return { name, body: Buffer.from(body), message }
}

function notJson(): readonly Malformed[] {
  const field = '"image_credentials":"user:S3CRET"'
  const deep = 500_000
  return [
    ['nothing', ''],
    ['white space', ' \n\t'],
    ['a word', 'S3CRET'],
    ['a pair', 'user:S3CRET'],
    ['a brace', '{'],
    ['half of it', `{${field}`],
    ['half of a string', '{"image_credentials":"user:S3CRET'],
    ['a name without a value', '{"image_credentials":}'],
    ['a value without a name', '{:"user:S3CRET"}'],
    ['a brace too many', `{${field}}}`],
    ['a comma too many', `{${field},}`],
    ['no comma', `{${field} "image_id":"i"}`],
    ['a bracket for a brace', `{${field}]`],
    ['two of them', `{${field}}{${field}}`],
    ['one a line', `{${field}}\n{${field}}\n`],
    ['something behind it', `{${field}} S3CRET`],
    ['a comment', `{${field}} // S3CRET`],
    ['a comment in it', `{/* S3CRET */${field}}`],
    ['single quotes', "{'image_credentials':'user:S3CRET'}"],
    ['no quotes', '{image_credentials:S3CRET}'],
    ['a number that is none', `{${field},"cpu":NaN}`],
    ['a number in another base', `{${field},"cpu":0x10}`],
    ['a number with a plus', `{${field},"cpu":+1}`],
    ['undefined', `{${field},"gpu":undefined}`],
    ['a line end in a string', '{"image_credentials":"user:\nS3CRET"}'],
    ['a raw NUL in a string', '{"image_credentials":"user:\0S3CRET"}'],
    ['a NUL behind it', `{${field}}\0`],
    ['an escape that is none', '{"image_credentials":"user:\\S3CRET"}'],
    ['half of an escape', '{"image_credentials":"user:S3CRET\\u12"}'],
    ['two byte order marks', `\ufeff\ufeff{${field}}`],
    ['YAML', 'image_credentials: user:S3CRET\n'],
    ['TOML', 'image_credentials = "user:S3CRET"\n'],
    ['a form', 'image_credentials=user%3AS3CRET'],
    ['base64', Buffer.from(`{${field}}`).toString('base64')],
    ['lists without an end', `{"x":${'['.repeat(deep)}`],
    ['objects without an end', '{"x":'.repeat(deep / 5)],
  ].map(([name = '', body = '']) => of(name, body, 'the request is not JSON'))
}

function notText(): readonly Malformed[] {
  const json = '{"image_credentials":"user:S3CRET"}'
  const around = (bytes: readonly number[]) =>
    Buffer.concat([
      Buffer.from('{"image_credentials":"user:S3CRET'),
      Buffer.from(bytes),
      Buffer.from('"}'),
    ])
  const not = 'the request is not UTF-8'
  const tooLong = /has more than (1 MiB|1024 KiB)/
  const room = MAX_REQUEST_BYTES - '{"x":""}'.length
  return [
    of('Latin-1', around([0xe4]), not),
    of('a byte that no text has', around([0xff]), not),
    of('half of a character', around([0xe2, 0x98]), not),
    of('a character in too many bytes', around([0xc0, 0xaf]), not),
    of('a surrogate in bytes', around([0xed, 0xa0, 0x80]), not),
    of('a character beyond all', around([0xf4, 0x90, 0x80, 0x80]), not),
    of('UTF-16 with a mark', Buffer.from(`\ufeff${json}`, 'utf16le'), not),
    of('UTF-16 without one', Buffer.from(json, 'utf16le'), 'the request is not JSON'),
    of('something compressed', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), not),
    of('more than 1 MiB', `{"x":"${'S3CRET'.repeat(room / 6)}abcdef"}`, tooLong),
    of('1 MiB and white space', `{"x":"${'a'.repeat(room)}"} `, tooLong),
    of('1 MiB of characters of three bytes', `{"x":"${'\u2603'.repeat(room / 3 + 3)}"}`, tooLong),
    of('2 MiB of members', `{${'"a":1,'.repeat(350_000)}"b":1}`, tooLong),
    of('2 MiB of lists', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`, tooLong),
  ]
}

function notObjects(): readonly Malformed[] {
  const object = 'request must be an object'
  const values = VALUES.filter(([name]) => name !== 'an object')
  return [
    of('null', 'null', object),
    of('a string', '"user:S3CRET"', object),
    of('a number', '7', object),
    of('false', 'false', object),
    of('a list of one', '[{"image_credentials":"user:S3CRET"}]', object),
    of('lists as deep as can be', `${'['.repeat(400_000)}${']'.repeat(400_000)}`, object),
    ...OPTIONS.flatMap((options) =>
      values.map(([name, json]) =>
        of(`${options}: ${name}`, `{"${options}":${json}}`, `request.${options} must be an object`),
      ),
    ),
    ...['{"image_credentials":"user:S3CRET"}', 'S3CRET'].map((value) =>
      of(
        'build_options as JSON in a string',
        JSON.stringify({ build_options: value }),
        'request.build_options must be an object',
      ),
    ),
  ]
}

function notStrings(): readonly Malformed[] {
  const fields = FIELDS.flatMap((field, at) =>
    VALUES.map(([name, json, fault], turn) => {
      // Each field at each place, and each value at each place; not all with all.
      const place = PLACES[(at + turn) % PLACES.length] ?? ''
      const path = place === '' ? field : `${place}.${field}`
      return of(`${path}: ${name}`, within(place, `"${field}":${json}`), `request.${path} ${fault}`)
    }),
  )
  const ids = IDS.flatMap((id) =>
    VALUES.map(([name, json, fault]) =>
      of(`${id}: ${name}`, `{"${id}":${json}}`, `request.${id} ${fault}`),
    ),
  )
  return [...fields, ...ids]
}

function notOnce(): readonly Malformed[] {
  const twice = [...FIELDS.flatMap((field) => PLACES.map((place) => [place, field] as const))]
  const again = [...twice, ...[...IDS, ...OPTIONS].map((name) => ['', name] as const)].map(
    ([place, name], at) => {
      const path = place === '' ? name : `${place}.${name}`
      // The same value twice is still two; and an escape makes no other name.
      const values = at % 2 === 0 ? ['"a:S3CRET"', '"a:S3CRET"'] : ['""', '"a:S3CRET"']
      const escaped = `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
      const value = OPTIONS.includes(name) ? ['{}', '{}'] : values
      const members = `"${name}":${value[0]},"cpu":1,"${at % 3 === 0 ? escaped : name}":${value[1]}`
      return of(`${path} twice`, within(place, members), `request.${path} stands there twice`)
    },
  )
  const pairs: readonly (readonly [string, string])[] = [
    ['image_credentials', 'imageCredentials'],
    ['build_registry_credentials', 'buildRegistryCredentials'],
    ['build_registry_credentials', 'build_registry_creds'],
    ['buildRegistryCredentials', 'buildRegistryCreds'],
    ['build_registry_creds', 'buildRegistryCreds'],
    ['source_image_creds', 'sourceImageCreds'],
    ['source_image', 'sourceImage'],
  ]
  const differ = pairs.flatMap(([one, two]) =>
    PLACES.map((place) => {
      const before = place === '' ? 'request' : `request.${place}`
      return of(
        `${before}: ${one} and ${two}`,
        within(place, `"${two}":"a:S3CRET","${one}":"b:S3CRET"`),
        `${before}.${one} and ${before}.${two} say two things`,
      )
    }),
  )
  const apart = FIELDS.map((field) =>
    of(
      `${field} in both of the build's`,
      `{"build_options":{"${field}":"a:S3CRET"},"buildOptions":{"${field}":"b:S3CRET"}}`,
      `request.build_options.${field} and request.buildOptions.${field} say two things`,
    ),
  )
  const ids = of(
    'image_id and imageId',
    '{"imageId":"S3CRET","image_id":"i"}',
    'request.image_id and request.imageId say two things',
  )
  return [...again, ...differ, ...apart, ids]
}

/** Names of images that are none, to whom a credential cannot belong. */
function notImages(): readonly Malformed[] {
  const names = [
    'S3CRET image',
    'ghcr.io/S3CRET',
    'ghcr.io/a@sha256:S3CRET',
    '//S3CRET',
    'a:b:c:S3CRET',
  ]
  return names.flatMap((name) =>
    ['source_image', 'sourceImage'].map((field) =>
      of(
        `${field}: ${name}`,
        JSON.stringify({ buildOptions: { [field]: name, source_image_creds: 'u:S3CRET' } }),
        `request.buildOptions.${field} is not an image`,
      ),
    ),
  )
}

/** Values of a form that nobody reads, each for the host that the request is about. */
function notRead(): readonly Malformed[] {
  const sourceImage = 'ghcr.io/acme/app:1'
  return vectors.refused.flatMap(({ name, value, message }, turn) =>
    // Each value in each field, by each of its names in turn, at each place in turn.
    [CREDENTIALS.slice(0, 2), CREDENTIALS.slice(2, 6), CREDENTIALS.slice(6)].map((names, at) => {
      const field = names[turn % names.length] ?? ''
      const place = PLACES[(turn + at) % PLACES.length] ?? ''
      const members = { source_image: sourceImage, [field]: value }
      const path = place === '' ? `request.${field}` : `request.${place}.${field}`
      return of(
        `${path}: ${name}`,
        JSON.stringify(place === '' ? members : { [place]: members }),
        message.replace('FIELD', path),
      )
    }),
  )
}

function within(place: string, members: string): string {
  return place === '' ? `{${members}}` : `{"cpu":1000,"${place}":{${members}}}`
}
