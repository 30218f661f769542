import * as v from 'valibot'
import type { AzureCloud } from '../../cloud/azure/authority.ts'
import { hintFor } from '../../cloud/azure/fault.ts'
import { askIdentity } from '../../cloud/azure/identity.ts'
import { type AzureToken, tokenText } from '../../cloud/azure/token.ts'
import { type AzureWay, askFor, formRequest } from '../../cloud/azure/way.ts'
import type { AmbientAzureCredential, AzureCredential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import type { Login } from '../../model/login.ts'
import { Secret } from '../../model/secret.ts'
import type { JsonAnswer } from '../../net/exchange.ts'
import { ACR_USER } from '../static-login.ts'
import { lifeOfToken } from './token.ts'

/** What a login is made with. */
export interface MintOptions extends AzureWay {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** They live three hours; one that does not say so is not trusted for longer than this. */
const UNTOLD_LIFE_MS = 60 * 60_000

const granted = v.object({ refresh_token: tokenText })

const refusal = v.object({ errors: v.array(v.object({ code: v.string() })) })

/** As the distribution specification has them; what else stands there may quote what was sent. */
const ERROR_CODE = /^[A-Z_]{1,64}$/

const HINTS: Readonly<Record<number, string>> = {
  401: 'give the identity a role on the registry, such as AcrPull or AcrPush',
  403: "see whether the registry's network rules let this machine in",
  404: 'see whether there is a registry of this name',
}

/**
 * Asks for a token of the identity, and the registry for a refresh token in its place: the password
 * of a login.
 *
 * @returns `undefined` if the identity is the machine's, and it has none
 * @throws `exchange-failed` if one of the two refuses; `network` if one does not answer
 * @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
 */
export async function mintAcrLogin(
  credential: AzureCredential | AmbientAzureCredential,
  host: Host,
  cloud: AzureCloud,
  options: MintOptions,
): Promise<Login | undefined> {
  const token = await askIdentity(credential, cloud, options)
  if (token === undefined) return undefined
  const { now } = options
  // Before it is asked: what is on its way is part of the token's life.
  const askedAt = now()
  const secret = await askRegistry(token, host, options)
  const life = lifeOfToken(secret)
  return { username: ACR_USER, secret, expiresAt: endOf(life, askedAt) }
}

/** By our own clock, which may be minutes away from the registry's. */
function endOf(life: ReturnType<typeof lifeOfToken>, askedAt: number): Date {
  if (life === undefined) return new Date(askedAt + UNTOLD_LIFE_MS)
  const { issuedAt, expiresAt } = life
  if (issuedAt === undefined) return expiresAt
  return new Date(askedAt + expiresAt.getTime() - issuedAt.getTime())
}

async function askRegistry(
  { secret, identity, tenantId }: AzureToken,
  { name }: Host,
  way: AzureWay,
): Promise<Secret> {
  const what = `asking ${name} for a login of ${identity}`
  const request = formRequest(new URL(`https://${name}/oauth2/exchange`), {
    grant_type: 'access_token',
    service: name,
    access_token: secret.reveal(),
    ...(tenantId !== undefined && { tenant: tenantId }),
  })
  // The operator named it, and it may be at a private endpoint.
  const answer = await askFor(what, { dispatcher: way.net.upstream, request }, way)
  if (answer.status !== 200) throw refused(what, answer)
  const result = v.safeParse(granted, answer.document)
  if (result.success) return new Secret(result.output.refresh_token)
  throw new PurserError('exchange-failed', `${what}: an answer without a token`, {
    hint: 'see who answers: it may be a proxy',
  })
}

function refused(what: string, { status, document }: JsonAnswer): PurserError {
  const result = v.safeParse(refusal, document)
  const code = result.success ? result.output.errors[0]?.code : undefined
  const named = code !== undefined && ERROR_CODE.test(code) ? `${code}, ` : ''
  return new PurserError('exchange-failed', `${what}: ${named}status ${status}`, {
    hint: HINTS[status] ?? hintFor(status),
    status,
  })
}
