import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ask, type Case, IMDS, ROLE, USER } from './elsewhere.ts'

const STATIC = {
  AWS_ACCESS_KEY_ID: USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
  AWS_REGION: 'x',
}
const PROFILE_KEYS = `aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
`
const CREDENTIALS = '.aws/credentials'
const CONFIG = '.aws/config'
const IN_HOURS = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
/** As the SDK names the file of a session: by the SHA-1 of its name. */
const SESSION_NAME = createHash('sha1').update('corp').digest('hex')

/** Keys of nobody: who falls back to them is found out. */
const DECOY = { AWS_ACCESS_KEY_ID: 'AKIADECOYDECOYDECOY0', AWS_SECRET_ACCESS_KEY: 'decoy' }

const FROM_USER = `ECR eu-west-1 ${USER.accessKeyId}`
const assumed = (by = 'purser') => `STS AssumeRole ${ROLE} as ${by}`
const NODE = [IMDS.token, IMDS.roles, `${IMDS.roles}node`]

const CASES: readonly Case[] = [
  { name: 'static keys', options: { users: [USER] }, keys: STATIC, env: DECOY, calls: [FROM_USER] },
  {
    name: 'static keys of a session',
    options: { users: [{ ...USER, sessionToken: 'session' }] },
    keys: { ...STATIC, AWS_SESSION_TOKEN: 'session' },
    env: DECOY,
    calls: [FROM_USER],
  },
  {
    name: 'a role by static keys',
    options: { users: [USER], roles: [{ arn: ROLE, externalId: 'ext-1' }] },
    keys: {
      ...STATIC,
      AWS_ROLE_ARN: ROLE,
      AWS_EXTERNAL_ID: 'ext-1',
      AWS_ROLE_SESSION_NAME: 'ci@host',
    },
    env: DECOY,
    calls: [assumed('ci@host'), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'the environment',
    options: { users: [USER] },
    env: {
      AWS_ACCESS_KEY_ID: USER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
    },
    calls: [FROM_USER],
  },
  {
    name: 'a role by the environment',
    options: { users: [USER], roles: [{ arn: ROLE }] },
    env: {
      AWS_ACCESS_KEY_ID: USER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
    },
    keys: { AWS_ROLE_ARN: ROLE },
    calls: [assumed(), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'a profile by name, rather than the environment',
    options: { users: [USER] },
    files: { [CREDENTIALS]: `[dev]\n${PROFILE_KEYS}` },
    env: DECOY,
    keys: { AWS_PROFILE: 'dev' },
    calls: [FROM_USER],
  },
  {
    name: 'the profile of AWS_PROFILE',
    options: { users: [USER] },
    files: { [CONFIG]: `[profile dev]\n${PROFILE_KEYS}` },
    env: { ...DECOY, AWS_PROFILE: 'dev' },
    calls: [FROM_USER],
  },
  {
    name: 'the default profile',
    options: { users: [USER] },
    files: { [CREDENTIALS]: `[default]\n${PROFILE_KEYS}` },
    calls: [FROM_USER],
  },
  {
    name: 'files that are elsewhere',
    options: { users: [USER] },
    files: { 'here/credentials': `[dev]\n${PROFILE_KEYS}`, 'here/config': '[profile other]\n' },
    env: {
      AWS_SHARED_CREDENTIALS_FILE: 'HOME/here/credentials',
      AWS_CONFIG_FILE: 'HOME/here/config',
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: [FROM_USER],
  },
  {
    name: 'a role of a profile, by another',
    options: { users: [USER], roles: [{ arn: ROLE, externalId: 'e1' }] },
    files: {
      [CREDENTIALS]: `[base]\n${PROFILE_KEYS}`,
      [CONFIG]: `[profile dev]
role_arn = ${ROLE}
source_profile = base
external_id = e1
role_session_name = me
`,
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: [assumed('me'), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'a chain of roles, and one more on top',
    options: {
      users: [USER],
      roles: [
        { arn: 'arn:aws:iam::111111111111:role/first', trusts: 'AKIA' },
        { arn: 'arn:aws:iam::222222222222:role/second', trusts: 'ASIAFIRST' },
        { arn: ROLE, trusts: 'ASIASECOND' },
      ],
    },
    files: {
      [CREDENTIALS]: `[base]\n${PROFILE_KEYS}`,
      [CONFIG]: `[profile one]
role_arn = arn:aws:iam::111111111111:role/first
source_profile = base
[profile two]
role_arn = arn:aws:iam::222222222222:role/second
source_profile = one
`,
    },
    keys: { AWS_PROFILE: 'two', AWS_ROLE_ARN: ROLE },
    calls: [
      'STS AssumeRole arn:aws:iam::111111111111:role/first as purser',
      'STS AssumeRole arn:aws:iam::222222222222:role/second as purser',
      assumed(),
      'ECR eu-west-1 ASIAPULLER0003',
    ],
  },
  {
    name: 'a role by credential_source = Environment',
    options: { users: [USER], roles: [{ arn: ROLE }] },
    files: {
      [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\ncredential_source = Environment\n`,
    },
    env: {
      AWS_ACCESS_KEY_ID: USER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: [assumed(), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'a role by credential_source = EcsContainer',
    options: { container: { role: 'task' }, roles: [{ arn: ROLE, trusts: 'ASIATASK' }] },
    files: {
      [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\ncredential_source = EcsContainer\n`,
    },
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ORIGIN/container' },
    keys: { AWS_PROFILE: 'dev' },
    calls: ['container GET /container', assumed(), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'a role by credential_source = Ec2InstanceMetadata',
    options: { instance: { role: 'node' }, roles: [{ arn: ROLE, trusts: 'ASIANODE' }] },
    files: {
      [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\ncredential_source = Ec2InstanceMetadata\n`,
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: [...NODE, assumed(), 'ECR eu-west-1 ASIAPULLER0001'],
  },
  {
    name: 'credential_process',
    options: { users: [USER] },
    files: {
      'bin/keys': `#!/bin/sh
test -z "$PURSER_KEY" && echo '{"Version": 1, "AccessKeyId": "${USER.accessKeyId}",
  "SecretAccessKey": "${USER.secretAccessKey}", "Expiration": "${IN_HOURS(1)}"}'`,
      [CONFIG]: '[profile dev]\ncredential_process = "HOME/bin/keys" --for dev\n',
    },
    env: { PURSER_KEY: 'the key of the vault' },
    keys: { AWS_PROFILE: 'dev' },
    calls: [FROM_USER],
  },
  {
    name: 'SSO, with a session',
    options: { sso: { accessToken: 'sso-token' } },
    files: {
      [CONFIG]: `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Puller
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`,
      '.aws/sso/cache/SESSION.json': JSON.stringify({
        accessToken: 'sso-token',
        expiresAt: IN_HOURS(4),
      }),
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: ['SSO GetRoleCredentials 123456789012 Puller', 'ECR eu-west-1 ASIAPULLER0000'],
  },
  {
    name: 'SSO, with a session to be renewed',
    options: { sso: { accessToken: 'new-token', refreshToken: 'refresh' } },
    files: {
      [CONFIG]: `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Puller
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`,
      '.aws/sso/cache/SESSION.json': JSON.stringify({
        accessToken: 'old-token',
        expiresAt: IN_HOURS(-1),
        clientId: 'client',
        clientSecret: 'client-secret',
        refreshToken: 'refresh',
      }),
    },
    keys: { AWS_PROFILE: 'dev' },
    calls: [
      'SSO OIDC CreateToken',
      'SSO GetRoleCredentials 123456789012 Puller',
      'ECR eu-west-1 ASIAPULLER0000',
    ],
  },
  {
    name: 'web identity',
    options: { roles: [{ arn: ROLE, webToken: 'service-account' }] },
    files: { token: 'service-account\n' },
    env: {
      AWS_WEB_IDENTITY_TOKEN_FILE: 'HOME/token',
      AWS_ROLE_ARN: ROLE,
      AWS_ROLE_SESSION_NAME: 'pod',
    },
    calls: [`STS AssumeRoleWithWebIdentity ${ROLE} as pod`, 'ECR eu-west-1 ASIAPULLER0000'],
  },
  {
    name: 'web identity of a profile',
    options: { roles: [{ arn: ROLE, webToken: 'service-account' }] },
    files: {
      token: 'service-account',
      [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\nweb_identity_token_file = HOME/token\n`,
    },
    env: DECOY,
    keys: { AWS_PROFILE: 'dev' },
    calls: [`STS AssumeRoleWithWebIdentity ${ROLE} as purser`, 'ECR eu-west-1 ASIAPULLER0000'],
  },
  {
    name: 'EKS Pod Identity',
    options: { container: { role: 'pod', authorization: 'pod-token' } },
    files: { token: 'pod-token' },
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ORIGIN/container/v1',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: 'HOME/token',
    },
    calls: ['container GET /container/v1', 'ECR eu-west-1 ASIAPOD0000'],
  },
  {
    name: 'ECS',
    options: { container: { role: 'task', authorization: 'Basic x' } },
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ORIGIN/container?id=1',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic x',
    },
    calls: ['container GET /container?id=1', 'ECR eu-west-1 ASIATASK0000'],
  },
  {
    name: 'the instance',
    options: { instance: { role: 'node' } },
    calls: [...NODE, 'ECR eu-west-1 ASIANODE0000'],
  },
  {
    name: 'the public registry, by static keys',
    options: { users: [USER] },
    host: 'public.ecr.aws',
    keys: STATIC,
    calls: [`ECR PUBLIC us-east-1 ${USER.accessKeyId}`],
  },
  {
    name: 'the public registry over IPv6, by the instance',
    options: { instance: { role: 'node' } },
    host: 'ecr-public.aws.com',
    calls: [...NODE, 'ECR PUBLIC us-east-1 ASIANODE0000'],
  },
]

describe('one login, and nobody is asked who need not be', () => {
  test.each(CASES)('$name', async ({ files = {}, ...each }) => {
    const named = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name.replace('SESSION', SESSION_NAME), text]),
    )
    const { result, calls } = await ask({ ...each, files: named })
    expect(result).toMatchObject({ login: expect.stringMatching(/^AWS:\d{4}$/) })
    expect(calls).toEqual(each.calls)
  })
})
