import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ask, type Case, ROLE, USER } from './elsewhere.ts'

const STATIC = {
  AWS_ACCESS_KEY_ID: USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
  AWS_REGION: 'x',
}
const SESSION = `.aws/sso/cache/${createHash('sha1').update('corp').digest('hex')}.json`

interface Named extends Case {
  readonly host: string
  /** Who is asked by which name, in order. */
  readonly names: readonly string[]
}

describe('no endpoint is set: each service has its own name, over TLS of our own trust', () => {
  test.each<Named>([
    {
      name: 'the public registry',
      host: 'public.ecr.aws',
      keys: STATIC,
      options: { users: [USER] },
      names: ['api.ecr-public.us-east-1.amazonaws.com'],
    },
    {
      name: 'the public registry over IPv6',
      host: 'ecr-public.aws.com',
      keys: STATIC,
      options: { users: [USER] },
      names: ['ecr-public.us-east-1.api.aws'],
    },
    {
      name: 'a role is taken on in the region of the registry',
      host: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE },
      options: { users: [USER], roles: [{ arn: ROLE }] },
      names: ['sts.eu-west-1.amazonaws.com', 'api.ecr.eu-west-1.amazonaws.com'],
    },
    {
      name: 'and over the kind of endpoint that it is: FIPS',
      host: '123456789012.dkr.ecr-fips.us-west-2.amazonaws.com',
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE },
      options: { users: [USER], roles: [{ arn: ROLE }] },
      names: ['sts-fips.us-west-2.amazonaws.com', 'api.ecr-fips.us-west-2.amazonaws.com'],
    },
    {
      name: 'and dual stack',
      host: '123456789012.dkr-ecr.us-west-2.on.aws',
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE },
      options: { users: [USER], roles: [{ arn: ROLE }] },
      names: ['sts.us-west-2.api.aws', 'ecr.us-west-2.api.aws'],
    },
    {
      name: 'in China',
      host: '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE.replace('arn:aws:', 'arn:aws-cn:') },
      options: { users: [USER], roles: [{ arn: ROLE.replace('arn:aws:', 'arn:aws-cn:') }] },
      names: ['sts.cn-north-1.amazonaws.com.cn', 'api.ecr.cn-north-1.amazonaws.com.cn'],
    },
    {
      name: 'SSO is where the profile says',
      host: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      keys: { AWS_PROFILE: 'dev' },
      options: { sso: { accessToken: 'new', refreshToken: 'refresh' } },
      files: {
        '.aws/config': `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Puller
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`,
        [SESSION]: JSON.stringify({
          accessToken: 'old',
          expiresAt: '2026-01-01T00:00:00Z',
          clientId: 'client',
          clientSecret: 'secret',
          refreshToken: 'refresh',
        }),
      },
      names: [
        'oidc.eu-central-1.amazonaws.com',
        'portal.sso.eu-central-1.amazonaws.com',
        'api.ecr.eu-west-1.amazonaws.com',
      ],
    },
  ])('$name', async ({ names, options, ...each }) => {
    const { result, hosts } = await ask({
      ...each,
      options: { ...options, names },
      env: { AWS_ENDPOINT_URL: '' },
    })
    expect(result).toMatchObject({ login: expect.stringMatching(/^AWS:/) })
    expect(hosts).toEqual(names)
  })
})

describe('an endpoint of a profile', () => {
  test('is of its services, and the rest is where the profile says', async () => {
    const { result, hosts } = await ask({
      name: '',
      keys: { AWS_PROFILE: 'dev' },
      env: { AWS_ENDPOINT_URL: '' },
      options: { users: [USER], roles: [{ arn: ROLE }], names: ['ecr.eu-west-1.corp.example'] },
      files: {
        '.aws/config': `[profile dev]
role_arn = ${ROLE}
source_profile = base
endpoint_url = ORIGIN
services = near
[profile base]
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
[services near]
ecr =
  endpoint_url = https://ecr.eu-west-1.corp.example
`,
      },
    })
    expect(result).toMatchObject({ login: expect.stringMatching(/^AWS:/) })
    expect(hosts).toEqual([expect.stringMatching(/^127\.0\.0\.1:/), 'ecr.eu-west-1.corp.example'])
  })
})
