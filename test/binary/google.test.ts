import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ACCOUNT,
  AUDIENCE,
  FILES,
  impersonated,
  PRIVATE_KEY,
  PROOF,
  TARGET,
  USER,
} from '../cloud/google/machine.ts'
import { type Google, startGoogle } from '../fakes/google/cloud.ts'
import { startMetadata } from '../fakes/google/metadata.ts'
import { openShipped, type Shipped } from './shipped.ts'

const HOST = 'europe-west1-docker.pkg.dev'
const AWS_TYPE = 'urn:ietf:params:aws:token-type:aws4_request'
const AWS_KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG' }
const POOL = { audience: AUDIENCE, principal: 'workload' }

const AWS_AUDIENCE = AUDIENCE.replace('k8s', 'aws')

const EXTERNAL = { ...FILES.external, credential_source: { file: 'HOME/proof' } }
const AWS = {
  ...EXTERNAL,
  audience: AWS_AUDIENCE,
  subject_token_type: AWS_TYPE,
  credential_source: {
    environment_id: 'aws1',
    regional_cred_verification_url:
      'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  },
}

let shipped: Shipped
let google: Google

beforeEach(async () => {
  shipped = await openShipped()
  google = await startGoogle({
    accounts: [ACCOUNT],
    users: [USER],
    pools: [
      { ...POOL, subjectTokenType: FILES.external.subject_token_type, proof: PROOF },
      { ...POOL, audience: AWS_AUDIENCE, subjectTokenType: AWS_TYPE, proof: AWS_KEYS },
    ],
    mayImpersonate: [`${ACCOUNT.email} -> ${TARGET}`],
  })
  shipped.stack.defer(() => google.close())
  const connect = [...google.connect].map(([from, to]) => `"${from}" = "${to}"`)
  const ca = join(shipped.folder, 'ca.pem')
  await writeFile(ca, google.ca)
  await writeFile(join(shipped.folder, 'proof'), PROOF)
  const config = ['[connect]', ...connect, '[tls]', `ca = ["${ca}"]`]
  await writeFile(join(shipped.folder, 'config.toml'), config.join('\n'))
})

afterEach(() => shipped.stack.disposeAsync())

describe('what the binary has of the SDK is enough', () => {
  it.each<[string, object, string]>([
    ['for a service account', FILES.serviceAccount, ACCOUNT.email],
    ['for a user', FILES.user, USER.email],
    ['for an account that another one stands in for', impersonated(FILES.serviceAccount), TARGET],
    ['for a workload whose proof is in a file', EXTERNAL, 'workload'],
    ['for a workload of AWS', AWS, 'workload'],
  ])('%s', async (_name, file, principal) => {
    const env = {
      PURSER_CONFIG: join(shipped.folder, 'config.toml'),
      HOME: shipped.folder,
      AWS_ACCESS_KEY_ID: AWS_KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: AWS_KEYS.secretAccessKey,
      // All that is asked is at an address of [connect]; the SDK has nothing to heed these with.
      HTTPS_PROXY: 'http://127.0.0.1:1',
      GOOGLE_SDK_NODE_LOGGING: '*',
    }
    const json = JSON.stringify(file).replace('HOME', shipped.folder)
    const stored = await shipped.purser(['login', HOST, '--json', '-'], json, env)
    expect(stored).toMatchObject({ status: 0, stdout: '' })
    const got = await shipped.helper('get', HOST, env)
    expect(got).toMatchObject({ status: 0, stderr: '' })
    const { Username, Secret } = JSON.parse(got.stdout)
    expect(Username).toBe('oauth2accesstoken')
    expect(google.principalOf(Secret)).toBe(principal)
    expect(got.stdout).not.toContain(PRIVATE_KEY)
  })
})

describe('the identity of the machine', () => {
  const enabled = '\n[ambient]\nenabled = true\n'

  it('is asked for where the operator wants that, and for hosts of Google’s alone', async () => {
    const metadata = await startMetadata()
    shipped.stack.defer(() => metadata.close())
    const config = join(shipped.folder, 'config.toml')
    const env = { PURSER_CONFIG: config, HOME: shipped.folder, GCE_METADATA_HOST: metadata.host }
    expect((await shipped.helper('get', HOST, env)).status).toBe(1)
    await appendFile(config, enabled)
    for (const host of ['quay.io', 'registry.example', 'gcr.io.evil.example', 'gcr.io:5000']) {
      expect((await shipped.helper('get', host, env)).status).toBe(1)
    }
    expect(metadata.asked).toEqual([])
    const got = await shipped.helper('get', HOST, env)
    expect(JSON.parse(got.stdout)).toMatchObject({ Secret: metadata.token })
    // The next process finds it sealed.
    await shipped.helper('get', 'gcr.io', env)
    expect(metadata.asked).toHaveLength(1)
  })

  it('is that of gcloud, and another one when gcloud has another', async () => {
    const folder = join(shipped.folder, 'gcloud')
    await mkdir(join(folder, 'configurations'), { recursive: true })
    const database = new DatabaseSync(join(folder, 'credentials.db'))
    database.exec('CREATE TABLE credentials (account_id TEXT PRIMARY KEY, value BLOB)')
    const insert = database.prepare('INSERT INTO credentials VALUES (?, ?)')
    insert.run(USER.email, JSON.stringify(FILES.user))
    insert.run(ACCOUNT.email, JSON.stringify(FILES.serviceAccount))
    database.close()
    const config = join(shipped.folder, 'config.toml')
    await appendFile(config, enabled)
    const env = { PURSER_CONFIG: config, HOME: shipped.folder, CLOUDSDK_CONFIG: folder }
    for (const account of [USER.email, ACCOUNT.email]) {
      await writeFile(
        join(folder, 'configurations', 'config_default'),
        `[core]\naccount = ${account}\n`,
      )
      const got = await shipped.helper('get', HOST, env)
      expect(google.principalOf(JSON.parse(got.stdout).Secret)).toBe(account)
    }
  })
})
