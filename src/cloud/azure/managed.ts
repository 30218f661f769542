import { codeOf, PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import type { JsonAnswer, JsonRequest } from '../../net/exchange.ts'
import { refusalIn, refusedBy } from './fault.ts'
import { type AzureToken, parseToken, REGISTRY_AUDIENCE } from './token.ts'
import { type AzureWay, askFor } from './way.ts'

/** The metadata service of every virtual machine, at an address that is the same in each cloud. */
const METADATA_URL = 'http://169.254.169.254/metadata/identity/oauth2/token'

/** It answers in a millisecond: where nobody does, there is nobody. */
const PROBE_TIMEOUT_MS = 1_000

/** Which managed identity is asked for. */
export interface ManagedIdentity {
  /** `undefined` for the one that the machine has. */
  readonly clientId: string | undefined
  /** Whether there must be one. */
  readonly required: boolean
}

/**
 * Asks for the token of a managed identity: of an app, by the endpoint that its platform names, or of
 * the virtual machine.
 *
 * @returns `undefined` if the machine has none, and need not
 * @throws `exchange-failed` if it is refused, or one that is named is not there; `network` if nobody
 * answers, and somebody must
 * @see https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
export async function askManaged(
  managed: ManagedIdentity,
  way: AzureWay,
): Promise<AzureToken | undefined> {
  const { env } = way
  const { clientId } = managed
  const endpoint = env['IDENTITY_ENDPOINT']
  const header = env['IDENTITY_HEADER']
  const identity =
    clientId === undefined ? 'the managed identity' : `managed identity ${quote(clientId)}`
  if (endpoint && header) {
    const url = parseEndpoint(endpoint)
    url.searchParams.set('api-version', '2019-08-01')
    const what = `asking ${url.host} for a token of ${identity} of this app`
    const request = requestOf(url, { 'x-identity-header': header }, clientId)
    const dispatcher = way.net.upstream
    const answer = await askFor(what, { dispatcher, request }, way)
    if (answer.status !== 200) throw refused(what, answer)
    return { secret: parseToken(what, answer), identity, tenantId: undefined }
  }
  const url = new URL(METADATA_URL)
  url.searchParams.set('api-version', '2018-02-01')
  const what = `asking ${url.host} for a token of ${identity} of this machine`
  const request = requestOf(url, { metadata: 'true' }, clientId)
  const answer = await askMetadata(what, request, managed, way)
  return answer && { secret: parseToken(what, answer), identity, tenantId: undefined }
}

/** @returns `undefined` if there is no such service or identity, and need not be */
async function askMetadata(
  what: string,
  request: JsonRequest,
  { clientId, required }: ManagedIdentity,
  way: AzureWay,
): Promise<JsonAnswer | undefined> {
  const dispatcher = way.net.upstream
  // Without its header it refuses at once, where a token may take seconds; other clouds have another
  // service at that address, which knows no such path.
  const probe = { dispatcher, request: { ...request, headers: {} }, timeoutMs: PROBE_TIMEOUT_MS }
  const found = await askFor(what, probe, way).catch((error: unknown) => {
    way.signal.throwIfAborted()
    if (required || codeOf(error) !== 'network') throw error
    return undefined
  })
  if (found === undefined) return undefined
  const isForeign = refusalIn(found) === undefined
  if (isForeign && !required) return undefined
  if (isForeign) throw refused(what, found)
  const answer = await askFor(what, { dispatcher, request }, way)
  if (answer.status === 200) return answer
  const isAbsent = answer.status === 400 && refusalIn(answer) === 'invalid_request'
  if (isAbsent && clientId === undefined) return undefined
  throw refused(what, answer)
}

function requestOf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  clientId: string | undefined,
): JsonRequest {
  url.searchParams.set('resource', REGISTRY_AUDIENCE)
  if (clientId !== undefined) url.searchParams.set('client_id', clientId)
  return { method: 'GET', url, headers }
}

function refused(what: string, answer: JsonAnswer): PurserError {
  const hint =
    answer.status === 410
      ? 'the service is being replaced: it is back within 70 s'
      : 'see whether the identity is assigned to this machine, and AZURE_CLIENT_ID is its own'
  return refusedBy(what, answer, hint)
}

/** Loopback, and the link-local addresses at which App Service keeps it. */
const OWN_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|169\.254(?:\.\d{1,3}){2})$/

/** It is shown a secret: by https, or on this machine. */
function parseEndpoint(text: string): URL {
  const url = URL.parse(text)
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && OWN_HOST.test(url.hostname))
  if (url !== null && isSafe) return url
  throw new PurserError('policy', 'IDENTITY_ENDPOINT is neither https nor on this machine', {
    hint: 'the platform sets it; unset it if it is not this one',
  })
}
