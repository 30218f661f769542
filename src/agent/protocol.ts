import * as v from 'valibot'
import { type ErrorCode, PurserError } from '../model/errors.ts'
import { parseHost } from '../model/host.ts'
import { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import type { Resolution } from '../resolver.ts'

/** A server URL of 2 KiB, twice: as the repository and as the entry's name. The rest is names. */
export const MAX_QUESTION_BYTES = 64 * 1024

/** The helper stores a login of up to 1 MiB, and JSON may escape each character as two. */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024 + 64 * 1024

/** The paths of the agent's API, as its clients write them. */
export const LOGIN_PATH = '/v1/login'
export const STATUS_PATH = '/v1/status'

const question = v.strictObject({
  workspace: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  host: v.string(),
  repository: v.optional(v.pipe(v.string(), v.maxLength(2048))),
  action: v.picklist(['pull', 'push', 'delete']),
  entry: v.exactOptional(v.pipe(v.string(), v.maxLength(4096))),
})

const answer = v.object({
  username: v.string(),
  secret: v.string(),
  expiresAt: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  source: v.string(),
  from: v.string(),
  registry: v.string(),
})

const refusal = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    hint: v.optional(v.string()),
  }),
})

/** The question of `POST /v1/login`. */
export function encodeQuestion({ workspace, host, repository, action, entry }: Target): string {
  return JSON.stringify({ workspace, host: host.name, repository, action, entry })
}

/** @throws `request-invalid`, naming what is wrong */
export function decodeQuestion(text: string): Target {
  const { host, repository, ...rest } = parse(question, text, 'question')
  return { ...rest, host: parseHost(host), repository }
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

/** @throws `request-invalid`, naming what is wrong */
export function decodeAnswer(text: string): Resolution {
  const { username, secret, expiresAt, ...rest } = parse(answer, text, 'answer')
  return {
    ...rest,
    login: {
      username,
      secret: new Secret(secret),
      expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
    },
  }
}

/** A fault of the agent's, for its client to tell as its own. */
export function encodeRefusal(code: ErrorCode, message: string, hint: string | undefined): string {
  return JSON.stringify({ error: { code, message, hint } })
}

/** @throws `request-invalid`, naming what is wrong */
export function decodeRefusal(text: string): PurserError {
  const { code, message, hint } = parse(refusal, text, 'refusal').error
  const known = FORWARDED.find((each) => each === code) ?? 'internal'
  return new PurserError(known, message, hint === undefined ? {} : { hint })
}

/** Codes on which a client acts; any other is the agent's own affair. */
const FORWARDED: readonly ErrorCode[] = [
  'credential-incomplete',
  'credential-unsupported',
  'exchange-failed',
  'exchange-limit',
  'key-invalid',
  'key-missing',
  'network',
  'not-found',
  'request-invalid',
  'unsafe-file',
  'upstream-refused',
  'vault-corrupt',
  'vault-failed',
]

function parse<T extends v.GenericSchema>(schema: T, text: string, what: string) {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PurserError('request-invalid', `the agent's ${what} is not JSON`, { cause: error })
  }
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue) ?? ''
  throw new PurserError('request-invalid', `the agent's ${what}: ${path} must be ${issue.expected}`)
}
