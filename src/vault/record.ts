import * as v from 'valibot'
import type { Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { tryParseHost } from '../model/host.ts'
import { Secret } from '../model/secret.ts'
import type { Entry } from './vault.ts'

const secret = v.pipe(
  v.string(),
  v.transform((text) => new Secret(text)),
)

const credential = v.variant('kind', [
  v.object({ kind: v.literal('basic'), username: v.string(), password: secret }),
  v.object({
    kind: v.literal('aws'),
    accessKeyId: v.string(),
    secretAccessKey: secret,
    sessionToken: v.pipe(
      v.nullable(secret),
      v.transform((token) => token ?? undefined),
    ),
  }),
  v.object({ kind: v.literal('gcp-token'), token: secret }),
  v.object({ kind: v.literal('identity-token'), token: secret }),
])

const host = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = tryParseHost(dataset.value)
    if (parsed !== undefined) return parsed
    addIssue()
    return NEVER
  }),
)

/** The last millisecond that a Date can hold (ECMA-262 21.4.1.1). */
const MAX_TIME_MS = 8.64e15

const time = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(MAX_TIME_MS),
  v.transform((ms) => new Date(ms)),
)

const record = v.object({
  workspace: v.string(),
  host,
  prefix: v.string(),
  name: v.string(),
  credential,
  updatedAt: time,
})

/** The text that is sealed. */
export function encodeEntry(entry: Entry): string {
  return JSON.stringify({
    workspace: entry.workspace,
    host: entry.host.name,
    prefix: entry.prefix,
    name: entry.name,
    credential: plain(entry.credential),
    updatedAt: entry.updatedAt.getTime(),
  })
}

/** @throws `vault-corrupt`: it was sealed with the right key, but not by this version of Purser. */
export function decodeEntry(text: string): Entry {
  const parsed = v.safeParse(record, parseJson(text))
  if (!parsed.success) throw unreadable()
  return parsed.output
}

/** Whether two credentials are the same in every part. */
export function sameCredential(a: Credential, b: Credential): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

/** Secrets leave their wrapper here, towards the seal and nowhere else. */
function plain(credential: Credential): unknown {
  switch (credential.kind) {
    case 'basic':
      return {
        kind: 'basic',
        username: credential.username,
        password: credential.password.reveal(),
      }
    case 'aws':
      return {
        kind: 'aws',
        accessKeyId: credential.accessKeyId,
        secretAccessKey: credential.secretAccessKey.reveal(),
        sessionToken: credential.sessionToken?.reveal() ?? null,
      }
    case 'gcp-token':
      return { kind: 'gcp-token', token: credential.token.reveal() }
    case 'identity-token':
      return { kind: 'identity-token', token: credential.token.reveal() }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause?: unknown): PurserError {
  return new PurserError('vault-corrupt', 'a record holds what this version cannot read', {
    hint: 'if a newer purser wrote it, upgrade this one',
    ...(cause === undefined ? {} : { cause }),
  })
}
