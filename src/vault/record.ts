import * as v from 'valibot'
import type {
  AmbientAwsCredential,
  AmbientAzureCredential,
  AwsCredential,
  AwsRole,
  Credential,
} from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { tryParseHost } from '../model/host.ts'
import type { Reference } from '../model/reference.ts'
import { Secret } from '../model/secret.ts'
import type { Entry, ImageLink } from './vault.ts'

const secret = v.pipe(
  v.string(),
  v.transform((text) => new Secret(text)),
)

const text = v.string()

/** A variant's schema takes no interfaces, which somebody could extend. */
type Plain<T> = { readonly [K in keyof T]: T[K] }

const role = v.pipe(
  v.object({ arn: text, externalId: v.nullish(text), sessionName: v.nullish(text) }),
  v.transform(
    ({ arn, externalId, sessionName }): AwsRole => ({
      arn,
      externalId: externalId ?? undefined,
      sessionName: sessionName ?? undefined,
    }),
  ),
)

const aws = v.pipe(
  v.object({
    kind: v.literal('aws'),
    accessKeyId: text,
    secretAccessKey: secret,
    sessionToken: v.nullish(secret),
    role: v.nullish(role),
  }),
  v.transform(
    ({ sessionToken, role, ...rest }): Plain<AwsCredential> => ({
      ...rest,
      sessionToken: sessionToken ?? undefined,
      role: role ?? undefined,
    }),
  ),
)

const ambientAws = v.pipe(
  v.object({ kind: v.literal('ambient-aws'), profile: v.nullish(text), role: v.nullish(role) }),
  v.transform(
    ({ kind, profile, role }): Plain<AmbientAwsCredential> => ({
      kind,
      profile: profile ?? undefined,
      role: role ?? undefined,
    }),
  ),
)

const ambientAzure = v.pipe(
  v.object({ kind: v.literal('ambient-azure'), clientId: v.nullish(text) }),
  v.transform(
    ({ kind, clientId }): Plain<AmbientAzureCredential> => ({
      kind,
      clientId: clientId ?? undefined,
    }),
  ),
)

/** What was not there when it was written is missing; JSON has no `undefined`. */
const credential = v.variant('kind', [
  v.object({ kind: v.literal('basic'), username: text, password: secret }),
  v.object({ kind: v.literal('identity-token'), token: secret }),
  aws,
  ambientAws,
  v.object({ kind: v.literal('gcp-token'), token: secret }),
  v.object({
    kind: v.picklist(['gcp-service-account', 'gcp-user', 'gcp-impersonated', 'gcp-external']),
    json: secret,
  }),
  v.object({ kind: v.literal('ambient-gcp') }),
  v.object({ kind: v.literal('azure'), tenantId: text, clientId: text, clientSecret: secret }),
  ambientAzure,
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

const entryKey = { host, prefix: v.string(), name: v.string() }

const entry = v.object({ workspace: v.string(), ...entryKey, credential, updatedAt: time })

const reference = v.pipe(
  v.object({ host, repository: text, tag: v.nullish(text), digest: v.nullish(text) }),
  v.transform(
    ({ host, repository, tag, digest }): Reference => ({
      host,
      repository,
      tag: tag ?? undefined,
      digest: digest ?? undefined,
    }),
  ),
)

const imageLink = v.pipe(
  v.object({
    workspace: text,
    image: text,
    entry: v.nullish(v.object(entryKey)),
    reference: v.nullish(reference),
    pushed: v.nullish(reference),
    updatedAt: time,
  }),
  v.transform(
    ({ entry, reference, pushed, ...rest }): ImageLink => ({
      ...rest,
      entry: entry ?? undefined,
      reference: reference ?? undefined,
      pushed: pushed ?? undefined,
    }),
  ),
)

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

/**
 * Reads an entry from the text that was sealed.
 *
 * @throws `vault-corrupt`: it was sealed with the right key, but not by this version of Purser.
 */
export function decodeEntry(text: string): Entry {
  return decode(entry, text)
}

/** The text that is sealed. */
export function encodeImageLink({ entry, reference, pushed, ...link }: ImageLink): string {
  return JSON.stringify({
    ...link,
    entry: entry && { host: entry.host.name, prefix: entry.prefix, name: entry.name },
    reference: reference && { ...reference, host: reference.host.name },
    pushed: pushed && { ...pushed, host: pushed.host.name },
    updatedAt: link.updatedAt.getTime(),
  })
}

/**
 * Reads the link of an image from the text that was sealed.
 *
 * @throws `vault-corrupt` as {@link decodeEntry}
 */
export function decodeImageLink(text: string): ImageLink {
  return decode(imageLink, text)
}

/**
 * Reads an entry or the link of an image from the text that was sealed.
 *
 * @throws `vault-corrupt` as {@link decodeEntry}
 */
export function decodeRecord(text: string): Entry | ImageLink {
  return decode(v.union([entry, imageLink]), text)
}

function decode<T>(schema: v.GenericSchema<unknown, T>, text: string): T {
  const parsed = v.safeParse(schema, parseJson(text))
  if (!parsed.success) throw unreadable()
  return parsed.output
}

/** Whether two credentials are the same in every part. */
export function sameCredential(a: Credential, b: Credential): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

/** Secrets leave their wrapper here, towards the seal and nowhere else. */
function plain(credential: Credential): unknown {
  const parts = Object.entries(credential).map(([name, value]) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ])
  return Object.fromEntries(parts)
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
