import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseAccount } from '../../../src/cloud/google/account-file.ts'
import { kindOfFile } from '../../../src/cloud/google/kind.ts'
import { describeError, hintOf } from '../../../src/model/errors.ts'
import { Secret } from '../../../src/model/secret.ts'
import { failureOf } from '../../registries/ecr/amazon.ts'
import {
  FEDERATED_USER,
  FILES,
  HOST,
  impersonated,
  machine,
  PRIVATE_KEY,
  USER,
  urlFor,
} from './machine.ts'

const { serviceAccount, user, external } = FILES
const OTHER_KEY = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey

const AWS_SOURCE = {
  environment_id: 'aws1',
  regional_cred_verification_url:
    'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
}

/** Where no credential may go, in place of `host`. */
const ELSEWHERE = (host: string, path: string) => [
  `https://${host}.evil.example${path}`,
  `https://evil.example/${host}${path}`,
  `https://${host}@evil.example${path}`,
  `https://evil.example#${host}${path}`,
  `https://user:password@${host}${path}`,
  `https://${host}:8443${path}`,
  `https://${host}.${path}`,
  `https://x-${host}${path}`,
  `https://evil.${host}${path}`,
  `https://${host.replace('googleapis.com', 'evil.googleapis.com')}${path}`,
  `https://${host.replace('googleapis.com', 'evilgoogleapis.com')}${path}`,
  `https://storage.googleapis.com${path}`,
  `http://${host}${path}`,
  `http://169.254.169.254/computeMetadata/v1${path}`,
  `https://169.254.169.254${path}`,
  `http://localhost:8080${path}`,
  `file:///etc/passwd`,
  path,
  'javascript:alert(1)',
]

const TOKEN_URIS = ELSEWHERE('oauth2.googleapis.com', '/token')
const TOKEN_URLS = ELSEWHERE('sts.googleapis.com', '/v1/token')
const IMPERSONATION_URLS = ELSEWHERE(
  'iamcredentials.googleapis.com',
  '/v1/projects/-/serviceAccounts/a@b:generateAccessToken',
)

describe('a file that would send a credential elsewhere is refused before anybody is asked', () => {
  const source = (credential_source: object) => ({ ...external, credential_source })
  test.each<[string, string, object]>([
    ...TOKEN_URIS.flatMap((uri): [string, string, object][] => [
      ['token_uri', uri, { ...serviceAccount, token_uri: uri }],
      ['token_uri', uri, { ...user, token_uri: uri }],
      ['source_credentials.token_uri', uri, impersonated({ ...user, token_uri: uri })],
    ]),
    ...TOKEN_URLS.flatMap((url): [string, string, object][] => [
      ['token_url', url, { ...external, token_url: url }],
      ['token_url', url, { ...FEDERATED_USER, token_url: url }],
    ]),
    ...IMPERSONATION_URLS.flatMap((url): [string, string, object][] => [
      [
        'service_account_impersonation_url',
        url,
        { ...external, service_account_impersonation_url: url },
      ],
      [
        'service_account_impersonation_url',
        url,
        { ...impersonated(user), service_account_impersonation_url: url },
      ],
    ]),
    ...[
      'http://evil.example/token',
      'http://10.0.0.1/token',
      'http://metadata.google.internal/token',
      'http://169.254.169.254.evil.example/token',
      'file:///etc/passwd',
      'data:text/plain,x',
      'nothing',
    ].map((url): [string, string, object] => ['credential_source.url', url, source({ url })]),
    ...[
      'https://sts.{region}.amazonaws.com.evil.example?Action=GetCallerIdentity&Version=2011-06-15',
      'https://evil.example?sts.{region}.amazonaws.com',
      'https://evil.example/{region}',
      'http://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
      'https://sts.{region}.amazonaws.com?Action=AssumeRole&Version=2011-06-15',
    ].map((url): [string, string, object] => [
      'credential_source.regional_cred_verification_url',
      url,
      source({ ...AWS_SOURCE, regional_cred_verification_url: url }),
    ]),
  ])('%s %s', async (property, _url, file) => {
    const at = await machine()
    const error = await failureOf(at.exchange(file))
    expect(error).toMatchObject({ code: 'policy' })
    expect(describeError(error)).toMatch(new RegExp(`^${property} `))
    expect(describeError(error)).not.toContain('password')
    expect(at.google.calls).toEqual([])
  })
})

