import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCloud } from '../fakes/aws/cloud.ts'
import type { CloudOptions } from '../fakes/aws/state.ts'
import { openShipped, type Shipped } from './shipped.ts'

const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const ROLE = 'arn:aws:iam::999999999999:role/puller'
const CONFIG = `[profile dev]
role_arn = ${ROLE}
source_profile = corp
[profile corp]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Developer
[profile node]
role_arn = ${ROLE}
credential_source = Ec2InstanceMetadata
[profile pod]
role_arn = ${ROLE}
web_identity_token_file = HOME/token
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`
const SESSION = createHash('sha1').update('corp').digest('hex')
const RENEWABLE = {
  accessToken: 'old-token',
  expiresAt: '2026-01-01T00:00:00Z',
  clientId: 'client',
  clientSecret: 'client-secret',
  refreshToken: 'refresh',
}

let shipped: Shipped

beforeEach(async () => {
  shipped = await openShipped()
  const cache = join(shipped.folder, '.aws/sso/cache')
  await mkdir(cache, { recursive: true })
  await writeFile(join(shipped.folder, '.aws/config'), CONFIG.replace('HOME', shipped.folder))
  await writeFile(join(shipped.folder, 'token'), 'service-account')
  await writeFile(join(cache, `${SESSION}.json`), JSON.stringify(RENEWABLE))
})

afterEach(() => shipped.stack.disposeAsync())

describe('what the binary has of the SDK is enough', () => {
  it.each<[string, string, string, CloudOptions, readonly string[]]>([
    [
      'for a role by an SSO session that is renewed',
      'dev',
      HOST,
      { sso: { accessToken: 'new-token', refreshToken: 'refresh' }, roles: [{ arn: ROLE }] },
      [
        'SSO OIDC CreateToken',
        'SSO GetRoleCredentials 123456789012 Developer',
        `STS AssumeRole ${ROLE} as purser`,
        'ECR eu-west-1 ASIAPULLER0001',
      ],
    ],
    [
      'for a role by the instance',
      'node',
      HOST,
      { instance: { role: 'node' }, roles: [{ arn: ROLE }] },
      [
        'IMDS PUT /latest/api/token',
        'IMDS GET /latest/meta-data/iam/security-credentials/',
        'IMDS GET /latest/meta-data/iam/security-credentials/node',
        `STS AssumeRole ${ROLE} as purser`,
        'ECR eu-west-1 ASIAPULLER0001',
      ],
    ],
    [
      'for a role by web identity, and the public registry',
      'pod',
      'public.ecr.aws',
      { roles: [{ arn: ROLE, webToken: 'service-account' }] },
      [`STS AssumeRoleWithWebIdentity ${ROLE} as purser`, 'ECR PUBLIC us-east-1 ASIAPULLER0000'],
    ],
  ])('%s', async (_name, profile, host, options, calls) => {
    const cloud = await startCloud(options)
    shipped.stack.defer(() => cloud.close())
    const env = {
      HOME: shipped.folder,
      AWS_PROFILE: profile,
      AWS_ENDPOINT_URL: cloud.origin,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: cloud.origin,
    }
    const login = await shipped.purser(['login', host, '--from-env', 'AWS_PROFILE'], '', env)
    expect(login).toMatchObject({ status: 0 })
    const answer = await shipped.helper('get', host, env)
    expect(answer).toMatchObject({ status: 0, stdout: expect.stringContaining('"Username":"AWS"') })
    expect(cloud.calls).toEqual(calls)
  })
})
