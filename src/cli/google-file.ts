import { kindOfFile } from '../cloud/google/kind.ts'
import type { Credential } from '../model/credential.ts'
import type { CredentialKeys } from '../model/keys.ts'
import type { CliContext } from './context.ts'
import { readNamed } from './input.ts'

/** What Google's users name a credential file by. */
const FILE_KEY = 'GOOGLE_APPLICATION_CREDENTIALS'

/**
 * The keys with a credential file's text in place of its path: whoever is at the command line may
 * have a file read, once; what is kept is what it held.
 *
 * @throws `usage` if it cannot be read
 */
export async function withGoogleFile(
  keys: CredentialKeys,
  context: CliContext,
): Promise<CredentialKeys> {
  const { [FILE_KEY]: path } = keys
  if (path === undefined || path.trimStart().startsWith('{')) return keys
  return { ...keys, [FILE_KEY]: await readNamed(context, `--from-env: ${FILE_KEY}`, path) }
}

/** The keys that a file of Google's own making is; `undefined` if it is another one. */
export function keysOfGoogleFile(text: string): CredentialKeys | undefined {
  return kindOfFile(text) === undefined ? undefined : { [FILE_KEY]: text }
}

/**
 * Sees that a credential file can be used, as far as that can be seen: whoever stores one is told at
 * once, and not by the first pull.
 *
 * @throws `credential-incomplete`, `credential-unsupported` or `policy`
 */
export async function checkGoogleFile(credential: Credential): Promise<void> {
  if (!('json' in credential)) return
  const { parseAccount } = await import('../cloud/google/account-file.ts')
  parseAccount(credential.json)
}
