import { PurserError } from '../model/errors.ts'
import { parseReference, type Reference } from '../model/reference.ts'
import { Secret } from '../model/secret.ts'
import { faultOfText, parseCredentials } from './credentials.ts'
import { membersOf, setMembers } from './members.ts'
import { hostOfRegistry } from './registry-name.ts'

/** Far more than any platform sends; a request carries build contexts by name only. */
export const MAX_REQUEST_BYTES = 1024 * 1024

/** What Purser keeps of a container request; it never sees the rest. */
export interface ContainerRequest {
  /** A credential in any form that `parseCredentials` reads; `undefined` if absent or empty. */
  readonly imageCredentials: Secret | undefined
  readonly sourceImageCredentials: Secret | undefined
  readonly buildRegistryCredentials: Secret | undefined
  /** The image that a build starts from. */
  readonly sourceImage: string | undefined
  /** The platform's own id of the image that the container runs. */
  readonly imageId: string | undefined
  /** Where each stood, for errors: `request.buildOptions.sourceImageCreds`. */
  readonly paths?: Readonly<Partial<Record<CredentialField | 'sourceImage', string>>>
}

/** What to do about a request that cannot be read. */
const FIELDS = 'see docs/request.md for its fields'

/** What to do about a field that stands there more than once. */
const ONE = 'leave out the one that is not meant'

/** A credential field of a request. */
export type CredentialField = Gap | 'sourceImageCredentials'

/** The spellings of each field, by platforms and their versions. */
const NAMES: Readonly<Record<CredentialField | 'sourceImage' | 'imageId', readonly string[]>> = {
  imageCredentials: ['image_credentials', 'imageCredentials'],
  sourceImageCredentials: ['source_image_creds', 'sourceImageCreds'],
  buildRegistryCredentials: [
    'build_registry_credentials',
    'buildRegistryCredentials',
    'build_registry_creds',
    'buildRegistryCreds',
  ],
  sourceImage: ['source_image', 'sourceImage'],
  imageId: ['image_id', 'imageId'],
}
const BUILD_OPTIONS = ['build_options', 'buildOptions']
const ALL_NAMES = new Set([...Object.values(NAMES).flat(), ...BUILD_OPTIONS])

type Json = Readonly<Record<string, unknown>>

/** An object of the request, after its path. */
type Place = readonly [path: string, object: Json]

/** The places that a field may stand at: the first one that has it counts. */
type Levels = readonly (readonly Place[])[]

/**
 * Parses the JSON with which a platform starts a container.
 *
 * Each field may stand at the top level or in `build_options`, and the top level wins. Fields that
 * are not credentials are not looked at: they hold other secrets.
 *
 * @throws `request-invalid`, naming the path and quoting nothing; also if a field has two values, of
 * one name or of several that mean the same, since nobody can tell which one counts
 */
export function parseRequest(text: string): ContainerRequest {
  const levels = levelsOf(text)
  const imageCredentials = valueAt(levels, NAMES.imageCredentials)
  const sourceImageCredentials = valueAt(levels, NAMES.sourceImageCredentials)
  const buildRegistryCredentials = valueAt(levels, NAMES.buildRegistryCredentials)
  const sourceImage = valueAt(levels, NAMES.sourceImage)
  return {
    imageCredentials: secretOf(imageCredentials),
    sourceImageCredentials: secretOf(sourceImageCredentials),
    buildRegistryCredentials: secretOf(buildRegistryCredentials),
    sourceImage: sourceImage?.value,
    imageId: valueAt(levels.slice(0, 1), NAMES.imageId)?.value,
    paths: {
      ...(imageCredentials && { imageCredentials: imageCredentials.path }),
      ...(sourceImageCredentials && { sourceImageCredentials: sourceImageCredentials.path }),
      ...(buildRegistryCredentials && { buildRegistryCredentials: buildRegistryCredentials.path }),
      ...(sourceImage && { sourceImage: sourceImage.path }),
    },
  }
}

/**
 * Checks that what a request brings can be read, so that whoever passes it on hears of it and not
 * the container.
 *
 * @param text - a request that {@link parseRequest} has read
 * @param but - fields of which the value does not count
 * @throws `request-invalid`, naming the path and quoting nothing
 */
export function checkCredentials(text: string, but: readonly Gap[]): void {
  const levels = levelsOf(text)
  for (const field of ['imageCredentials', 'sourceImageCredentials', ...GAPS] as const) {
    if (but.some((gap) => gap === field)) continue
    for (const { path, value } of valuesAt(levels.flat(), NAMES[field])) {
      const registry = parseCredentials(value, path)?.registry
      if (registry === undefined || hostOfRegistry(registry) !== undefined) continue
      throw new PurserError('request-invalid', `${path}: registry is not a registry's host`)
    }
  }
}

/**
 * The image that a build starts from, taken apart.
 *
 * @throws `request-invalid`, quoting nothing
 */
