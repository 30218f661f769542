import type { GcpAccountCredential } from '../../model/credential.ts'
import { tryParseJson } from '../../model/json.ts'

type Kind = GcpAccountCredential['kind']

/** What the `type` of a credential file makes it. */
const KINDS: ReadonlyMap<unknown, Kind> = new Map([
  ['service_account', 'gcp-service-account'],
  ['authorized_user', 'gcp-user'],
  ['external_account_authorized_user', 'gcp-user'],
  ['external_account', 'gcp-external'],
])

/**
 * The kind of credential that a file's text is, and no more: whether it can be used is found out when
 * it is. So every helper can afford to know.
 *
 * @returns `undefined` if it is no credential file
 */
export function kindOfFile(text: string): Kind | undefined {
  return kindOf(tryParseJson(text))
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type !== 'impersonated_service_account') return KINDS.get(value.type)
  const source = 'source_credentials' in value ? kindOf(value.source_credentials) : undefined
  // What a source cannot be is taken for what may do least.
  const isOwn = source === 'gcp-service-account' || source === 'gcp-user'
  return isOwn ? 'gcp-impersonated' : 'gcp-external'
}
