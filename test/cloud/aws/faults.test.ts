import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ask, type Case, HOST, IMDS, ROLE, USER } from './elsewhere.ts'

const STATIC = {
  AWS_ACCESS_KEY_ID: USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
  AWS_REGION: 'x',
}
const CONFIG = '.aws/config'
const DEV = { AWS_PROFILE: 'dev' }
const SESSION = `.aws/sso/cache/${createHash('sha1').update('corp').digest('hex')}.json`
const IN_HOURS = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
const SSO = `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Puller
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`
const SSO_LOGIN = 'run aws sso login --profile dev'

/** An instance that would give keys: whoever asks it has fallen back to a weaker identity. */
const NODE = { instance: { role: 'node' } }

interface Fault extends Case {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

describe('what is set up and cannot be had is a fault, and nobody else is asked', () => {
  test.each<Fault>([
    {
      name: 'a profile that is not there',
      keys: DEV,
      code: 'credential-incomplete',
      message: `profile "dev" is not in Amazon's configuration files`,
      hint: 'aws configure list-profiles prints those that are',
    },
    {
      name: 'a profile that the environment names and is not there',
      env: DEV,
      code: 'credential-incomplete',
      message: `profile "dev" is not in Amazon's configuration files`,
    },
    {
      name: 'a profile that names no identity',
      files: { [CONFIG]: '[profile dev]\nregion = x\n' },
      keys: DEV,
      code: 'credential-incomplete',
      message: 'profile "dev" names no identity',
    },
    {
      name: 'a profile that wants a code',
      files: {
        [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\nsource_profile = b\nmfa_serial = m
[profile b]\naws_access_key_id = a\naws_secret_access_key = b\n`,
      },
      keys: DEV,
      code: 'credential-unsupported',
      message: 'profile "dev" wants a code of mfa_serial, and there is nobody to ask for it',
      hint: 'name a profile with the keys of a session instead: aws sts get-session-token',
    },
    {
      name: 'a program that fails',
      files: { [CONFIG]: '[profile dev]\ncredential_process = echo secret of mine >&2; exit 3\n' },
      keys: DEV,
      code: 'exchange-failed',
      message: 'profile "dev": credential_process ended with status 3',
      hint: 'run its credential_process by hand: it has to print keys as JSON, and soon',
    },
    {
      name: 'a program of the default profile that fails',
      files: { [CONFIG]: '[default]\ncredential_process = exit 1\n' },
      code: 'exchange-failed',
      message: 'profile "default": credential_process ended with status 1',
    },
    {
      name: 'an SSO session that has expired',
      files: {
        [CONFIG]: SSO,
        [SESSION]: JSON.stringify({ accessToken: 'x', expiresAt: IN_HOURS(-1) }),
      },
      keys: DEV,
      code: 'credential-expired',
      message: 'profile "dev": its SSO session has expired',
      hint: SSO_LOGIN,
    },
    {
      name: 'no SSO session',
      files: { [CONFIG]: SSO },
      keys: DEV,
      code: 'exchange-failed',
      message: 'profile "dev": it has no SSO session',
      hint: SSO_LOGIN,
    },
    {
      name: 'no SSO session, as in older files',
      files: {
        [CONFIG]: `[profile dev]\nsso_start_url = https://x.example\nsso_region = x
sso_account_id = 1\nsso_role_name = x\n`,
      },
      keys: DEV,
      code: 'exchange-failed',
      message: 'profile "dev": it has no SSO session',
      hint: SSO_LOGIN,
    },
    {
      name: 'SSO settings that are not whole',
      files: { [CONFIG]: '[profile dev]\nsso_start_url = https://x.example\n' },
      keys: DEV,
      code: 'exchange-failed',
      message: 'profile "dev": its SSO settings are not whole',
    },
    {
      name: 'an SSO session of no section',
      files: { [CONFIG]: SSO.replace('[sso-session corp]', '[sso-session other]') },
      keys: DEV,
      code: 'exchange-failed',
      message: 'profile "dev": its sso-session is not in the file',
    },
    {
      name: 'an SSO session that is refused',
      options: { ...NODE, sso: { accessToken: 'another' } },
      files: {
        [CONFIG]: SSO,
        [SESSION]: JSON.stringify({ accessToken: 'x', expiresAt: IN_HOURS(1) }),
      },
      keys: DEV,
      calls: ['SSO GetRoleCredentials 123456789012 Puller'],
      code: 'exchange-failed',
      message: 'profile "dev": SSO: UnauthorizedException, status 401',
      hint: SSO_LOGIN,
    },
    {
      name: 'an SSO session that cannot be renewed',
      options: { ...NODE, sso: { accessToken: 'x', refreshToken: 'another' } },
      files: {
        [CONFIG]: SSO,
        [SESSION]: JSON.stringify({
          accessToken: 'x',
          expiresAt: IN_HOURS(-1),
          clientId: 'c',
          clientSecret: 's',
          refreshToken: 'r',
        }),
      },
      keys: DEV,
      calls: ['SSO OIDC CreateToken'],
      code: 'credential-expired',
      message: 'profile "dev": its SSO session has expired',
      hint: SSO_LOGIN,
    },
    {
      name: 'a role that does not trust',
      options: { users: [USER], roles: [{ arn: ROLE, externalId: 'other' }] },
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE, AWS_EXTERNAL_ID: 'mine' },
      calls: [`STS AssumeRole ${ROLE} as purser`],
      code: 'exchange-failed',
      message: `taking on role ${ROLE} with key …MPLE: AccessDenied, status 403`,
      hint: expect.stringContaining('external id'),
    },
    {
      name: 'a role by a key that nobody knows',
      options: { roles: [{ arn: ROLE }] },
      keys: { ...STATIC, AWS_ROLE_ARN: ROLE },
      calls: [`STS AssumeRole ${ROLE} as purser`],
      code: 'exchange-failed',
      message: `taking on role ${ROLE} with key …MPLE: InvalidClientTokenId, status 403`,
      hint: expect.stringContaining('log in with one that is'),
    },
    {
      name: 'a role, and nobody to take it on',
      env: { AWS_EC2_METADATA_DISABLED: 'true' },
      keys: { AWS_ROLE_ARN: ROLE },
      code: 'exchange-failed',
      message: `cannot take on role ${ROLE}: this machine has no identity to do it with`,
    },
    {
      name: 'a role of another partition',
      keys: { ...STATIC, AWS_ROLE_ARN: 'arn:aws-cn:iam::999999999999:role/puller' },
      code: 'credential-unsupported',
      message: `role arn:aws-cn:iam::999999999999:role/puller is of aws-cn, and ${HOST} of aws`,
    },
    {
      name: 'a token that STS does not take',
      options: { ...NODE, roles: [{ arn: ROLE, webToken: 'other' }] },
      files: { token: 'mine' },
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: 'HOME/token', AWS_ROLE_ARN: ROLE },
      calls: [`STS AssumeRoleWithWebIdentity ${ROLE} as purser`],
      code: 'exchange-failed',
      message: `taking on role ${ROLE} by web identity: InvalidIdentityTokenException, status 400`,
      hint: expect.stringContaining('identity provider'),
    },
    {
      name: 'a token that is not there',
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: 'HOME/token', AWS_ROLE_ARN: ROLE },
      code: 'exchange-failed',
      message: 'the web identity token file: ENOENT',
      hint: expect.stringMatching(/^see whether ".*token" is there/),
    },
    {
      name: 'a container whose agent refuses',
      options: { ...NODE, container: { role: 'x', authorization: 'another' } },
      env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ORIGIN/container' },
      calls: ['container GET /container'],
      code: 'exchange-failed',
      message: expect.stringMatching(
        /^asking "http:.*" for the identity of this container: status 403$/,
      ),
    },
    {
      name: 'a container whose agent is elsewhere, and without TLS',
      env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://10.1.2.3/credentials' },
      code: 'policy',
      message: expect.stringContaining('refused to send anything to "http://10.1.2.3"'),
    },
    {
      name: 'a metadata service that refuses',
      options: { instance: { role: 'node', tokens: 'broken' } },
      calls: [IMDS.token],
      code: 'exchange-failed',
      message: "asking EC2's metadata service for the identity of this instance: status 400",
    },
    {
      name: 'an identity that may not',
      options: {
        instance: { role: 'node' },
        intercept: (name, res) => {
          if (!name.startsWith('ECR')) return false
          res.writeHead(400).end('{"__type":"AccessDeniedException","message":"secret of x"}')
          return true
        },
      },
      host: 'public.ecr.aws',
      calls: [IMDS.token, IMDS.roles, `${IMDS.roles}node`, 'ECR PUBLIC us-east-1 ASIANODE0000'],
      code: 'exchange-failed',
      message:
        "asking Amazon for a token for public.ecr.aws with this machine's identity: AccessDeniedException, status 400",
      hint: expect.stringContaining('sts:GetServiceBearerToken'),
    },
    {
      name: 'an endpoint that is not TLS',
      env: { AWS_ENDPOINT_URL_ECR: 'http://10.1.2.3' },
      code: 'policy',
      message: expect.stringContaining('AWS_ENDPOINT_URL_ECR is neither https nor on this machine'),
      options: NODE,
      calls: [IMDS.token, IMDS.roles, `${IMDS.roles}node`],
    },
    {
      name: 'an endpoint of a profile that is not TLS',
      env: { AWS_ENDPOINT_URL: '' },
      files: {
        [CONFIG]: `[profile dev]\nrole_arn = ${ROLE}\nsource_profile = b\nendpoint_url = http://sts.evil.example
[profile b]\naws_access_key_id = a\naws_secret_access_key = b\n`,
      },
      keys: DEV,
      code: 'policy',
      message: expect.stringContaining('endpoint_url of profile dev is neither https nor on this'),
    },
  ])('$name', async ({ code, message, hint = expect.anything(), ...each }) => {
    const { result, calls } = await ask({ options: NODE, ...each })
    expect(result).toEqual({ code, message, hint })
    expect(calls).toEqual(each.calls ?? [])
  })
})
