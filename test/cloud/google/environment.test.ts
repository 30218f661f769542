import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startCloud } from '../../fakes/aws/cloud.ts'
import type { CloudOptions } from '../../fakes/aws/state.ts'
import { listen, stop } from '../../fakes/http.ts'
import { exchangeElsewhere } from './elsewhere.ts'
import {
  ACCOUNT,
  AUDIENCE,
  FEDERATED_USER,
  FILES,
  impersonated,
  JWT_TYPE,
  machine,
  PROOF,
  TARGET,
  USER,
  urlFor,
} from './machine.ts'

/** A server that nobody must ask. */
async function startElsewhere() {
  let calls = 0
  const server = createServer((_, res) => {
    calls++
    res.end('{"access_token":"ya29.elsewhere","expires_in":3600}')
  })
  server.on('connect', (_, socket) => {
    calls++
    socket.destroy()
  })
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return { origin: `http://127.0.0.1:${port}`, calls: () => calls }
}

describe('what a process has in its environment changes nothing for a credential of the vault', () => {
  const mayImpersonate = [`${ACCOUNT.email} -> ${TARGET}`, `pod -> ${TARGET}`]
  const pools = [{ audience: AUDIENCE, subjectTokenType: JWT_TYPE, proof: PROOF, principal: 'pod' }]
  test.each([
    ['a service account', FILES.serviceAccount, ACCOUNT.email],
    ['an account that it stands in for', impersonated(FILES.serviceAccount), TARGET],
    ['a user', FILES.user, USER.email],
    ['a user of another company', FEDERATED_USER, USER.email],
    ['a workload', FILES.external, 'pod'],
    [
      'a workload that stands in for an account',
      { ...FILES.external, service_account_impersonation_url: urlFor(TARGET) },
      TARGET,
    ],
  ])('%s', async (_name, file, principal) => {
    const at = await machine({ mayImpersonate, pools, files: { proof: PROOF } })
    const elsewhere = await startElsewhere()
    const folder = join(at.home, '.config', 'gcloud')
    mkdirSync(folder, { recursive: true })
    // Whoever opens one of these comes to no end: nobody writes into them.
    const pipes = ['application_default_credentials.json', 'credentials.db', 'active_config']
    execFileSync(
      'mkfifo',
      pipes.map((name) => join(folder, name)),
    )
    const placed = JSON.parse(JSON.stringify(file).replace('HOME', at.home))
    const question = { file: placed, ca: at.google.ca, connect: [...at.google.connect] }
    const { told, stderr } = await exchangeElsewhere(question, {
      HOME: at.home,
      GOOGLE_APPLICATION_CREDENTIALS: join(folder, 'credentials.db'),
      CLOUDSDK_AUTH_ACCESS_TOKEN: 'ya29.elsewhere',
      CLOUDSDK_CONFIG: folder,
      GCE_METADATA_HOST: elsewhere.origin.slice('http://'.length),
      GOOGLE_CLOUD_UNIVERSE_DOMAIN: 'evil.example',
      GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES: '1',
      // Would have the SDK show tokens on stderr.
      GOOGLE_SDK_NODE_LOGGING: '*',
      HTTPS_PROXY: elsewhere.origin,
      https_proxy: elsewhere.origin,
      HTTP_PROXY: elsewhere.origin,
      NODE_USE_ENV_PROXY: '1',
    })
    expect(at.google.principalOf(told)).toBe(principal)
    expect(stderr).toBe('')
    expect(elsewhere.calls()).toBe(0)
  })
})

describe('a machine of AWS shows Google what it is', () => {
  const AWS_TYPE = 'urn:ietf:params:aws:token-type:aws4_request'
  const file = {
    ...FILES.external,
    subject_token_type: AWS_TYPE,
    credential_source: {
      environment_id: 'aws1',
      url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
      regional_cred_verification_url:
        'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
    },
  }

  /** The first session that the services give to the role `web`. */
  const SESSION = {
    accessKeyId: 'ASIAWEB0000',
    secretAccessKey: 'secret of web 0000',
    sessionToken: 'session of web 0000',
  }

  test.each<[string, CloudOptions, Readonly<Record<string, string>>, string]>([
    ['as EC2 says', { instance: { role: 'web' } }, {}, 'IMDS GET'],
    [
      'as the agent of its node says',
      { container: { role: 'web', authorization: 'of the pod' } },
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ORIGIN/container',
        AWS_CONTAINER_AUTHORIZATION_TOKEN: 'of the pod',
      },
      'container GET',
    ],
  ])('%s', async (_name, options, env, call) => {
    const cloud = await startCloud(options)
    onTestFinished(() => cloud.close())
    const pool = {
      audience: AUDIENCE,
      subjectTokenType: AWS_TYPE,
      proof: SESSION,
      principal: 'web',
    }
    const at = await machine({ pools: [pool] })
    const question = { file, ca: at.google.ca, connect: [...at.google.connect] }
    const placed = Object.entries(env).map(([name, value]) => [
      name,
      value.replace('ORIGIN', cloud.origin),
    ])
    const { told, stderr } = await exchangeElsewhere(question, {
      HOME: at.home,
      AWS_REGION: 'eu-central-1',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: cloud.origin,
      ...Object.fromEntries(placed),
    })
    expect(at.google.principalOf(told) ?? told).toBe('web')
    expect(cloud.calls.some((each) => each.startsWith(call))).toBe(true)
    expect(stderr).toBe('')
  })
})
