import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { PurserError, systemCode } from '../model/errors.ts'
import { type Host, quote } from '../model/host.ts'
import type { Target } from '../model/target.ts'
import { readAuthEntry } from './auth-entry.ts'
import { type AuthPlace, isAbout, parseAuthKey } from './auth-key.ts'
import type { Found } from './source.ts'

/** Thousands of registries; docker's own have a few. */
const MAX_BYTES = 1024 * 1024

/** What docker's `config.json`, or podman's `auth.json`, says. */
export interface AuthFile {
  readonly path: string
  /** Another one after each change of the file. */
  readonly state: string
  readonly auths: readonly Keyed[]
  readonly helpers: readonly Keyed[]
  /** The helper for all hosts that have none of their own; empty for none. */
  readonly store: string
}

interface Keyed {
  readonly key: string
  readonly place: AuthPlace
  readonly value: unknown
}

/** Which arrays are to valibot, too. */
const object = v.custom<object>((value) => typeof value === 'object' && !Array.isArray(value))
const table = v.nullish(v.pipe(object, v.record(v.string(), v.unknown())), {})
const shape = v.pipe(
  object,
  v.looseObject({ auths: table, credHelpers: table, credsStore: v.nullish(v.string(), '') }),
)

/**
 * Makes a reader of a file, which parses it again when it has changed.
 *
 * @returns what reads it: `undefined` if there is none. It throws `config-invalid` if the file cannot
 * be read, `unsafe-file` if others can write it: who can, chooses programs that we run.
 */
export function createAuthFileReader(
  path: string,
  uid: number | undefined,
): () => AuthFile | undefined {
  let last: AuthFile | undefined
  return () => {
    const fd = open(path)
    if (fd === undefined) return undefined
    try {
      const stat = fstatSync(fd, { bigint: true })
      checkOwner(path, stat, uid)
      const state = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
      if (last?.state !== state) last = parse(readFileSync(fd, 'utf8'), path, state)
      return last
    } finally {
      closeSync(fd)
    }
  }
}

/**
 * The login that stands in the file itself: of those whose key covers the question, the one with the
 * longest prefix.
 *
 * @param spelling - the key that the file's own clients try first
 * @throws as {@link readAuthEntry} does
 */
export function findAuth(file: AuthFile, target: Target, spelling: string): Found | undefined {
  const about = file.auths
    .filter(({ place }) => isAbout(target, place))
    .toSorted((a, b) => b.place.prefix.length - a.place.prefix.length || rank(a) - rank(b))
  for (const { key, value } of about) {
    const where = `${file.path}: auths[${quote(key)}]`
    const credential = readAuthEntry(value, where)
    if (credential !== undefined) return { credential, from: where }
  }
  return undefined

  function rank({ key }: Keyed): number {
    return key === spelling ? 0 : 1
  }
}

/**
 * The helper that has a host's logins.
 *
 * @returns an empty text if the file says that none has; `undefined` if it says nothing
 */
export function helperFor({ path, helpers, store }: AuthFile, host: Host): string | undefined {
  const own = helpers.find(({ place }) => place.host.name === host.name && place.prefix === '')
  if (own === undefined) return store === '' ? undefined : store
  if (typeof own.value === 'string') return own.value
  throw new PurserError('config-invalid', `${path}: credHelpers[${quote(own.key)}] is not a text`)
}

/** A pipe without a writer would hold us up, a device never end: both are opened, and not read. */
function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw new PurserError('config-invalid', `cannot read ${path}`, { cause: error })
  }
}

function checkOwner(path: string, stat: BigIntStats, uid: number | undefined): void {
  if (!stat.isFile() || stat.size > MAX_BYTES) {
    throw new PurserError('config-invalid', `${path} is not a file of at most 1 MiB`)
  }
  const foreign = uid !== undefined && stat.uid !== BigInt(uid) && stat.uid !== 0n
  if (!foreign && (stat.mode & 0o022n) === 0n) return
  throw new PurserError('unsafe-file', `${path} can be written by others`, {
    hint: `make it yours alone: chown $(id -u) ${path} && chmod go-w ${path}`,
  })
}

function parse(text: string, path: string, state: string): AuthFile {
  const parsed = v.safeParse(shape, text.trim() === '' ? {} : parseJson(text, path))
  if (!parsed.success) {
    const key = v.getDotPath(parsed.issues[0])
    throw new PurserError(
      'config-invalid',
      `${path}: ${key ?? 'it'} is not what docker writes there`,
    )
  }
  const { auths, credHelpers, credsStore } = parsed.output
  return { path, state, auths: keyed(auths), helpers: keyed(credHelpers), store: credsStore }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new PurserError('config-invalid', `${path} is not JSON`)
  }
}

function keyed(values: Readonly<Record<string, unknown>>): readonly Keyed[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const place = parseAuthKey(key)
    return place === undefined ? [] : [{ key, place, value }]
  })
}
