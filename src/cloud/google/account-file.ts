import { createPrivateKey } from 'node:crypto'
import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { Secret } from '../../model/secret.ts'
import {
  type ExternalAccount,
  type FederatedUserAccount,
  type GoogleAccount,
  type ImpersonatedAccount,
  resourceOf,
  type ServiceAccount,
  type UserAccount,
} from './account.ts'
import { parseEndpoint, parseImpersonation } from './endpoint.ts'
import { parseSource } from './external-source.ts'

/** The cloud of which all registries of Google's are that are known by name. */
const UNIVERSE = 'googleapis.com'

const STS_URL = 'https://sts.googleapis.com/v1/token'
const STS_USER_URL = 'https://sts.googleapis.com/v1/oauthtoken'

/** A token lives an hour, or twelve where the organisation allows it. */
const MIN_LIFETIME_S = 600
const MAX_LIFETIME_S = 43_200

/** The pool of a company's people. */
const WORKFORCE = /^\/\/iam\.googleapis\.com\/locations\/[^/]+\/workforcePools\/[^/]+\/providers\/./

const text = v.pipe(v.string(), v.nonEmpty())
const secret = v.pipe(
  text,
  v.transform((value) => new Secret(value)),
)

/** A file that names the token service names the one that is asked whatever it says. */
const tokenUri = v.optional(text)

const serviceAccount = v.object({
  client_email: text,
  private_key: secret,
  token_uri: tokenUri,
})

const user = v.object({
  account: v.optional(v.string()),
  client_id: text,
  client_secret: secret,
  refresh_token: secret,
  token_uri: tokenUri,
})

const federatedUser = v.object({
  audience: v.optional(v.string(), ''),
  client_id: text,
  client_secret: secret,
  refresh_token: secret,
  token_url: v.optional(text, STS_USER_URL),
})

const impersonated = v.object({
  service_account_impersonation_url: text,
  delegates: v.nullish(v.pipe(v.array(text), v.maxLength(8))),
  source_credentials: v.unknown(),
})

const external = v.object({
  audience: text,
  subject_token_type: text,
  token_url: v.optional(text, STS_URL),
  credential_source: v.unknown(),
  service_account_impersonation_url: v.optional(text),
  service_account_impersonation: v.optional(
    v.object({
      token_lifetime_seconds: v.optional(
        v.pipe(v.number(), v.integer(), v.minValue(MIN_LIFETIME_S), v.maxValue(MAX_LIFETIME_S)),
      ),
    }),
  ),
  client_id: v.optional(text),
  client_secret: v.optional(secret),
  workforce_pool_user_project: v.optional(text),
})

/**
 * Reads a credential file.
 *
 * It may come from anybody, and says where to send what: each URL in it must be Google's, or of a
 * kind that the identity is known to come from, before anything is asked.
 *
 * @throws `credential-incomplete` if it is not such a file, or lacks a part; `credential-unsupported`
 * for a kind that is not taken; `policy` if it would send something elsewhere
 * @see https://google.aip.dev/auth/4110
 */
export function parseAccount(json: Secret): GoogleAccount {
  return parse(parseJson(json.reveal()), '')
}

function parse(value: unknown, path: string): GoogleAccount {
  const { type, universe_domain: universe = UNIVERSE } = check(
    v.looseObject({ type: text, universe_domain: v.optional(v.string()) }),
    value,
    path,
  )
  if (universe !== UNIVERSE) {
    throw new PurserError(
      'credential-unsupported',
      `${path}universe_domain ${quote(universe)} is another cloud than that of Google's registries`,
      { hint: 'log in to its registry with _json_key and the file as password' },
    )
  }
  switch (type) {
    case 'service_account':
      return parseServiceAccount(value, path)
    case 'authorized_user':
      return parseUser(value, path)
    case 'external_account_authorized_user':
      return parseFederatedUser(value, path)
    case 'external_account':
      return parseExternal(value, path)
    case 'impersonated_service_account':
      return parseImpersonated(value, path)
    default:
      throw new PurserError('credential-unsupported', `${path}type ${quote(type)} is not known`, {
        hint: 'give a service account, a user, or an external or impersonated account',
      })
  }
}

