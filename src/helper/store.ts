import * as v from 'valibot'
import { type Credential, needsExchange } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { IDENTITY_TOKEN_USER, sameLogin } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import { loginWithin, usernameOf } from '../registries/static-login.ts'
import type { HelperContext } from './context.ts'
import { isClients, targetOf } from './get.ts'
import { hasControlCharacter } from './input.ts'
import { parseServerUrl, type ServerUrl } from './server-url.ts'

const text = v.optional(v.string(), '')

/** Extra fields are ignored, and missing ones empty, as Go's decoder has it. */
const message = v.object({ ServerURL: text, Username: text, Secret: text })

interface Given {
  readonly username: string
  readonly secret: Secret
}

/**
 * Stores a login under its server URL.
 *
 * docker stores back what it was given each time it logs in, so a login that some source makes
 * anyway is left to that source: stored, it would outlive its own expiry.
 *
 * @throws `usage`, with the words that clients know, if the URL or the user name is missing
 */
export async function storeLogin(
  input: string,
  context: HelperContext,
  signal: AbortSignal,
): Promise<void> {
  const { url, ...given } = parseMessage(input)
  if (await isMadeAnyway(url, given, context, signal)) return
  const vault = await context.openVault()
  const { host, path, entry } = url
  const key = { workspace: context.workspace, host, prefix: path, name: entry }
  await vault.put(key, credentialOf(given))
}

function parseMessage(input: string): Given & { readonly url: ServerUrl } {
  const parsed = v.safeParse(message, parseJson(input))
  if (!parsed.success) {
    const path = v.getDotPath(parsed.issues[0]) ?? 'the input'
    throw new PurserError('usage', `cannot store: ${path} is not what the protocol says`)
  }
  const { ServerURL, Username: username, Secret: secret } = parsed.output
  const serverUrl = ServerURL.trim()
  if (serverUrl === '' || hasControlCharacter(serverUrl)) throw missing('server URL')
  if (username === '' || hasControlCharacter(username)) throw missing('username')
  if (secret === '') throw missing('secret')
  // Half of a surrogate pair would be stored as another character: another password.
  if (!secret.isWellFormed() || !username.isWellFormed()) {
    throw new PurserError('usage', 'cannot store: the login is not Unicode text')
  }
  const url = parseServerUrl(serverUrl)
  if (url === undefined) {
    throw new PurserError('usage', `cannot store for ${quote(serverUrl)}: not a registry's URL`)
  }
  return { url, username, secret: new Secret(secret) }
}

function parseJson(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch (cause) {
    throw new PurserError('usage', 'cannot store: the input is not JSON', { cause })
  }
}

function missing(what: string): PurserError {
  return new PurserError('usage', `no credentials ${what}`)
}

function credentialOf({ username, secret }: Given): Credential {
  return username === IDENTITY_TOKEN_USER
    ? { kind: 'identity-token', token: secret }
    : { kind: 'basic', username, password: secret }
}

/** Whether `get` hands out this login although nobody stored it. */
async function isMadeAnyway(
  url: ServerUrl,
  given: Given,
  { workspace, openSources }: HelperContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (url.kind === 'key') return false
  for (const source of await openSources()) {
    const found = await source.find(targetOf(url, workspace), signal)
    if (found === undefined) continue
    const { credential } = found
    // A cloud's secret is another one at each exchange, so its user name has to tell.
    if (needsExchange(credential)) return usernameOf(credential) === given.username
    const login = loginWithin(credential)
    const isOfClients = source.name === 'vault' && isClients(credential)
    return !isOfClients && login !== undefined && sameLogin(login, given)
  }
  return false
}
