import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeError } from '../../../src/model/errors.ts'
import { type MetadataOptions, startMetadata } from '../../fakes/google/metadata.ts'
import { failureOf } from '../../registries/ecr/amazon.ts'
import { ACCOUNT, FILES, impersonated, machine, type Setup, seen, TARGET, USER } from './machine.ts'
import { expectSilence, WHAT } from './told.ts'

const AMBIENT = { kind: 'ambient-gcp' } as const
const text = (file: object) => JSON.stringify(file)
const { serviceAccount, user } = FILES
const OTHER = { ...USER, email: 'joe@acme.example', refreshToken: '1//0refresh-token-of-joe' }
const ADC = '.config/gcloud/application_default_credentials.json'

/** gcloud's own files, with a login for each of these addresses. */
function logIn(home: string, logins: Readonly<Record<string, object>>, folder = '.config/gcloud') {
  const database = new DatabaseSync(join(home, folder, 'credentials.db'))
  database.exec('CREATE TABLE credentials (account_id TEXT PRIMARY KEY, value BLOB)')
  for (const [address, file] of Object.entries(logins)) {
    database.prepare('INSERT INTO credentials VALUES (?, ?)').run(address, text(file))
  }
  database.close()
}

const GCLOUD = {
  '.config/gcloud/active_config': 'work',
  '.config/gcloud/configurations/config_default': `[core]\naccount = ${OTHER.email}\n`,
  '.config/gcloud/configurations/config_work': `[core]\naccount = ${USER.email}\nproject=acme\n`,
}
const LOGINS = {
  [USER.email]: { ...user, account: undefined },
  [OTHER.email]: { ...user, refresh_token: OTHER.refreshToken },
  [ACCOUNT.email]: serviceAccount,
}

async function metadata(options: MetadataOptions = {}) {
  const server = await startMetadata(options)
  onTestFinished(() => server.close())
  return server
}

describe('the identity of a machine is the first that is set up', () => {
  test.each<[string, Setup, string]>([
    [
      'GOOGLE_APPLICATION_CREDENTIALS, as a path',
      {
        env: { GOOGLE_APPLICATION_CREDENTIALS: 'HOME/key.json' },
        files: { 'key.json': text(serviceAccount), [ADC]: text(user) },
      },
      ACCOUNT.email,
    ],
    [
      'GOOGLE_APPLICATION_CREDENTIALS, as JSON',
      {
        env: {
          GOOGLE_APPLICATION_CREDENTIALS: `\n${text(serviceAccount)}`,
          CLOUDSDK_AUTH_ACCESS_TOKEN: 'ya29.of-a-shell',
        },
        files: { [ADC]: text(user) },
      },
      ACCOUNT.email,
    ],
    ['application default credentials', { files: { ...GCLOUD, [ADC]: text(user) } }, USER.email],
    [
      'application default credentials, of another folder',
      {
        env: { CLOUDSDK_CONFIG: 'HOME/sdk' },
        files: { 'sdk/application_default_credentials.json': text(user) },
      },
      USER.email,
    ],
    [
      'application default credentials that stand in for an account',
      {
        files: { [ADC]: text(impersonated(user)) },
        mayImpersonate: [`${USER.email} -> ${TARGET}`],
      },
      TARGET,
    ],
  ])('%s', async (_name, setup, principal) => {
    const at = await machine(setup)
    expect(await seen(at, at.exchange(AMBIENT))).toMatchObject({ principal, lifeS: 3600 })
  })

  test('CLOUDSDK_AUTH_ACCESS_TOKEN, of which nobody tells the end', async () => {
    const env = { CLOUDSDK_AUTH_ACCESS_TOKEN: 'ya29.of-a-shell' }
    const at = await machine({ env, files: { [ADC]: text(user) } })
    const login = await at.exchange(AMBIENT)
    expect(login?.secret.reveal()).toBe('ya29.of-a-shell')
    expect(login?.expiresAt).toBeUndefined()
    expect(at.google.calls).toEqual([])
  })

  test('nothing, and then nobody has asked Google', async () => {
    const at = await machine({ files: GCLOUD })
    expect(await at.exchange(AMBIENT)).toBeUndefined()
    expect(at.google.calls).toEqual([])
  })

  test('nothing, where there is not even a home', async () => {
    const at = await machine({ env: { HOME: '' } })
    expect(await at.exchange(AMBIENT)).toBeUndefined()
  })
})

