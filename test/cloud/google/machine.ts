import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { AmbientGcpCredential, Credential } from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createGar } from '../../../src/registries/gar/gar.ts'
import { startGoogle } from '../../fakes/google/cloud.ts'
import type { GoogleOptions } from '../../fakes/google/state.ts'
import { targetOf } from '../../registries/harness.ts'
import { credentialOf } from './credential.ts'

export const HOST = 'us-docker.pkg.dev'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
/** What no output may hold. */
export const PRIVATE_KEY = privateKey

export const ACCOUNT = { email: 'ci@acme.iam.gserviceaccount.com', publicKey }
export const TARGET = 'puller@acme.iam.gserviceaccount.com'
export const USER = {
  email: 'jane@acme.example',
  clientId: '32555940559.apps.googleusercontent.com',
  clientSecret: 'ZmssLNjJy2998hD4CTg2ejr2',
  refreshToken: '1//0refresh-token-of-jane',
}
export const AUDIENCE =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/k8s'
export const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
export const PROOF = 'eyJ.proof-of-kubernetes.sig'

/** Credential files, as gcloud and the console write them. */
export const FILES = {
  serviceAccount: {
    type: 'service_account',
    project_id: 'acme',
    private_key_id: '0123456789abcdef',
    private_key: privateKey,
    client_email: ACCOUNT.email,
    client_id: '1',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    universe_domain: 'googleapis.com',
  },
  user: {
    account: '',
    type: 'authorized_user',
    client_id: USER.clientId,
    client_secret: USER.clientSecret,
    refresh_token: USER.refreshToken,
    universe_domain: 'googleapis.com',
  },
  external: {
    type: 'external_account',
    audience: AUDIENCE,
    subject_token_type: JWT_TYPE,
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: 'HOME/proof' },
    universe_domain: 'googleapis.com',
  },
}

/** The file of a person of another company's directory. */
export const FEDERATED_USER = {
  type: 'external_account_authorized_user',
  audience: '//iam.googleapis.com/locations/global/workforcePools/staff/providers/okta',
  token_url: 'https://sts.googleapis.com/v1/oauthtoken',
  token_info_url: 'https://sts.googleapis.com/v1/introspect',
  client_id: USER.clientId,
  client_secret: USER.clientSecret,
  refresh_token: USER.refreshToken,
}

export const urlFor = (account: string) =>
  `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${account}:generateAccessToken`

export const impersonated = (source: object, delegates: readonly string[] = []) => ({
  type: 'impersonated_service_account',
  service_account_impersonation_url: urlFor(TARGET),
  delegates,
  source_credentials: source,
})

export interface Setup extends GoogleOptions {
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** This machine's clock. Default: the true one. */
  readonly clock?: () => number
  readonly timeoutMs?: number
}

/** A machine with a home of its own, and Google's services, which know who is named above. */
export async function machine({ files = {}, env = {}, clock, timeoutMs, ...options }: Setup = {}) {
  const google = await startGoogle({ accounts: [ACCOUNT], users: [USER], ...options })
  const httpsAgent = createHttpsAgent(createDialer({ ca: [google.ca], connect: google.connect }))
  const home = mkdtempSync(join(tmpdir(), 'purser-google-'))
  onTestFinished(async () => {
    httpsAgent.destroy()
    await google.close()
    rmSync(home, { recursive: true, force: true })
  })
  const place = (text: string) => text.replaceAll('HOME', home)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), place(text))
  }
  const placed = Object.entries(env).map(([name, value]) => [name, place(value)])
  const gar = createGar({
    httpsAgent: async () => httpsAgent,
    env: { HOME: home, METADATA_SERVER_DETECTION: 'none', ...Object.fromEntries(placed) },
    now: clock ?? Date.now,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  const exchange = (
    credential: AmbientGcpCredential | object,
    { host = HOST, signal = AbortSignal.timeout(20_000) } = {},
  ) => {
    const given: Credential =
      'kind' in credential
        ? { kind: 'ambient-gcp' }
        : credentialOf(JSON.parse(place(JSON.stringify(credential))))
    return gar.exchange(given, targetOf(parseHost(host)), signal)
  }
  return { google, gar, home, exchange, httpsAgent }
}

/** Whose token a login is, and for how long, in seconds. */
export async function seen(
  { google }: Pick<Awaited<ReturnType<typeof machine>>, 'google'>,
  exchanging: ReturnType<Awaited<ReturnType<typeof machine>>['exchange']>,
  now = Date.now(),
) {
  const login = await exchanging
  const lifeS = ((login?.expiresAt?.getTime() ?? Number.NaN) - now) / 1000
  return {
    user: login?.username,
    principal: login && google.principalOf(login.secret.reveal()),
    lifeS: Math.round(lifeS / 5) * 5,
  }
}
