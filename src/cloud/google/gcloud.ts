import { statSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { PurserError, systemCode } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { Secret } from '../../model/secret.ts'
import { type GoogleAccount, resourceOf } from './account.ts'
import { parseAccount } from './account-file.ts'
import { findGoogleFile, readGoogleFile, unreadable } from './file.ts'
import type { GooglePlace } from './place.ts'

type Env = GooglePlace['env']

/** An identity that the files of gcloud hold, and where. */
export interface FoundAccount {
  readonly account: GoogleAccount
  /** For people. */
  readonly from: string
}

const HINT = 'see whether this user may read it, or log in anew with gcloud'

/** Properties of a configuration, as `section/name`. */
type Properties = ReadonlyMap<string, string>

/**
 * The account that gcloud is logged in with, by its active configuration.
 *
 * Its token is not looked for: gcloud keeps one beside the account, but the account can have one made
 * at any time. Nothing is written, and nobody is locked out who writes.
 *
 * @returns `undefined` if it is logged in with none, or with the machine's own
 * @throws `exchange-failed` if the files cannot be read
 * @see https://cloud.google.com/sdk/docs/configurations
 */
export async function findGcloudAccount(
  folder: string,
  env: Env,
): Promise<FoundAccount | undefined> {
  const name =
    env['CLOUDSDK_ACTIVE_CONFIG_NAME'] ||
    (await findGoogleFile(join(folder, 'active_config'), HINT))
  const properties = await readProperties(folder, name?.trim() || 'default')
  const property = (key: string) => env[variableOf(key)] || properties.get(key)
  const file = property('auth/credential_file_override')
  const address = property('core/account')
  const found =
    file === undefined ? await readLogin(folder, address) : await readFileOf(file, "gcloud's file")
  const impersonated = property('auth/impersonate_service_account')
  if (found === undefined || impersonated === undefined) return found
  return { ...found, account: impersonate(found.account, impersonated) }
}

/** `core/account` is `CLOUDSDK_CORE_ACCOUNT`. */
function variableOf(key: string): string {
  return `CLOUDSDK_${key.replace('/', '_').toUpperCase()}`
}

/** Accounts with commas between them, of which each stands in for the next. */
function impersonate(account: GoogleAccount, list: string): GoogleAccount {
  const chain = list.split(',').map((each) => each.trim())
  const principal = chain.at(-1) ?? ''
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(principal)}:generateAccessToken`
  const origin = 'https://iamcredentials.googleapis.com'
  if (account.type === 'impersonated_service_account') {
    throw new PurserError(
      'credential-unsupported',
      'gcloud impersonates an account with another one',
      {
        hint: 'run gcloud config unset auth/impersonate_service_account',
      },
    )
  }
  return {
    type: 'impersonated_service_account',
    target: { principal, origin, url: origin + path },
    delegates: chain.slice(0, -1).map(resourceOf),
    source: account,
  }
}

async function readProperties(folder: string, name: string): Promise<Properties> {
  // The name is a file's: nothing outside of its folder.
  if (!/^[a-z][-a-z0-9]*$/i.test(name)) return new Map()
  const text = (await findGoogleFile(join(folder, 'configurations', `config_${name}`), HINT)) ?? ''
  const properties = new Map<string, string>()
  let section = ''
  for (const line of text.split('\n')) {
    section = /^\s*\[([\w-]+)\]/.exec(line)?.[1] ?? section
    const [, key, value] = /^\s*([\w-]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) properties.set(`${section}/${key}`, value)
  }
  return properties
}

/** What the database of gcloud's credentials holds of one. */
const row = v.object({ value: v.union([v.string(), v.instance(Uint8Array)]) })

async function readLogin(
  folder: string,
  address: string | undefined,
): Promise<FoundAccount | undefined> {
  const path = join(folder, 'credentials.db')
  if (address === undefined || !isFile(path)) return undefined
  const value = await readRow(path, address)
  if (value === undefined) return undefined
  const account = parseAccount(new Secret(value))
  const named = account.type === 'authorized_user' ? { ...account, name: address } : account
  return { account: named, from: `gcloud's login, ${quote(path)}` }
}

/** No pipe: who opens one that nobody writes into waits for ever. */
export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

async function readRow(path: string, address: string): Promise<string | undefined> {
  // Loaded here: who is not logged in with gcloud needs none of it.
  const { DatabaseSync } = await import('node:sqlite')
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 1_000 })
    try {
      const found = database
        .prepare('SELECT value FROM credentials WHERE account_id = ?')
        .get(address)
      if (found === undefined) return undefined
      const { value } = v.parse(row, found)
      return typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
    } finally {
      database.close()
    }
  } catch (error) {
    throw unreadable(path, systemCode(error) ?? 'not what gcloud writes', HINT)
  }
}

/**
 * Reads a credential file of the machine.
 *
 * @param name - of what names it, for people
 * @throws `exchange-failed` if it cannot be read
 */
export async function readFileOf(path: string, name: string): Promise<FoundAccount> {
  const hint = `${name} names it: see whether it is there, and readable for this user`
  const text = await readGoogleFile(path, hint)
  try {
    return { account: parseAccount(new Secret(text)), from: `${name}, ${quote(path)}` }
  } catch (error) {
    if (!(error instanceof PurserError)) throw error
    throw new PurserError(error.code, `${name} ${quote(path)}`, { cause: error })
  }
}