describe('gcloud’s login', () => {
  const env = { CLOUDSDK_CORE_DISABLE_PROMPTS: '1' }
  test.each<[string, Setup, string]>([
    ['of the active configuration', { files: GCLOUD }, USER.email],
    [
      'of the configuration that a shell names',
      { files: GCLOUD, env: { CLOUDSDK_ACTIVE_CONFIG_NAME: 'default' } },
      OTHER.email,
    ],
    [
      'of the account that a shell names',
      { files: GCLOUD, env: { CLOUDSDK_CORE_ACCOUNT: ACCOUNT.email } },
      ACCOUNT.email,
    ],
    [
      'of the default configuration, where none is active',
      { files: { ...GCLOUD, '.config/gcloud/active_config': '' } },
      OTHER.email,
    ],
    [
      'that stands in for an account, by a delegate',
      {
        files: GCLOUD,
        env: { CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT: `first@acme, ${TARGET}` },
        mayImpersonate: [`${USER.email} -> first@acme`, `first@acme -> ${TARGET}`],
      },
      TARGET,
    ],
    [
      'that a file takes the place of',
      {
        files: { ...GCLOUD, 'key.json': text(serviceAccount) },
        env: { CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE: 'HOME/key.json' },
      },
      ACCOUNT.email,
    ],
  ])('%s', async (_name, setup, principal) => {
    const at = await machine({ users: [USER, OTHER], ...setup, env: { ...env, ...setup.env } })
    logIn(at.home, LOGINS)
    expect(await seen(at, at.exchange(AMBIENT))).toMatchObject({ principal, lifeS: 3600 })
  })

  test('is read, and neither changed nor held', async () => {
    const at = await machine({ files: GCLOUD })
    logIn(at.home, LOGINS)
    const path = join(at.home, '.config/gcloud/credentials.db')
    const before = readFileSync(path)
    const writer = new DatabaseSync(path)
    await at.exchange(AMBIENT)
    writer.exec('BEGIN IMMEDIATE; ROLLBACK')
    // While gcloud itself writes, its last login is read.
    writer.exec('BEGIN IMMEDIATE')
    expect(await at.exchange(AMBIENT)).toBeDefined()
    writer.exec('ROLLBACK')
    writer.close()
    expect(readFileSync(path)).toEqual(before)
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['of an account that is not logged in', { CLOUDSDK_CORE_ACCOUNT: 'nobody@acme.example' }],
    ['of a configuration that is not there', { CLOUDSDK_ACTIVE_CONFIG_NAME: 'gone' }],
    ['of a configuration outside of its folder', { CLOUDSDK_ACTIVE_CONFIG_NAME: '../../x' }],
  ])('%s is none', async (_name, more) => {
    const files = { ...GCLOUD, '.config/gcloud/x': `[core]\naccount = ${USER.email}\n` }
    const at = await machine({ files, env: { ...env, ...more } })
    logIn(at.home, LOGINS)
    expect(await at.exchange(AMBIENT)).toBeUndefined()
  })

  test('that cannot be read is a fault', async () => {
    const files = { ...GCLOUD, '.config/gcloud/credentials.db': 'no database' }
    const at = await machine({ files })
    const error = await failureOf(at.exchange(AMBIENT))
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toBe(
      `cannot read "${at.home}/.config/gcloud/credentials.db": ERR_SQLITE_ERROR`,
    )
  })
})

