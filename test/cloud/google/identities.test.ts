import { createServer } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen, stop } from '../../fakes/http.ts'
import {
  ACCOUNT,
  AUDIENCE,
  FEDERATED_USER,
  FILES,
  impersonated,
  JWT_TYPE,
  machine,
  PROOF,
  type Setup,
  seen,
  TARGET,
  USER,
  urlFor,
} from './machine.ts'

const JWT = {
  host: 'oauth2.googleapis.com',
  path: '/token',
  grant: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
}
const REFRESH = { ...JWT, grant: 'refresh_token' }
const STS = {
  host: 'sts.googleapis.com',
  path: '/v1/token',
  grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
}
const GENERATE = {
  host: 'iamcredentials.googleapis.com',
  path: `/v1/projects/-/serviceAccounts/${TARGET}:generateAccessToken`,
  grant: null,
}

const SIGNER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG' }
const POOL = {
  audience: AUDIENCE,
  subjectTokenType: JWT_TYPE,
  proof: PROOF,
  principal: 'pod',
}
const AWS_TYPE = 'urn:ietf:params:aws:token-type:aws4_request'
const AWS_FILE = {
  ...FILES.external,
  subject_token_type: AWS_TYPE,
  credential_source: {
    environment_id: 'aws1',
    region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
    url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
    regional_cred_verification_url:
      'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  },
}
const AWS_POOL = { ...POOL, subjectTokenType: AWS_TYPE, principal: 'instance' }
const AWS_ENV = {
  AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: SIGNER.secretAccessKey,
}

interface Case {
  readonly name: string
  readonly file: object
  readonly setup?: Setup
  readonly principal: string
  readonly calls: readonly object[]
}

const CASES: readonly Case[] = [
  {
    name: 'a service account, by an assertion that it signs',
    file: FILES.serviceAccount,
    principal: ACCOUNT.email,
    calls: [JWT],
  },
  {
    name: 'a service account of an old file',
    file: {
      ...FILES.serviceAccount,
      token_uri: 'https://accounts.google.com/o/oauth2/token',
      universe_domain: undefined,
    },
    principal: ACCOUNT.email,
    calls: [JWT],
  },
  { name: 'a user, by a refresh token', file: FILES.user, principal: USER.email, calls: [REFRESH] },
  {
    name: "a user of another company's directory",
    file: FEDERATED_USER,
    principal: USER.email,
    calls: [{ ...STS, path: '/v1/oauthtoken', grant: 'refresh_token' }],
  },
  {
    name: 'a workload whose proof is in a file',
    file: FILES.external,
    setup: { pools: [POOL], files: { proof: PROOF } },
    principal: 'pod',
    calls: [STS],
  },
  {
    name: 'a workload whose proof is in a property of a file',
    file: {
      ...FILES.external,
      credential_source: {
        file: 'HOME/proof.json',
        format: { type: 'json', subject_token_field_name: 'access_token' },
      },
    },
    setup: { pools: [POOL], files: { 'proof.json': JSON.stringify({ access_token: PROOF }) } },
    principal: 'pod',
    calls: [STS],
  },
  {
    name: "a workload, by a region's own service",
    file: { ...FILES.external, token_url: 'https://sts.europe-west1.rep.googleapis.com/v1/token' },
    setup: { pools: [POOL], files: { proof: PROOF } },
    principal: 'pod',
    calls: [{ ...STS, host: 'sts.europe-west1.rep.googleapis.com' }],
  },
  {
    name: 'a workload that stands in for an account',
    file: { ...FILES.external, service_account_impersonation_url: urlFor(TARGET) },
    setup: { pools: [POOL], files: { proof: PROOF }, mayImpersonate: [`pod -> ${TARGET}`] },
    principal: TARGET,
    calls: [STS, GENERATE],
  },
  {
    name: 'a workload of AWS, by keys that sign',
    file: AWS_FILE,
    setup: { pools: [{ ...AWS_POOL, proof: SIGNER }], env: AWS_ENV },
    principal: 'instance',
    calls: [STS],
  },
  {
    name: 'a workload of AWS in a session and a region, that stands in for an account',
    file: { ...AWS_FILE, service_account_impersonation_url: urlFor(TARGET) },
    setup: {
      pools: [{ ...AWS_POOL, proof: { ...SIGNER, sessionToken: 'FwoGZXIvYXdzEXAMPLE==' } }],
      env: { ...AWS_ENV, AWS_SESSION_TOKEN: 'FwoGZXIvYXdzEXAMPLE==', AWS_REGION: 'eu-west-3' },
      mayImpersonate: [`instance -> ${TARGET}`],
    },
    principal: TARGET,
    calls: [STS, GENERATE],
  },
  {
    name: 'an account that a service account stands in for',
    file: impersonated(FILES.serviceAccount),
    setup: { mayImpersonate: [`${ACCOUNT.email} -> ${TARGET}`] },
    principal: TARGET,
    calls: [JWT, GENERATE],
  },
  {
    name: 'an account that a user stands in for, by delegates',
    file: impersonated(FILES.user, ['first@acme', 'projects/-/serviceAccounts/second@acme']),
    setup: {
      mayImpersonate: [
        `${USER.email} -> first@acme`,
        'first@acme -> second@acme',
        `second@acme -> ${TARGET}`,
      ],
    },
    principal: TARGET,
    calls: [REFRESH, GENERATE],
  },
  {
    name: 'an account that a workload stands in for',
    file: impersonated(FILES.external),
    setup: { pools: [POOL], files: { proof: PROOF }, mayImpersonate: [`pod -> ${TARGET}`] },
    principal: TARGET,
    calls: [STS, GENERATE],
  },
]

describe.each(CASES)('$name', ({ file, setup, principal, calls }) => {
  test('logs in, each asked once', async () => {
    const at = await machine(setup)
    expect(await seen(at, at.exchange(file))).toEqual({
      user: 'oauth2accesstoken',
      principal,
      lifeS: 3600,
    })
    expect(at.google.calls).toEqual(calls)
  })

  test('logs in anew, when it is asked to', async () => {
    const at = await machine(setup)
    const first = await at.exchange(file)
    const second = await at.exchange(file)
    expect(second?.secret.reveal()).not.toBe(first?.secret.reveal())
    expect(at.google.calls).toEqual([...calls, ...calls])
  })

  test('takes a token of five minutes for what it is', async () => {
    const at = await machine({ ...setup, lifeS: 300 })
    expect(await seen(at, at.exchange(file))).toMatchObject({ principal, lifeS: 300 })
    expect(at.google.calls).toEqual(calls)
  })
})

describe('a workload whose proof is at an address', () => {
  test('logs in, and shows what the file says it must', async () => {
    const asked: unknown[] = []
    const server = createServer((req, res) => {
      asked.push([req.url, req.headers['x-secret']])
      res.end(JSON.stringify({ value: PROOF }))
    })
    const port = await listen(server)
    onTestFinished(() => stop(server))
    const at = await machine({ pools: [POOL] })
    const credential_source = {
      url: `http://127.0.0.1:${port}/token?audience=x`,
      headers: { 'X-Secret': 'of the runner' },
      format: { type: 'json', subject_token_field_name: 'value' },
    }
    const login = at.exchange({ ...FILES.external, credential_source })
    expect(await seen(at, login)).toMatchObject({ principal: 'pod' })
    expect(asked).toEqual([['/token?audience=x', 'of the runner']])
  })
})

describe('a clock that is off', () => {
  const MINUTES = 60_000
  test.each([
    ['by a moment', 5_000, [JWT]],
    ['5 minutes behind', -5 * MINUTES, [JWT]],
    ['5 minutes ahead', 5 * MINUTES, [JWT, JWT]],
    ['2 hours behind', -120 * MINUTES, [JWT, JWT]],
    ['a day ahead', 24 * 60 * MINUTES, [JWT, JWT]],
  ])('%s keeps nobody out, and tells the end by itself', async (_name, offMs, calls) => {
    const at = await machine({ clock: () => Date.now() + offMs })
    const login = at.exchange(FILES.serviceAccount)
    expect(await seen(at, login, Date.now() + offMs)).toMatchObject({
      principal: ACCOUNT.email,
      lifeS: 3600,
    })
    expect(at.google.calls).toEqual(calls)
  })

  test('tells the end of an impersonated account by itself too', async () => {
    const at = await machine({
      clock: () => Date.now() + 5 * MINUTES,
      mayImpersonate: [`${USER.email} -> ${TARGET}`],
    })
    const login = at.exchange(impersonated(FILES.user))
    expect(await seen(at, login, Date.now() + 5 * MINUTES)).toMatchObject({ lifeS: 3600 })
  })
})
