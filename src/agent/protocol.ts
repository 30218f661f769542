import { type ErrorCode, PurserError } from '../model/errors.ts'
import { parseHost } from '../model/host.ts'
import { Secret } from '../model/secret.ts'
import type { Action, Target } from '../model/target.ts'
import type { Resolution } from '../resolver.ts'

/** A server URL of 2 KiB, twice: as the repository and as the entry's name. The rest is names. */
export const MAX_QUESTION_BYTES = 64 * 1024

/**
 * The server URL of a helper's client, of which a repository is a part. Each of its components is
 * looked up: 25,000 of them would hold up everybody else for seconds.
 */
const MAX_REPOSITORY_LENGTH = 2 * 1024

/** The helper stores a login of up to 1 MiB, and JSON may escape each character as two. */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024 + 64 * 1024

/** Where the agent is asked for a login, by POST. */
export const LOGIN_PATH = '/v1/login'
/** Where the agent fills in a container request, by POST. */
export const ATTACH_PATH = '/v1/attach'
/** Where the agent tells how it is, by GET. */
export const STATUS_PATH = '/v1/status'

/**
 * The agent answers for another vault (RFC 9110 15.5.20). Two homes of one user may share a socket,
 * root's above all, and a login of the one is nothing to the other.
 */
export const MISDIRECTED = 421

/** What to do about an agent or a client that does not speak this protocol. */
const VERSIONS = 'it may be of another version: start the agent anew'

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']

/** What a client asks, and of whom. */
export interface Question {
  readonly target: Target
  /** The path of the vault that the client would open itself: an agent of another is none of its. */
  readonly vault: string
  /** The lease as which it is asked, by its id. */
  readonly lease?: string | undefined
}

/** The question of `POST /v1/login`. */
export function encodeQuestion({ target, vault, lease }: Question): string {
  const { workspace, host, repository, action, entry } = target
  return JSON.stringify({ vault, lease, workspace, host: host.name, repository, action, entry })
}

/** Reads a question that a client has sent. @throws `request-invalid`, naming what is wrong */
export function decodeQuestion(text: string): Question {
  const read = readObject(text, 'question')
  const action = ACTIONS.find((each) => each === read('action'))
  if (action === undefined) throw invalid('question', 'action must be pull, push or delete')
  const repository = read.optional('repository')
  if (repository !== undefined && repository.length > MAX_REPOSITORY_LENGTH) {
    throw invalid('question', `repository has more than ${MAX_REPOSITORY_LENGTH} characters`)
  }
  const entry = read.optional('entry')
  const host = parseHost(read('host'))
  const workspace = read('workspace')
  const target = { workspace, host, repository, action, ...(entry && { entry }) }
  return { target, vault: read('vault'), lease: read.optional('lease') }
}

/** The answer of `POST /v1/login`: here the secret leaves for the helper. */
export function encodeAnswer({ login, source, from, registry }: Resolution): string {
  return JSON.stringify({
    username: login.username,
    secret: login.secret.reveal(),
    expiresAt: login.expiresAt?.toISOString() ?? null,
    source,
    from,
    registry,
  })
}

/**
 * Reads the login that the agent has answered with.
 *
 * @throws `request-invalid`, naming what is wrong
 */
export function decodeAnswer(text: string): Resolution {
  const read = readObject(text, 'answer')
  const expiresAt = read.optional('expiresAt')
  return {
    login: {
      username: read('username'),
      secret: new Secret(read('secret')),
      expiresAt: expiresAt === undefined ? undefined : parseTime(expiresAt),
    },
    source: read('source'),
    from: read('from'),
    registry: read('registry'),
  }
}

/** A fault of the agent's, for its client to tell as its own. */
export function encodeRefusal(code: ErrorCode, message: string, hint: string | undefined): string {
  return JSON.stringify({ code, message, hint })
}

/**
 * Reads the error that the agent has answered with.
 *
 * @throws `request-invalid`, naming what is wrong
 */
export function decodeRefusal(text: string): PurserError {
  const read = readObject(text, 'refusal')
  const code = read('code')
  const hint = read.optional('hint')
  const known = FORWARDED.find((each) => each === code) ?? 'internal'
  return new PurserError(known, read('message'), hint === undefined ? {} : { hint })
}

/** Codes on which a client acts; any other is the agent's own affair. */
const FORWARDED: readonly ErrorCode[] = [
  'credential-expired',
  'credential-incomplete',
  'credential-unsupported',
  'exchange-failed',
  'exchange-limit',
  'key-invalid',
  'key-missing',
  'network',
  'not-allowed',
  'not-found',
  'policy',
  'request-invalid',
  'unsafe-file',
  'upstream-refused',
  'vault-corrupt',
  'vault-failed',
]

/** Reads the strings of a JSON object by name. */
interface Reader {
  (name: string): string
  /** @returns `undefined` if it is missing or `null`. */
  optional(name: string): string | undefined
}

/** By hand, because every helper starts by loading this: a schema library doubles what it costs. */
function readObject(text: string, what: string): Reader {
  const fields = parseFields(text, what)
  const optional = (name: string) => {
    const value = fields.get(name)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string') return value
    throw invalid(what, `${name} must be a string`)
  }
  const required = (name: string) => {
    const value = optional(name)
    if (value !== undefined) return value
    throw invalid(what, `${name} is missing`)
  }
  return Object.assign(required, { optional })
}

function parseFields(text: string, what: string): ReadonlyMap<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PurserError('request-invalid', `the agent's ${what} is not JSON`, {
      cause: error,
      hint: VERSIONS,
    })
  }
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value))
  throw invalid(what, 'it must be an object')
}

function parseTime(text: string): Date {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw invalid('answer', 'expiresAt must be a time')
  return time
}

function invalid(what: string, message: string): PurserError {
  return new PurserError('request-invalid', `the agent's ${what}: ${message}`, { hint: VERSIONS })
}
