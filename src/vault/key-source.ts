import { basename, dirname, isAbsolute } from 'node:path'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { formatKeyring, generateKey, type Keyring, parseKeyring } from './key.ts'
import { commandSource } from './key-command.ts'
import { inspectPrivateFile, readPrivateFile, type Uid } from './privacy.ts'
import {
  createPrivateFile,
  makePrivateDirectory,
  replacePrivateFile,
  writeDurably,
} from './private-file.ts'
import { readSystemdCredential } from './systemd.ts'

/** Where the vault's key is kept. */
export interface KeySource {
  /** As the configuration writes it, such as `file:/home/me/.config/purser/key`; never the key. */
  readonly name: string
  /**
   * @returns `undefined` if there is no key yet.
   * @throws `key-invalid` if it is not a key; `unsafe-file` if others can read it.
   */
  read(): Keyring | undefined
  /** `undefined` where Purser can only read. */
  readonly writer: KeyWriter | undefined
  /**
   * Asks anew for the key, of a source that takes its time: `read` says what was said last.
   *
   * @throws `key-missing` if nothing can be had
   */
  refresh?(): Promise<void>
}

interface KeyWriter {
  /** Makes a key if there is none. @returns the one that is there, whoever made it. */
  create(): Keyring
  /** Replaces all keys at once. */
  replace(keys: Keyring): void
}

/** What a key source may look at beside its own place. */
export interface KeyEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: Uid
}

/** 16 keys of 58 bytes, with room for blank lines. */
const MAX_KEY_FILE_BYTES = 4096

/**
 * Reads what the configuration says of the key: `file:PATH`, `env:NAME`, `systemd:NAME` or
 * `command:PROGRAM ARGUMENT…`.
 *
 * @throws `config-invalid`
 * @see https://systemd.io/CREDENTIALS/ for `systemd:`
 */
export function openKeySource(name: string, { env, uid }: KeyEnvironment): KeySource {
  const colon = name.indexOf(':')
  const value = name.slice(colon + 1)
  switch (name.slice(0, Math.max(colon, 0))) {
    case 'file':
      if (isAbsolute(value)) return fileSource(value, uid)
      break
    case 'env':
      if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return envSource(value, env)
      break
    case 'command': {
      const source = commandSource(value, env)
      if (source !== undefined) return source
      break
    }
    case 'systemd':
      if (value !== '' && value !== '..' && value === basename(value)) {
        return systemdSource(value, env, uid)
      }
      break
  }
  throw new PurserError('config-invalid', `cannot read ${quote(name)} as the place of a key`, {
    hint: 'write file: and an absolute path, env: or systemd: and a name, or command: and a program',
  })
}

function fileSource(path: string, uid: Uid): KeySource {
  const name = `file:${path}`
  const read = () =>
    guarded(name, () => {
      if (inspectPrivateFile(path, uid) === undefined) return undefined
      const text = readPrivateFile(path, MAX_KEY_FILE_BYTES, uid)
      return text === undefined ? undefined : parseKeyring(text, name)
    })
  const writer: KeyWriter = {
    create() {
      guarded(name, () => {
        makePrivateDirectory(dirname(path), uid)
        createPrivateFile(path, (at) => writeDurably(at, formatKeyring([generateKey()])))
      })
      return requireKeyring({ name, read, writer })
    },
    replace: (keys) => guarded(name, () => replacePrivateFile(path, formatKeyring(keys))),
  }
  return {
    name,
    read,
    writer,
  }
}

function envSource(variable: string, env: KeyEnvironment['env']): KeySource {
  const name = `env:${variable}`
  const text = env[variable]
  return {
    name,
    read: () => (text === undefined || text === '' ? undefined : parseKeyring(text, name)),
    writer: undefined,
  }
}

function systemdSource(credential: string, env: KeyEnvironment['env'], uid: Uid): KeySource {
  const name = `systemd:${credential}`
  return {
    name,
    read: () =>
      guarded(name, () => {
        const text = readSystemdCredential(credential, { env, uid })
        return text === undefined ? undefined : parseKeyring(text, name)
      }),
    writer: undefined,
  }
}

/**
 * Reads the keys of a source that must hold one.
 *
 * @throws `key-missing` if the source holds no key.
 */
export function requireKeyring({ name, read, writer }: KeySource): Keyring {
  const keys = read()
  if (keys !== undefined) return keys
  throw new PurserError('key-missing', `there is no key at ${name}`, {
    hint:
      writer === undefined
        ? 'put the key of the vault there; for a new vault, purser key generate makes one'
        : 'restore it from its copy; without one, move the vault away, and log in anew',
  })
}

/** The system's own errors name a path; this says what for. */
function guarded<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof PurserError) throw error
    throw new PurserError('key-missing', `cannot use the key at ${name}`, { cause: error })
  }
}
