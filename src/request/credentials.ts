import { PurserError } from '../model/errors.ts'
import { CREDENTIAL_KEYS, type CredentialKeys } from '../model/keys.ts'

/** A credential as a request carries it. */
export interface RequestCredentials {
  /** The registry that the value names, as it names it; `undefined` if it names none. */
  readonly registry: string | undefined
  readonly keys: CredentialKeys
}

/** How deep one JSON text may stand in another: an older client put all keys into `PASSWORD`. */
const MAX_NESTING = 3

/**
 * Reads a credential in any of the forms that platforms pass: structured JSON (`registry`, `type`,
 * `credentials`), a flat JSON object, or `user:password`.
 *
 * @param path - the field's, for the error
 * @returns `undefined` if the value is empty, or says that there is nothing
 * @throws `request-invalid`, which quotes nothing of the value
 */
export function parseCredentials(value: string, path: string): RequestCredentials | undefined {
  const text = value.trim()
  if (text === '') return undefined
  // Never `user:password` after all: JSON has colons, and half of it would go out as a password.
  if (text.startsWith('{')) return parseJsonForm(parseObject(text, path), path)
  const colon = value.indexOf(':')
  if (colon < 1 || colon === value.length - 1) {
    throw new PurserError('request-invalid', `${path} is neither JSON nor user:password`)
  }
  const keys = { USERNAME: value.slice(0, colon), PASSWORD: value.slice(colon + 1) }
  return { registry: undefined, keys }
}

function parseJsonForm(
  object: Readonly<Record<string, unknown>>,
  path: string,
): RequestCredentials | undefined {
  const { registry, credentials } = object
  if (registry !== undefined && registry !== null && typeof registry !== 'string') {
    throw new PurserError('request-invalid', `${path}: registry must be a string`)
  }
  const keys = Object.hasOwn(object, 'credentials')
    ? structuredKeys(credentials, path)
    : flatKeys(object, path)
  const unpacked = unpack(keys, path, MAX_NESTING)
  return Object.keys(unpacked).length === 0
    ? undefined
    : { registry: registry || undefined, keys: unpacked }
}

/** Strings count, and what else stands beside them is some platform's own. */
function structuredKeys(credentials: unknown, path: string): CredentialKeys {
  if (credentials === null) return {}
  if (!isObject(credentials)) {
    throw new PurserError('request-invalid', `${path}: credentials must be an object`)
  }
  return Object.fromEntries(
    Object.entries(credentials).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    ),
  )
}

function flatKeys(object: Readonly<Record<string, unknown>>, path: string): CredentialKeys {
  const keys: [string, string][] = []
  for (const [key, value] of Object.entries(object)) {
    if (key === 'registry' || key === 'type' || value === '' || value === null) continue
    if (typeof value === 'string') keys.push([key, value])
    else if (isCredentialKey(key)) {
      throw new PurserError('request-invalid', `${path}: ${key} must be a string`)
    }
  }
  return Object.fromEntries(keys)
}

/**
 * An older client passes `{"PASSWORD": "{\"AWS_ACCESS_KEY_ID\": …}"}`. A password that is JSON of
 * another kind, a service account's key, stays a password.
 *
 * @see https://github.com/beam-cloud/clip/blob/main/pkg/common/provider.go
 */
function unpack(keys: CredentialKeys, path: string, depth: number): CredentialKeys {
  const { PASSWORD: inner } = keys
  if (depth === 0 || keys['USERNAME'] !== undefined || !inner?.trimStart().startsWith('{')) {
    return keys
  }
  const nested = flatKeys(parseObject(inner, `${path}: PASSWORD`), `${path}: PASSWORD`)
  return Object.keys(nested).some(isCredentialKey) ? unpack(nested, path, depth - 1) : keys
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PurserError('request-invalid', `${path} begins like JSON and is none`, {
      cause: error,
    })
  }
  if (isObject(value)) return value
  throw new PurserError('request-invalid', `${path} must be a JSON object`)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCredentialKey(key: string): boolean {
  return CREDENTIAL_KEYS.some((each) => each === key)
}