export function sourceImageOf({ sourceImage, paths }: ContainerRequest): Reference | undefined {
  if (sourceImage === undefined) return undefined
  try {
    return parseReference(sourceImage)
  } catch {
    const path = paths?.sourceImage ?? 'request.build_options.source_image'
    throw new PurserError('request-invalid', `${path} is not an image`)
  }
}

/** The fields of a request that are filled in for it. */
export const GAPS = ['imageCredentials', 'buildRegistryCredentials'] as const
/** One of {@link GAPS}. */
export type Gap = (typeof GAPS)[number]

/**
 * The name by which a field is to be filled in: the spelling that stands there, else the one of the
 * platforms that write names as this request does.
 *
 * @param text - a request that {@link parseRequest} has read
 */
export function nameOfGap(text: string, gap: Gap): string {
  const [name = gap] = namesOfGap(text, gap)
  return name
}

/**
 * Fills in fields of a request, and leaves every other byte of it as it is.
 *
 * @param text - a request that {@link parseRequest} has read
 * @throws `request-invalid` if it would get longer than {@link parseRequest} reads
 */
export function fillGaps(text: string, values: ReadonlyMap<Gap, string>): string {
  if (values.size === 0) return text
  const members = [...values].flatMap(([gap, value]) =>
    // All that have a value get the new one, or the request would have two.
    namesOfGap(text, gap).map((name) => [name, value] as const),
  )
  const filled = setMembers(text, new Map(members))
  checkLength(filled)
  return filled
}

function namesOfGap(text: string, gap: Gap): readonly string[] {
  const names = NAMES[gap]
  const all = membersOf(text)
  const members = all.filter(({ name }) => names.includes(name))
  const filled = members.filter(({ valueStart: at }) => text[at] === '"' && text[at + 1] !== '"')
  if (filled.length > 0) return filled.map(({ name }) => name)
  const there = names.find((name) => members.some((member) => member.name === name))
  if (there !== undefined) return [there]
  const isCamel = all.some(({ name }) => /^[a-z]+[A-Z]/.test(name))
  return names.slice(Number(isCamel), Number(isCamel) + 1)
}

function levelsOf(text: string): Levels {
  checkLength(text)
  const request = asObject(parseJson(text), 'request')
  checkOnce(text, 'request')
  const options = BUILD_OPTIONS.flatMap((name): readonly Place[] => {
    const value = Object.hasOwn(request, name) ? request[name] : undefined
    if (value === undefined || value === null || value === '') return []
    return [[`request.${name}`, asObject(value, `request.${name}`)]]
  })
  return [[['request', request]], options]
}

function checkLength(text: string): void {
  if (Buffer.byteLength(text) <= MAX_REQUEST_BYTES) return
  throw new PurserError('request-invalid', 'the request has more than 1 MiB', {
    hint: 'leave out what is not about images and their credentials',
  })
}

/** @throws `request-invalid` if a name of ours has two values at one level of the text */
function checkOnce(text: string, path: string): void {
  const seen = new Set<string>()
  for (const { name, valueStart, valueEnd } of membersOf(text)) {
    if (!ALL_NAMES.has(name)) continue
    if (seen.has(name)) {
      throw new PurserError('request-invalid', `${path}.${name} stands there twice`, { hint: ONE })
    }
    seen.add(name)
    const isNested = path === 'request' && BUILD_OPTIONS.includes(name) && text[valueStart] === '{'
    if (isNested) checkOnce(text.slice(valueStart, valueEnd), `${path}.${name}`)
  }
}

/** The parser's own error quotes its input: it is no cause of ours. */
function parseJson(text: string): unknown {
  try {
    // A byte order mark says nothing, and whoever saved the file put it there.
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch {
    throw new PurserError('request-invalid', 'the request is not JSON', { hint: FIELDS })
  }
}

function asObject(value: unknown, path: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new PurserError('request-invalid', `${path} must be an object`, { hint: FIELDS })
}

interface Value {
  readonly path: string
  readonly value: string
}

/** The values that are there; `null` and the empty string say what a missing one says. */
function valuesAt(places: readonly Place[], names: readonly string[]): readonly Value[] {
  return places.flatMap(([place, object]) =>
    names.flatMap((name) => {
      const value = Object.hasOwn(object, name) ? object[name] : undefined
      if (value === undefined || value === null || value === '') return []
      const path = `${place}.${name}`
      const fault = typeof value === 'string' ? faultOfText(value) : 'must be a string'
      if (typeof value === 'string' && fault === undefined) return [{ path, value }]
      throw new PurserError('request-invalid', `${path} ${fault}`, { hint: FIELDS })
    }),
  )
}

function valueAt(levels: Levels, names: readonly string[]): Value | undefined {
  const found = levels
    .map((places) => valuesAt(places, names))
    .filter((values) => values.length > 0)
  for (const [first, ...others] of found) {
    const other = others.find(({ value }) => value !== first?.value)
    if (first === undefined || other === undefined) continue
    const message = `${first.path} and ${other.path} say two things`
    throw new PurserError('request-invalid', message, { hint: ONE })
  }
  return found[0]?.[0]
}

function secretOf(found: Value | undefined): Secret | undefined {
  return found && new Secret(found.value)
}
