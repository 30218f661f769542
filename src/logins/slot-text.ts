import type { Failure, Kept, Slot } from '../cache/slot.ts'
import type { ErrorCode } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'

/** A slot of a cache of logins; `undefined` is kept of an identity that a machine has not. */
export type LoginSlot = Slot<Login | undefined>

/** The layout below; a slot of another one is none. */
const FORMAT = 1

/** The text that is sealed: here the secret leaves for the disk. */
export function encodeSlot({ kept, exchanges, madeBy, failure, changedAt }: LoginSlot): string {
  const life = kept && [kept.bornAt, kept.bornUptime, kept.lifeMs, encodeLogin(kept.value)]
  const fault = failure && encodeFailure(failure)
  return JSON.stringify([FORMAT, changedAt, exchanges, madeBy, life, fault])
}

function encodeLogin(login: Login | undefined) {
  return login && [login.username, login.secret.reveal(), login.expiresAt?.getTime()]
}

function encodeFailure({ at, count, code, message, hint, status }: Failure) {
  return [at, count, code, message, hint, status]
}

/**
 * Reads a slot, by hand: every helper that profits from one loads this, and a schema library costs
 * more than all the rest of it.
 *
 * @returns `undefined` if it is not one of this version's
 */
export function decodeSlot(text: string): LoginSlot | undefined {
  try {
    const [format, changedAt, exchanges, madeBy, life, fault] = list(JSON.parse(text))
    if (format !== FORMAT) return undefined
    return {
      changedAt: number(changedAt),
      exchanges: list(exchanges).map(number),
      madeBy: optional(madeBy, number),
      kept: optional(life, decodeLife),
      failure: optional(fault, decodeFailure),
    }
  } catch {
    return undefined
  }
}

function decodeLife(life: unknown): Kept<Login | undefined> {
  const [bornAt, bornUptime, lifeMs, login] = list(life)
  return {
    bornAt: number(bornAt),
    bornUptime: number(bornUptime),
    lifeMs: number(lifeMs),
    value: optional(login, decodeLogin),
  }
}

function decodeLogin(login: unknown): Login {
  const [username, secret, expiresAt] = list(login)
  return {
    username: string(username),
    secret: new Secret(string(secret)),
    expiresAt: optional(expiresAt, (ms) => new Date(number(ms))),
  }
}

/** What may come of an exchange; anything else is told as what it is, too. */
const CODES: readonly ErrorCode[] = [
  'credential-expired',
  'credential-incomplete',
  'credential-unsupported',
  'exchange-failed',
  'network',
  'not-allowed',
  'policy',
  'unsafe-file',
  'upstream-refused',
]

function decodeFailure(failure: unknown): Failure {
  const [at, count, code, message, hint, status] = list(failure)
  return {
    at: number(at),
    count: number(count),
    code: CODES.find((each) => each === code) ?? 'internal',
    message: string(message),
    hint: optional(hint, string),
    status: optional(status, number),
  }
}

/** JSON has no `undefined`: it writes `null`. */
function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === null || value === undefined ? undefined : read(value)
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new TypeError('not a list')
}

function number(value: unknown): number {
  if (Number.isFinite(value)) return Number(value)
  throw new TypeError('not a number')
}

function string(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError('not a string')
}
