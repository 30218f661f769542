import { kindOfFile } from '../../cloud/google/kind.ts'
import type { Credential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import { type CredentialKeys, optionalKey } from '../../model/keys.ts'
import { Secret } from '../../model/secret.ts'
import { readPair, refuseForeignKeys, requireKey } from '../keys.ts'

const FILE_KEY = 'GOOGLE_APPLICATION_CREDENTIALS'

/**
 * Reads the keys by which Google's users name an identity: an access token, or what a credential file
 * holds; or a user name and password, as `_json_key` with such a file for password.
 *
 * @returns `undefined` if none of them is there
 * @throws `credential-incomplete` if there is something else
 */
export function readGoogleKeys(keys: CredentialKeys): Credential | undefined {
  const token = optionalKey(keys, 'GCP_ACCESS_TOKEN')
  if (token !== undefined) return { kind: 'gcp-token', token: new Secret(token) }
  const file = optionalKey(keys, FILE_KEY)
  if (file !== undefined) return readFileKey(file)
  const pair = readPair(keys)
  if (pair !== undefined) return pair
  // A project without a token was meant to be one with a token.
  if (optionalKey(keys, 'GCP_PROJECT_ID') !== undefined) requireKey(keys, 'GCP_ACCESS_TOKEN')
  return refuseForeignKeys(keys, 'Google', `GCP_ACCESS_TOKEN or ${FILE_KEY}`)
}

/** What a key says is data: a path in its place is nobody's to open here. */
function readFileKey(text: string): Credential {
  const kind = kindOfFile(text)
  if (kind !== undefined) return { kind, json: new Secret(text) }
  const isPath = !text.trimStart().startsWith('{')
  throw new PurserError(
    'credential-incomplete',
    `${FILE_KEY} is ${isPath ? 'a path, and not what the file holds' : "no credential file of Google's"}`,
    { hint: 'give the text of a file that gcloud or the console has made' },
  )
}