describe('a file that cannot be used', () => {
  const source = (credential_source: unknown) => ({ ...external, credential_source })
  const without = (file: object, name: string) => ({ ...file, [name]: undefined })
  const NOT = "not a credential file of Google's: "
  const missing = (path: string) => `${NOT}${path} is missing, or not what Google writes there`
  test.each<[string, string, string]>([
    ['is no JSON', '{"type": "service_account", "private_key": "hush', `${NOT}it is not JSON`],
    ['is a list', '[]', missing('type')],
    ['is nothing', 'null', missing('it')],
    ['has no type', '{}', missing('type')],
    [
      'is of a kind that nobody knows',
      '{"type":"gdch_account"}',
      'type "gdch_account" is not known',
    ],
    ['is the console’s of an app', '{"web":{"client_id":"x"}}', missing('type')],
    ['has no key', JSON.stringify(without(serviceAccount, 'private_key')), missing('private_key')],
    [
      'has a number for an address',
      JSON.stringify({ ...serviceAccount, client_email: 1 }),
      missing('client_email'),
    ],
    [
      'has a key that is none',
      JSON.stringify({ ...serviceAccount, private_key: 'hush' }),
      `${NOT}private_key is not an RSA key in PEM`,
    ],
    [
      'has a key of another kind',
      JSON.stringify({ ...serviceAccount, private_key: OTHER_KEY }),
      `${NOT}private_key is not an RSA key in PEM`,
    ],
    [
      'has no refresh token',
      JSON.stringify(without(user, 'refresh_token')),
      missing('refresh_token'),
    ],
    [
      'is of another cloud',
      JSON.stringify({ ...serviceAccount, universe_domain: 's3nsapis.fr' }),
      'universe_domain "s3nsapis.fr" is another cloud than that of Google\'s registries',
    ],
    [
      'stands in for nobody',
      JSON.stringify({
        ...impersonated(user),
        service_account_impersonation_url: 'https://iamcredentials.googleapis.com/v1/projects',
      }),
      'service_account_impersonation_url "https://iamcredentials.googleapis.com/v1/projects" names no account',
    ],
    [
      'asks for something else of an account',
      JSON.stringify({
        ...impersonated(user),
        service_account_impersonation_url: urlFor('a@b').replace('AccessToken', 'IdToken'),
      }),
      `service_account_impersonation_url "${urlFor('a@b').replace('AccessToken', 'IdToken').slice(0, 80)}…" names no account`,
    ],
    [
      'stands in for one who stands in',
      JSON.stringify(impersonated(impersonated(user))),
      `${NOT}source_credentials is impersonated itself: name delegates instead`,
    ],
    [
      'has a source without a secret',
      JSON.stringify(impersonated(without(user, 'client_secret'))),
      missing('source_credentials.client_secret'),
    ],
    [
      'has more delegates than anybody',
      JSON.stringify(impersonated(user, Array(9).fill('a@b'))),
      missing('delegates'),
    ],
    [
      'runs a program',
      JSON.stringify(source({ executable: { command: '/bin/true' } })),
      'credential_source.executable is not taken',
    ],
    [
      'runs a program beside a file',
      JSON.stringify(source({ file: '/x', executable: { command: '/bin/true' } })),
      'credential_source.executable is not taken',
    ],
    [
      'shows a certificate',
      JSON.stringify(source({ certificate: { use_default_certificate_config: true } })),
      'credential_source.certificate is not taken',
    ],
    [
      'is for an AWS to come',
      JSON.stringify(source({ environment_id: 'aws2' })),
      'credential_source.environment_id "aws2" is not taken',
    ],
    [
      'has no source',
      JSON.stringify(source({})),
      'credential_source names neither a file, a URL nor AWS',
    ],
    [
      'has two sources',
      JSON.stringify(source({ file: '/x', url: 'https://x.example' })),
      'credential_source names neither a file, a URL nor AWS',
    ],
    [
      'has a project for people, and no people',
      JSON.stringify({ ...external, workforce_pool_user_project: 'acme' }),
      `${NOT}workforce_pool_user_project is for people, and audience is not`,
    ],
    [
      'wants a token of a minute',
      JSON.stringify({
        ...external,
        service_account_impersonation: { token_lifetime_seconds: 60 },
      }),
      missing('service_account_impersonation.token_lifetime_seconds'),
    ],
  ])('because it %s', (_name, json, message) => {
    const error = catchError(() => parseAccount(new Secret(json)))
    expect(describeError(error)).toBe(message)
    expect(hintOf(error)).toBeDefined()
    for (const secret of ['hush', PRIVATE_KEY, USER.refreshToken, USER.clientSecret]) {
      expect(describeError(error)).not.toContain(secret)
    }
  })
})

describe('what a file is', () => {
  test.each<[string, object, string | undefined]>([
    ['a service account', serviceAccount, 'gcp-service-account'],
    ['a user', user, 'gcp-user'],
    ["a user of another company's", FEDERATED_USER, 'gcp-user'],
    ['a workload', external, 'gcp-external'],
    ['an account that a user stands in for', impersonated(user), 'gcp-impersonated'],
    ['an account that an account stands in for', impersonated(serviceAccount), 'gcp-impersonated'],
    ['an account that a workload stands in for', impersonated(external), 'gcp-external'],
    ['an account that nobody stands in for', impersonated({}), 'gcp-external'],
    ['a workload behind two who stand in', impersonated(impersonated(external)), 'gcp-external'],
    ['nothing', {}, undefined],
    ['a type that the prototype has', { type: 'toString' }, undefined],
  ])('is seen: %s', (_name, file, kind) => {
    expect(kindOfFile(JSON.stringify(file))).toBe(kind)
  })

  test.each(['', '/path/to/key.json', 'null', '1', '"type"', '{'])('is not seen in %j', (text) => {
    expect(kindOfFile(text)).toBeUndefined()
  })
})

test('an address of Private Service Connect and of a certificate are Google’s', () => {
  for (const host of ['sts-mine.p.googleapis.com', 'sts.mtls.googleapis.com', HOST]) {
    const file = { ...external, token_url: `https://${host}/v1/token` }
    const parse = () => parseAccount(new Secret(JSON.stringify(file)))
    if (host === HOST) expect(parse).toThrow()
    else expect(parse).not.toThrow()
  }
})

function catchError(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('no error')
}
