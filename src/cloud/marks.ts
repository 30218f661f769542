import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Credential } from '../model/credential.ts'
import { once } from '../model/once.ts'
import { gcloudFolder } from './google/folder.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Tells identities of the machine apart by what they are read from. A credential such as "what this
 * machine is to Amazon" is always the same, and the identity behind it is not: another profile in
 * the environment, or an edited file, makes another one, which must not get the former one's login.
 *
 * @param env - one that stays as it is: its variables are read by the first question
 * @returns a hash that changes with the variables and files that the cloud's own programs look at;
 * empty for a credential that holds all it needs
 */
export function createMarks(env: Env): (credential: Credential) => string {
  // The files may change at any time; the variables of a process do not.
  const aws = once(() => variablesOf(env, /^AWS_/))
  const google = once(() => variablesOf(env, /^(?:GOOGLE_|CLOUDSDK_|GCE_|AWS_)/))
  const azure = once(() => variablesOf(env, /^(?:AZURE_|IDENTITY_|MSI_)/))

  return (credential) => {
    switch (credential.kind) {
      case 'ambient-aws':
      case 'gcp-external':
        return mark(aws(), awsFiles(env))
      case 'ambient-gcp':
        // A file of Google's may name the machine's identity at Amazon.
        return mark(google(), [...googleFiles(env), ...awsFiles(env)])
      case 'ambient-azure':
        return azure()
      case 'basic':
      case 'identity-token':
      case 'aws':
      case 'gcp-token':
      case 'gcp-service-account':
      case 'gcp-user':
      case 'gcp-impersonated':
      case 'azure':
        return ''
    }
  }
}

/**
 * What `aws sso login` leaves is among them: whoever logs in anew may be somebody else.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
 */
function awsFiles(env: Env): readonly string[] {
  const folder = join(homeOf(env), '.aws')
  return [
    env['AWS_CONFIG_FILE'] || join(folder, 'config'),
    env['AWS_SHARED_CREDENTIALS_FILE'] || join(folder, 'credentials'),
    ...filesIn(join(folder, 'sso', 'cache')),
  ]
}

/** @see https://cloud.google.com/sdk/docs/configurations */
function googleFiles(env: Env): readonly string[] {
  const named = env['GOOGLE_APPLICATION_CREDENTIALS']
  const folder = gcloudFolder(env)
  return [...(named ? [named] : []), ...(folder === undefined ? [] : gcloudFiles(folder))]
}

function gcloudFiles(folder: string): readonly string[] {
  return [
    join(folder, 'application_default_credentials.json'),
    join(folder, 'active_config'),
    // gcloud writes one anew when another account becomes its own.
    ...filesIn(join(folder, 'configurations')),
    join(folder, 'credentials.db'),
  ]
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .toSorted()
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

function homeOf(env: Env): string {
  return env['HOME'] || homedir()
}

/** Hashed, since variables hold secrets and a mark goes into a cache's key. */
function variablesOf(env: Env, names: RegExp): string {
  const variables = Object.entries(env)
    .filter(([name, value]) => value && names.test(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(variables)).digest('base64url')
}

/** Hashed again, for a key is no longer with many files than with few. */
function mark(variables: string, files: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([variables, files.map(stateOf)]))
    .digest('base64url')
}

/** What changes when a file is written or replaced; its content need not be read. */
function stateOf(path: string): readonly string[] {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true })
    return [path, ...[ino, size, mtimeNs].map(String)]
  } catch {
    return [path]
  }
}