describe('an identity that is set up and cannot be used', () => {
  const gone = { ...user, refresh_token: '1//0other' }
  test.each<[string, Setup, string]>([
    [
      'names its file, and what Google says',
      {
        env: { GOOGLE_APPLICATION_CREDENTIALS: 'HOME/key.json' },
        files: { 'key.json': text(gone) },
      },
      `${WHAT}a user's login (GOOGLE_APPLICATION_CREDENTIALS, "HOME/key.json"): invalid_grant, status 400`,
    ],
    [
      'names the variable that holds it',
      { env: { GOOGLE_APPLICATION_CREDENTIALS: text(gone) } },
      `${WHAT}a user's login (GOOGLE_APPLICATION_CREDENTIALS): invalid_grant, status 400`,
    ],
    [
      'names a file that is not there',
      { env: { GOOGLE_APPLICATION_CREDENTIALS: 'HOME/key.json' } },
      'cannot read "HOME/key.json": ENOENT',
    ],
    [
      'names a folder',
      { env: { GOOGLE_APPLICATION_CREDENTIALS: 'HOME' } },
      'cannot read "HOME": it is not a file',
    ],
    [
      'names a file that is none of Google’s',
      { files: { [ADC]: '{}' } },
      `application default credentials "HOME/${ADC}": not a credential file of Google's: type is missing, or not what Google writes there`,
    ],
    [
      'names the variable that holds half of one',
      { env: { GOOGLE_APPLICATION_CREDENTIALS: '{"type":"service_account","private_key":"hush' } },
      "GOOGLE_APPLICATION_CREDENTIALS: not a credential file of Google's: it is not JSON",
    ],
  ])('%s, and no other is tried', async (_name, setup, message) => {
    const server = await metadata()
    const env = { ...setup.env, GCE_METADATA_HOST: server.host }
    const at = await machine({ ...setup, env })
    const error = await failureOf(at.exchange(AMBIENT))
    expect(describeError(error)).toBe(message.replaceAll('HOME', at.home))
    expect(server.asked).toEqual([])
    expectSilence(error)
  })
})

describe('the metadata server', () => {
  const asAt = (host: string, more = {}) =>
    machine({ env: { GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: '', ...more } })

  test.each([3599, 300, 240])('gives a token of %i seconds', async (lifeS) => {
    const server = await metadata({ lifeS })
    const login = await (await asAt(server.host)).exchange(AMBIENT)
    expect(login?.secret.reveal()).toBe(server.token)
    const leftS = ((login?.expiresAt?.getTime() ?? 0) - Date.now()) / 1000
    expect(leftS).toBeGreaterThan(lifeS - 10)
    expect(leftS).toBeLessThanOrEqual(lifeS)
    expect(server.asked).toEqual(['/computeMetadata/v1/instance/service-accounts/default/token'])
  })

  test('is asked again while it starts', async () => {
    const server = await metadata({ statuses: [503, 500] })
    expect(await (await asAt(server.host)).exchange(AMBIENT)).toBeDefined()
    expect(server.asked).toHaveLength(3)
  })

  test('of a machine without an account gives none', async () => {
    const server = await metadata({ hasAccount: false })
    expect(await (await asAt(server.host)).exchange(AMBIENT)).toBeUndefined()
  })

  test.each<[string, MetadataOptions, string]>([
    ['refuses', { statuses: [403] }, 'status 403'],
    ['is in trouble', { statuses: [503, 503, 503] }, 'status 503'],
    ['is somebody else', { flavor: 'Amazon' }, 'whoever answers is not a metadata server'],
  ])('that %s is told of', async (_name, options, why) => {
    const server = await metadata(options)
    const error = await failureOf((await asAt(server.host)).exchange(AMBIENT))
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toBe(`asking "${server.host}" for a token of this machine: ${why}`)
    expectSilence(error)
  })

  test('that is named and not there is told of', async () => {
    const error = await failureOf((await asAt('127.0.0.1:1')).exchange(AMBIENT))
    expect(error).toMatchObject({ code: 'network' })
    expect(describeError(error)).toBe(
      'asking "127.0.0.1:1" for a token of this machine: connect ECONNREFUSED 127.0.0.1:1',
    )
  })

  test.each(['https://x', 'a/b', 'user@host', 'a b', '?'])('is no %j', async (host) => {
    const error = await failureOf((await asAt(host)).exchange(AMBIENT))
    expect(error).toMatchObject({ code: 'config-invalid' })
  })

  test.each([{ NO_GCE_CHECK: 'True' }, { METADATA_SERVER_DETECTION: 'none' }])(
    'is not looked for where %j says so',
    async (env) => {
      const at = await machine({ env: { METADATA_SERVER_DETECTION: '', ...env } })
      expect(await at.exchange(AMBIENT)).toBeUndefined()
    },
  )
})
