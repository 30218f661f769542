import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { askContainer } from '../../src/cloud/aws/container.ts'
import { readEndpoints } from '../../src/cloud/aws/endpoint.ts'
import { runProgram } from '../../src/cloud/aws/program.ts'
import { chooseSource } from '../../src/cloud/aws/source.ts'
import { assumeRoleWithWebIdentity } from '../../src/cloud/aws/sts.ts'
import { readTokenFile } from '../../src/cloud/token-file.ts'
import { type ErrorCode, PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { ask, type Case, ROLE, USER } from '../cloud/aws/elsewhere.ts'
import { startCloud } from '../fakes/aws/cloud.ts'
import type { CloudOptions } from '../fakes/aws/state.ts'
import type { EcrAnswer } from '../fakes/ecr.ts'
import { listen, stop } from '../fakes/http.ts'
import { EXPIRES, HOST, KEYS, SIGNER, setUp } from '../registries/ecr/amazon.ts'
import { offline, targetOf } from '../registries/harness.ts'
import { killGroup } from '../sources/machine.ts'
import type { Provocation, Provocations } from './stage.ts'

const signal = () => AbortSignal.timeout(20_000)

/** ECR's API, answering in this way. */
const saying =
  (always: EcrAnswer, timeoutMs?: number): Provocation =>
  async () =>
    (await setUp({ always }, timeoutMs)).exchange()

/** In a process of its own, for the SDK reads the machine's files by itself. */
const elsewhere =
  (question: Omit<Case, 'name'>): Provocation =>
  async () => {
    const { result } = await ask({ name: '', ...question })
    if (!('code' in result)) return result
    const { code, message, hint } = result
    throw new PurserError(code as ErrorCode, message, { hint })
  }

/** A profile of these settings. */
const profile = (dev: Readonly<Record<string, string>>, more: object = {}): Provocation => {
  const credential = { kind: 'ambient-aws', profile: 'dev', role: undefined } as const
  return () => chooseSource(credential, {}, { dev, ...more })
}

const program =
  (command: string, timeoutMs?: number): Provocation =>
  () =>
    runProgram(command, {
      profile: 'dev',
      env: { PATH: process.env['PATH'] },
      now: Date.now,
      signal: signal(),
      killGroup,
      ...(timeoutMs !== undefined && { timeoutMs }),
    })

const container =
  (env: Readonly<Record<string, string>>): Provocation =>
  async () => {
    const httpsAgent = createHttpsAgent(createDialer({ ca: [], connect: new Map() }))
    return askContainer({ env, httpsAgent, signal: signal() })
  }

/** The agent of a node, which answers like this. */
const agent =
  (listener: RequestListener): Provocation =>
  async (stage) => {
    const server = createServer(listener)
    const port = await listen(server)
    onTestFinished(() => stop(server))
    return container({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/` })(stage)
  }

/** A role that a service account's token is to be exchanged for. */
const webIdentity =
  (token: string, options: CloudOptions): Provocation =>
  async ({ put }) => {
    const cloud = await startCloud(options)
    const httpsAgent = createHttpsAgent(createDialer({ ca: [], connect: new Map() }))
    onTestFinished(() => cloud.close())
    const env = { AWS_ENDPOINT_URL: cloud.origin }
    const role = { arn: ROLE, externalId: undefined, sessionName: undefined }
    const at = { region: 'eu-west-1', fips: false, dualStack: false }
    const place = { env, httpsAgent, now: Date.now, signal: signal(), ...at }
    return assumeRoleWithWebIdentity(
      role,
      put('token', token),
      place,
      readEndpoints(env, undefined),
    )
  }

const minted = (password: string, username = 'AWS') => {
  const host = parseHost(HOST)
  const registries = createRegistries({ ...offline, now: () => EXPIRES.getTime() })
  const credential = { kind: 'basic', username, password: new Secret(password) } as const
  return registryOf(registries, host).exchange(credential, targetOf(host), signal())
}

const STATIC = {
  AWS_ACCESS_KEY_ID: USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
  AWS_REGION: 'x',
}
const SSO = '[profile dev]\nsso_start_url = https://x.example\nsso_region = eu-central-1\n'

/** What Amazon, and its users' configuration, are refused with. */
export const AMAZON: Provocations = {
  'the key is not known': saying({ error: 'UnrecognizedClientException' }),
  'the signature is wrong': saying({ error: 'InvalidSignatureException', status: 403 }),
  'the session has ended': saying({ error: 'ExpiredTokenException' }),
  'the identity may not': saying({ error: 'AccessDeniedException' }),
  'the region is not enabled': saying({ error: 'OptInRequired', status: 403 }),
  'it is asked too often': saying({ error: 'ThrottlingException' }),
  'Amazon is in trouble': saying({ error: 'ServerException', status: 500 }),
  'Amazon says something else': saying({ error: 'MoonException' }),
  'Amazon speaks HTML': saying({ body: '<html>' }),
  'Amazon has no token': saying({ data: [] }),
  'Amazon’s token is no login': saying({
    data: [{ authorizationToken: 'bm90aGluZw==', expiresAt: EXPIRES.getTime() / 1000 }],
  }),
  'Amazon hangs up': saying('hang up'),
  'Amazon does not answer': saying('no answer', 300),
  'a password has ended': () =>
    minted(Buffer.from(JSON.stringify({ expiration: 1_600_000_000 })).toString('base64')),
  'a password is of another user': () => minted('pass', 'joe'),
  'a role is of another partition': async () =>
    (await setUp()).exchange({
      ...KEYS,
      role: {
        arn: 'arn:aws-cn:iam::123456789012:role/P',
        externalId: undefined,
        sessionName: undefined,
      },
    }),
  'an endpoint is no URL': () => readEndpoints({ AWS_ENDPOINT_URL: 'x' }, undefined).of('ECR'),
  'an endpoint is in the clear': () =>
    readEndpoints({ AWS_ENDPOINT_URL_ECR: 'http://10.1.2.3' }, undefined).of('ECR'),
  'a profile is not there': () =>
    chooseSource({ kind: 'ambient-aws', profile: 'dev', role: undefined }, {}, {}),
  'a profile is empty': profile({ region: 'x' }),
  'a profile’s source is not there': profile({ role_arn: ROLE, source_profile: 'base' }),
  'a profile’s source is itself': profile({ role_arn: ROLE, source_profile: 'dev' }),
  'a profile wants a code': profile(
    { role_arn: ROLE, source_profile: 'b', mfa_serial: 'm' },
    { b: { aws_access_key_id: 'a', aws_secret_access_key: 'b' } },
  ),
  'a profile has a login of the console': profile({ login_session: 'x' }),
  'a program fails': program('exit 3'),
  'a program prints no JSON': program('echo S3CRET'),
  'a program prints no keys': program(`echo '{"Version":2}'`),
  'a program prints old keys': program(
    `echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"s","Expiration":"2020-01-01T00:00:00Z"}'`,
  ),
  'a program prints too much': program('head -c 70000 /dev/zero'),
  'a program hangs': program('exec sleep 5', 100),
  'a container’s agent is no URI': container({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'x' }),
  'a container’s agent is elsewhere': container({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://10.1.2.3/',
  }),
  'a container’s agent is not there': container({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/',
  }),
  'a container’s agent refuses': agent((_, res) => void res.writeHead(403).end('S3CRET')),
  'a container’s agent has no keys': agent((_, res) => void res.end('{}')),
  'a container’s agent comes to no end': agent((_, res) => void res.end(' '.repeat(70_000))),
  'a container’s token is none': container({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'a\r\nb',
  }),
  'a token’s file is not there': ({ root }) => readTokenFile(join(root, 'token'), 'a token'),
  'an SSO session is not there': elsewhere({
    files: { '.aws/config': `${SSO}sso_account_id = 1\nsso_role_name = x\n` },
    keys: { AWS_PROFILE: 'dev' },
  }),
  'SSO settings are not whole': elsewhere({
    files: { '.aws/config': SSO },
    keys: { AWS_PROFILE: 'dev' },
  }),
  'a role does not trust': elsewhere({
    options: { users: [USER], roles: [{ arn: ROLE, externalId: 'other' }] },
    keys: { ...STATIC, AWS_ROLE_ARN: ROLE },
  }),
  'a role has nobody to take it on': elsewhere({
    env: { AWS_EC2_METADATA_DISABLED: 'true' },
    keys: { AWS_ROLE_ARN: ROLE },
  }),
  'a web identity is not taken': elsewhere({
    options: { roles: [{ arn: ROLE, webToken: 'other' }] },
    files: { token: 'mine' },
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: 'HOME/token', AWS_ROLE_ARN: ROLE },
  }),
  'a web identity is nothing': webIdentity('', {}),
  'a web identity gets no keys': webIdentity('mine', {
    roles: [{ arn: ROLE, webToken: 'mine' }],
    intercept: (_, res) => {
      res.end('<AssumeRoleWithWebIdentityResponse/>')
      return true
    },
  }),
  'it is asked in haste': async () => {
    const { exchange } = await setUp({ always: { error: 'ThrottlingException' } })
    await exchange().catch(() => undefined)
    return exchange()
  },
  'the metadata service refuses': elsewhere({
    options: { instance: { role: 'node', tokens: 'broken' } },
  }),
  'a key signs for nobody': async () =>
    (await setUp({ signer: { ...SIGNER, secretAccessKey: 'another' } })).exchange(),
}
