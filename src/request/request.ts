import { PurserError } from '../model/errors.ts'
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
}

/** The spellings of each field, by platforms and their versions; the first one present counts. */
/** What to do about a request that cannot be read. */
const FIELDS = 'see docs/request.md for its fields'

const IMAGE_CREDENTIALS = ['image_credentials', 'imageCredentials']
const BUILD_REGISTRY_CREDENTIALS = [
  'build_registry_credentials',
  'buildRegistryCredentials',
  'build_registry_creds',
  'buildRegistryCreds',
]
const SOURCE_IMAGE_CREDENTIALS = ['source_image_creds', 'sourceImageCreds']
const SOURCE_IMAGE = ['source_image', 'sourceImage']
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
  }
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
