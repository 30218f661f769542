import type { Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { type Host, quote, tryParseHost } from '../model/host.ts'
import type { CredentialKeys } from '../model/keys.ts'
import { IDENTITY_TOKEN_USER } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import type { Registry } from '../registries/registry.ts'
import { parseCredentials } from '../request/credentials.ts'
import type { CliContext } from './context.ts'
import { checkGoogleFile, keysOfGoogleFile, withGoogleFile } from './google-file.ts'
import { readNamed, readStdin } from './input.ts'
import { ask } from './prompt.ts'

/** The flags that say where a credential comes from: never the credential itself. */
export interface CredentialFlags {
  readonly username?: string
  readonly passwordStdin?: true
  readonly fromEnv?: string
  readonly json?: string
  readonly awsProfile?: string
  readonly awsRoleArn?: string
  readonly awsExternalId?: string
  readonly awsSessionName?: string
}

/** Whose credential it is to be. */
interface Owner {
  readonly host: Host
  readonly registry: Registry
}

/**
 * Reads a credential from variables, a file, stdin or the person at the terminal.
 *
 * @throws `usage`, `credential-incomplete`, `request-invalid`
 */
export async function readCredential(
  owner: Owner,
  flags: CredentialFlags,
  context: CliContext,
): Promise<Credential> {
  const named = namedIdentity(flags)
  if (flags.fromEnv !== undefined) return readVariables(owner, flags.fromEnv, named, context)
  if (Object.keys(named).length > 0) return readIdentity(owner, named)
  if (flags.json !== undefined) {
    return readJson(owner, await readNamed(context, '--json', flags.json))
  }
  if (flags.passwordStdin !== true && !context.stdinIsTerminal()) throw notATerminal()
  const username = flags.username ?? (await askUsername(flags, context))
  // RFC 7617: a colon would end the user name, and the rest of it be the password's start.
  if (username === '' || /[\p{Cc}:]/u.test(username)) {
    throw new PurserError('usage', 'a user name is not empty and has no colon')
  }
  const password = flags.passwordStdin
    ? (await readStdin(context, '--password-stdin')).replace(/\r?\n$/, '')
    : await ask(context, 'Password: ', { echo: false, signal: context.signal })
  if (password === '') throw new PurserError('usage', 'the password is empty')
  return username === IDENTITY_TOKEN_USER
    ? { kind: 'identity-token', token: new Secret(password) }
    : { kind: 'basic', username, password: new Secret(password) }
}

/** The keys that flags say: what names an identity of Amazon's without being one is no secret. */
export function namedIdentity(flags: CredentialFlags): CredentialKeys {
  const keys = {
    AWS_PROFILE: flags.awsProfile,
    AWS_ROLE_ARN: flags.awsRoleArn,
    AWS_EXTERNAL_ID: flags.awsExternalId,
    AWS_ROLE_SESSION_NAME: flags.awsSessionName,
  }
  return Object.fromEntries(
    Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

function readIdentity({ host, registry }: Owner, keys: CredentialKeys): Credential {
  const credential = registry.read(keys)
  if (credential !== undefined) return credential
  throw new PurserError('usage', `${host.name} takes no identity of Amazon's`)
}

function askUsername({ passwordStdin }: CredentialFlags, context: CliContext): Promise<string> {
  if (!passwordStdin) return ask(context, 'Username: ', { echo: true, signal: context.signal })
  throw new PurserError('usage', '--password-stdin needs --username')
}

function notATerminal(): PurserError {
  return new PurserError('usage', 'cannot ask for a password: stdin is not a terminal', {
    hint: 'pipe the password in with --username and --password-stdin, or use --from-env',
  })
}

/** A key that is missing is one that was not named. */
function readKeys(registry: Registry, keys: CredentialKeys): Credential | undefined {
  try {
    return registry.read(keys)
  } catch (cause) {
    if (!(cause instanceof PurserError)) throw cause
    throw new PurserError('usage', '--from-env is not enough', {
      cause,
      hint: cause.hint ?? 'name that key in --from-env too',
    })
  }
}

/** Variables pass what arguments must not: only their names are on the command line. */
async function readVariables(
  { host, registry }: Owner,
  list: string,
  named: CredentialKeys,
  context: CliContext,
): Promise<Credential> {
  const names = list.split(',').map((name) => name.trim())
  const keys = names.map((name) => {
    const value = context.env[name]
    if (value === undefined || value === '') {
      throw new PurserError('usage', `--from-env: ${quote(name)} is not set`)
    }
    return [name, value] as const
  })
  const given = await withGoogleFile({ ...Object.fromEntries(keys), ...named }, context)
  const credential = readKeys(registry, given)
  if (credential !== undefined) {
    await checkGoogleFile(credential)
    return credential
  }
  throw new PurserError('usage', `--from-env: ${host.name} takes none of ${quote(list)}`, {
    hint: `it is a registry of kind ${registry.name}: see purser login --help`,
  })
}

/** @throws `usage` if it is another registry's: stored here, it would go out to this one */
async function readJson({ host, registry }: Owner, text: string): Promise<Credential> {
  const googles = keysOfGoogleFile(text)
  const given = googles ? { keys: googles, registry: undefined } : parseCredentials(text, '--json')
  const named = given?.registry?.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '')
  if (named !== undefined && tryParseHost(named)?.name !== host.name) {
    throw new PurserError(
      'usage',
      `--json: the credential is for ${quote(named)}, not ${host.name}`,
    )
  }
  const credential = given && registry.read(given.keys)
  if (credential !== undefined) {
    await checkGoogleFile(credential)
    return credential
  }
  throw new PurserError('usage', '--json: there is no credential in it')
}
