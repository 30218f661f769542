import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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
      // Neither is heeded, nor has the SDK what it would heed them with.
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
