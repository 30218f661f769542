import { join } from 'node:path'
import { PurserError } from '../../model/errors.ts'
import { Secret } from '../../model/secret.ts'
import type { GoogleAccount } from './account.ts'
import { parseAccount } from './account-file.ts'
import { gcloudFolder } from './folder.ts'
import { type FoundAccount, findGcloudAccount, isFile, readFileOf } from './gcloud.ts'
import { askMetadata } from './metadata.ts'
import { nameAccount } from './name.ts'
import type { GooglePlace, GoogleToken } from './place.ts'

/** Exchanges an account that was found, and tells of it under `what`. */
type Fetch = (what: string, account: GoogleAccount) => Promise<GoogleToken>

/**
 * The token of the machine's own identity: application default credentials in Google's order, with
 * gcloud's login before the metadata server.
 *
 * The first one that is set up is the one: if it cannot be used, no other is tried, for it would be
 * another identity.
 *
 * @returns `undefined` if the machine has none
 * @throws if one is set up and cannot be used
 * @see https://cloud.google.com/docs/authentication/application-default-credentials
 */
export async function findAmbientToken(
  place: GooglePlace,
  fetch: Fetch,
): Promise<GoogleToken | undefined> {
  const { CLOUDSDK_AUTH_ACCESS_TOKEN: token, GOOGLE_APPLICATION_CREDENTIALS: named } = place.env
  // What a shell says is nearer than what some file does, and gcloud would use it.
  if (!named && token) return { token: new Secret(token), expiresAt: undefined }
  const found = await findAccount(place.env)
  if (found === undefined) return askMetadata(place)
  return fetch(`${nameAccount(found.account)} (${found.from})`, found.account)
}

async function findAccount(env: GooglePlace['env']): Promise<FoundAccount | undefined> {
  const named = env['GOOGLE_APPLICATION_CREDENTIALS']
  const variable = 'GOOGLE_APPLICATION_CREDENTIALS'
  if (named) return isJson(named) ? readJson(named, variable) : readFileOf(named, variable)
  const folder = gcloudFolder(env)
  if (folder === undefined) return undefined
  const wellKnown = join(folder, 'application_default_credentials.json')
  if (isFile(wellKnown)) return readFileOf(wellKnown, 'application default credentials')
  return findGcloudAccount(folder, env)
}

/** The variable is a path, by Google's own rule; some platforms put the file itself there. */
function isJson(text: string): boolean {
  return text.trimStart().startsWith('{')
}

function readJson(text: string, variable: string): FoundAccount {
  try {
    return { account: parseAccount(new Secret(text)), from: variable }
  } catch (error) {
    if (!(error instanceof PurserError)) throw error
    throw new PurserError(error.code, variable, { cause: error })
  }
}