function parseServiceAccount(value: unknown, path: string): ServiceAccount {
  const { client_email, private_key, token_uri } = check(serviceAccount, value, path)
  checkTokenUri(token_uri, path)
  if (!isRsaKey(private_key)) {
    throw incomplete(`${path}private_key is not an RSA key in PEM`)
  }
  return { type: 'service_account', email: client_email, privateKey: private_key }
}

function isRsaKey(key: Secret): boolean {
  try {
    return createPrivateKey(key.reveal()).asymmetricKeyType === 'rsa'
  } catch {
    // OpenSSL's error may quote what it was given.
    return false
  }
}

function parseUser(value: unknown, path: string): UserAccount {
  const parsed = check(user, value, path)
  checkTokenUri(parsed.token_uri, path)
  return {
    type: 'authorized_user',
    name: parsed.account || undefined,
    clientId: parsed.client_id,
    clientSecret: parsed.client_secret,
    refreshToken: parsed.refresh_token,
  }
}

function parseFederatedUser(value: unknown, path: string): FederatedUserAccount {
  const parsed = check(federatedUser, value, path)
  return {
    type: 'external_account_authorized_user',
    audience: parsed.audience,
    tokenUrl: parseEndpoint('sts', `${path}token_url`, parsed.token_url).href,
    clientId: parsed.client_id,
    clientSecret: parsed.client_secret,
    refreshToken: parsed.refresh_token,
  }
}

function parseImpersonated(value: unknown, path: string): ImpersonatedAccount {
  const parsed = check(impersonated, value, path)
  const source = parse(parsed.source_credentials, `${path}source_credentials.`)
  if (source.type === 'impersonated_service_account') {
    throw incomplete(`${path}source_credentials is impersonated itself: name delegates instead`)
  }
  return {
    type: 'impersonated_service_account',
    target: parseImpersonation(parsed.service_account_impersonation_url),
    delegates: (parsed.delegates ?? []).map(resourceOf),
    source,
  }
}

function parseExternal(value: unknown, path: string): ExternalAccount {
  const parsed = check(external, value, path)
  const { workforce_pool_user_project: project } = parsed
  if (project !== undefined && !WORKFORCE.test(parsed.audience)) {
    throw incomplete(`${path}workforce_pool_user_project is for people, and audience is not`)
  }
  const impersonation = parsed.service_account_impersonation_url
  return {
    type: 'external_account',
    audience: parsed.audience,
    subjectTokenType: parsed.subject_token_type,
    tokenUrl: parseEndpoint('sts', `${path}token_url`, parsed.token_url).href,
    source: parseSource(parsed.credential_source, `${path}credential_source`),
    target: impersonation === undefined ? undefined : parseImpersonation(impersonation),
    lifetimeS: parsed.service_account_impersonation?.token_lifetime_seconds,
    clientId: parsed.client_id,
    clientSecret: parsed.client_secret,
    userProject: project,
  }
}

function checkTokenUri(uri: string | undefined, path: string): void {
  if (uri !== undefined) parseEndpoint('oauth2', `${path}token_uri`, uri)
}

/** The issue of a schema quotes its input: what is told is the path, and no more. */
function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown, path: string): T {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const property = v.getDotPath(issue) ?? ''
  const whole = `${path}${property}`.replace(/\.$/, '')
  throw incomplete(`${whole === '' ? 'it' : whole} is missing, or not what Google writes there`)
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw incomplete('it is not JSON')
  }
}

function incomplete(why: string): PurserError {
  return new PurserError('credential-incomplete', `not a credential file of Google's: ${why}`, {
    hint: 'make the file anew with gcloud, or download it again',
  })
}
