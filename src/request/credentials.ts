import { isUtf8 } from 'node:buffer'
import { PurserError } from '../model/errors.ts'
import { isBase64 } from '../model/grammar.ts'
import { CREDENTIAL_KEYS, type CredentialKeys } from '../model/keys.ts'
import { membersOf, repeatedName } from './members.ts'

/** A credential as a request carries it. */
interface RequestCredentials {
  /** The registry that the value names, as it names it; `undefined` if it names none. */
  readonly registry: string | undefined
  readonly keys: CredentialKeys
}

type Json = Readonly<Record<string, unknown>>

/** What to do about a credential that cannot be read. */
const FORMS = 'see docs/request.md for the forms that are taken'

/** What a structured credential has beside its keys. */
const FIELDS = ['registry', 'type', 'credentials']

/** How deep one JSON text may stand in another: an older client put all keys into `PASSWORD`. */
const MAX_NESTING = 3

/**
 * RFC 7617 allows no control character, nor does anybody have a name that begins like a JSON array, a
 * JSON string or with a space.
 */
const USERNAME = /^[^\s"[\p{Cc}][^\p{Cc}]*$/u

/**
 * Reads a credential in any of the forms that platforms pass: structured JSON (`registry`, `type`,
 * `credentials`), a flat JSON object, `user:password`, or what docker's clients pass to each other.
 *
 * @param path - the field's, for the error; default `credentials`
 * @returns `undefined` if the value is empty, or says that there is nothing
 * @throws `request-invalid`, which quotes nothing of the value
 */
export function parseCredentials(
  value: string,
  path = 'credentials',
): RequestCredentials | undefined {
  const fault = faultOfText(value)
  if (fault !== undefined) {
    throw new PurserError('request-invalid', `${path} ${fault}`, { hint: FORMS })
  }
  const text = value.trim()
  if (text === '') return undefined
  // Never `user:password` after all: JSON has colons, and half of it would go out as a password.
  if (text.startsWith('{')) return parseJsonForm(parseObject(text, path), path)
  const config = parseConfig(text, path)
  if (config !== undefined) return config
  // What ends a file or an `echo` ends no password.
  const pair = value.replace(/\r?\n$/, '')
  const colon = pair.indexOf(':')
  if (colon === pair.length - 1 || !USERNAME.test(pair.slice(0, Math.max(colon, 0)))) {
    throw new PurserError('request-invalid', `${path} is neither a JSON object nor user:password`, {
      hint: FORMS,
    })
  }
  const keys = { USERNAME: pair.slice(0, colon), PASSWORD: pair.slice(colon + 1) }
  return { registry: undefined, keys }
}

/**
 * Why a string is no text that a person or a program meant: no client sends it as it is.
 *
 * @returns the end of a sentence; `undefined` of text
 */
export function faultOfText(text: string): string | undefined {
  // Half of a surrogate pair would go out as another character: another password.
  if (!text.isWellFormed()) return 'has half of a character'
  return text.includes('\0') ? 'has a NUL' : undefined
}

/**
 * The registry that a value names, though the rest of it may be unreadable.
 *
 * @returns `undefined` if it names none, or is not JSON
 */
export function registryNamedIn(value: string): string | undefined {
  return attempt(() => {
    const { registry } = parseObject(value.trim(), '')
    return typeof registry === 'string' && registry !== '' ? registry : undefined
  })
}

function parseJsonForm(object: Json, path: string): RequestCredentials | undefined {
  const { registry, type: _, credentials, ...rest } = object
  if (registry !== undefined && registry !== null && typeof registry !== 'string') {
    throw new PurserError('request-invalid', `${path}: registry must be a string`, { hint: FORMS })
  }
  const isFlat = credentials === undefined || credentials === null || credentials === ''
  const structured = isFlat ? {} : keysOf(asObject(credentials, `${path}: credentials`), path)
  const named = withClientKeys(isEmpty(structured) ? keysOf(rest, path) : structured, path)
  const keys = unpack(named, path, MAX_NESTING)
  return isEmpty(keys) ? undefined : { registry: registry || undefined, keys }
}

/**
 * The object with which docker's clients pass a login on, in base64.
 *
 * @returns `undefined` if it is none: a password of Amazon's is JSON in base64 too
 * @see https://pkg.go.dev/github.com/google/go-containerregistry/pkg/authn#AuthConfig
 */
function parseConfig(text: string, path: string): RequestCredentials | undefined {
  const json = decodeBase64(text)
  if (!json?.startsWith('{')) return undefined
  const parsed = attempt(() => parseJsonForm(parseObject(json, path), path))
  return parsed?.keys['USERNAME'] === undefined ? undefined : parsed
}

/** What docker's clients call a user name and a password, or both in one. */
function withClientKeys(keys: CredentialKeys, path: string): CredentialKeys {
  const { username, password, auth, ...rest } = keys
  const isPair = rest['USERNAME'] !== undefined || rest['PASSWORD'] !== undefined
  if (username !== undefined || password !== undefined) {
    if (!isPair) return { ...rest, USERNAME: username ?? '', PASSWORD: password ?? '' }
    throw new PurserError('request-invalid', `${path} has a pair in upper and in lower case`, {
      hint: 'leave out the one that is not meant',
    })
  }
  if (auth === undefined || isPair) return keys
  const pair = decodeBase64(auth) ?? ''
  const colon = pair.indexOf(':')
  if (colon > 0) return { ...rest, USERNAME: pair.slice(0, colon), PASSWORD: pair.slice(colon + 1) }
  throw new PurserError('request-invalid', `${path}: auth is not user:password in base64`, {
    hint: FORMS,
  })
}

function decodeBase64(text: string): string | undefined {
  if (!isBase64(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/**
 * Strings count, and what else stands beside them is some platform's own.
 *
 * @throws `request-invalid` if a key that names a credential has something else: without it, the
 * pull would be anonymous, and nobody would know why
 */
function keysOf(object: Json, path: string): CredentialKeys {
  const keys: [string, string][] = []
  for (const [key, value] of Object.entries(object)) {
    if (value === '' || value === null) continue
    const fault = typeof value === 'string' ? faultOfText(value) : 'must be a string'
    if (typeof value === 'string' && fault === undefined) keys.push([key, value])
    else if (isCredentialKey(key)) {
      throw new PurserError('request-invalid', `${path}: ${key} ${fault}`, { hint: FORMS })
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
  const { PASSWORD: inner, ...rest } = keys
  if (depth === 0 || keys['USERNAME'] !== undefined || !inner?.trimStart().startsWith('{')) {
    return keys
  }
  const nested = keysOf(parseObject(inner, `${path}: PASSWORD`), `${path}: PASSWORD`)
  if (!Object.keys(nested).some(isCredentialKey)) return keys
  return unpack({ ...rest, ...nested }, path, depth - 1)
}

/** The parser's own error quotes its input: it is no cause of ours. */
function parseObject(text: string, path: string): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PurserError('request-invalid', `${path} begins like JSON and is none`, {
      hint: FORMS,
    })
  }
  const object = asObject(value, path)
  checkOnce(text, path)
  return object
}

/** A parser takes the last of two, and another one the first. */
function checkOnce(text: string, path: string): void {
  const members = membersOf(text)
  const name = repeatedName(members)
  if (name !== undefined) {
    // What is no key of ours may be anything, and is not shown.
    const shown = isCredentialKey(name) || FIELDS.includes(name) ? name : 'a key'
    throw new PurserError('request-invalid', `${path} has ${shown} twice`, {
      hint: 'leave out the one that is not meant',
    })
  }
  for (const member of members) {
    if (member.name === 'credentials' && text[member.valueStart] === '{') {
      checkOnce(text.slice(member.valueStart, member.valueEnd), `${path}: credentials`)
    }
  }
}

function asObject(value: unknown, path: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new PurserError('request-invalid', `${path} must be a JSON object`, { hint: FORMS })
}

function isEmpty(keys: CredentialKeys): boolean {
  return Object.keys(keys).length === 0
}

function isCredentialKey(key: string): boolean {
  return CREDENTIAL_KEYS.some((each) => each === key)
}
