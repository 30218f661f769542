import { PurserError } from '../model/errors.ts'
import { parseReference, type Reference } from '../model/reference.ts'
import { Secret } from '../model/secret.ts'

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
}

/** What to do about a request that cannot be read. */
const FIELDS = 'see docs/request.md for its fields'

/** The spellings of each field, by platforms and their versions; the first one present counts. */
const IMAGE_CREDENTIALS = ['image_credentials', 'imageCredentials']
const BUILD_REGISTRY_CREDENTIALS = [
  'build_registry_credentials',
  'buildRegistryCredentials',
  'build_registry_creds',
  'buildRegistryCreds',
]
const SOURCE_IMAGE_CREDENTIALS = ['source_image_creds', 'sourceImageCreds']
const SOURCE_IMAGE = ['source_image', 'sourceImage']
const IMAGE_ID = ['image_id', 'imageId']
const BUILD_OPTIONS = ['build_options', 'buildOptions']

type Json = Readonly<Record<string, unknown>>

/** An object of the request, after its path. */
type Place = readonly [path: string, object: Json]

/**
 * Parses the JSON with which a platform starts a container.
 *
 * Each field may stand at the top level or in `build_options`, and the top level wins. Fields that
 * are not credentials are not looked at: they hold other secrets.
 *
 * @throws `request-invalid`, naming the path and quoting nothing
 */
export function parseRequest(text: string): ContainerRequest {
  if (Buffer.byteLength(text) > MAX_REQUEST_BYTES) {
    throw new PurserError('request-invalid', 'the request has more than 1 MiB', {
      hint: 'leave out what is not about images and their credentials',
    })
  }
  const request = asObject(parseJson(text), 'request')
  const places: Place[] = [['request', request]]
  for (const { name, value } of present(request, BUILD_OPTIONS)) {
    places.push([`request.${name}`, asObject(value, `request.${name}`)])
  }
  return {
    imageCredentials: secretAt(places, IMAGE_CREDENTIALS),
    sourceImageCredentials: secretAt(places, SOURCE_IMAGE_CREDENTIALS),
    buildRegistryCredentials: secretAt(places, BUILD_REGISTRY_CREDENTIALS),
    sourceImage: textAt(places, SOURCE_IMAGE),
    imageId: textAt(places.slice(0, 1), IMAGE_ID),
  }
}

/**
 * The image that a build starts from, taken apart.
 *
 * @throws `request-invalid`, quoting nothing
 */
export function sourceImageOf({ sourceImage }: ContainerRequest): Reference | undefined {
  if (sourceImage === undefined) return undefined
  try {
    return parseReference(sourceImage)
  } catch {
    throw new PurserError('request-invalid', 'request.build_options.source_image is not an image')
  }
}

/** A field of a request that says nothing yet. */
export type Gap = 'imageCredentials' | 'buildRegistryCredentials'

/**
 * The name by which a field is to be filled in: the spelling that stands there empty, else the one of
 * the platforms that write names as this request does.
 *
 * @param text - a request that {@link parseRequest} has read
 */
export function nameOfGap(text: string, gap: Gap): string {
  const request = asObject(parseJson(text), 'request')
  const names = gap === 'imageCredentials' ? IMAGE_CREDENTIALS : BUILD_REGISTRY_CREDENTIALS
  const [snake = gap, camel = gap] = names
  const there = names.find((name) => Object.hasOwn(request, name))
  if (there !== undefined) return there
  return Object.keys(request).some((key) => /^[a-z]+[A-Z]/.test(key)) ? camel : snake
}

/** The parser's own error quotes its input: it is no cause of ours. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new PurserError('request-invalid', 'the request is not JSON', { hint: FIELDS })
  }
}

function asObject(value: unknown, path: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new PurserError('request-invalid', `${path} must be an object`, { hint: FIELDS })
}

/** The fields that are there; `null` and the empty string say what a missing one says. */
function present(
  object: Json,
  names: readonly string[],
): readonly { readonly name: string; readonly value: unknown }[] {
  return names
    .filter((name) => Object.hasOwn(object, name))
    .map((name) => ({ name, value: object[name] }))
    .filter(({ value }) => value !== null && value !== '')
}

function textAt(places: readonly Place[], names: readonly string[]): string | undefined {
  for (const [path, object] of places) {
    const [found] = present(object, names)
    if (found === undefined) continue
    if (typeof found.value === 'string') return found.value
    throw new PurserError('request-invalid', `${path}.${found.name} must be a string`, {
      hint: FIELDS,
    })
  }
  return undefined
}

function secretAt(places: readonly Place[], names: readonly string[]): Secret | undefined {
  const text = textAt(places, names)
  return text === undefined ? undefined : new Secret(text)
}
