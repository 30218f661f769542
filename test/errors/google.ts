import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import {
  AUDIENCE,
  FILES,
  HOST,
  impersonated,
  JWT_TYPE,
  machine,
  PROOF,
  USER,
} from '../cloud/google/machine.ts'
import { startMetadata } from '../fakes/google/metadata.ts'
import { sendJson } from '../fakes/http.ts'
import type { Misbehaviour } from '../fakes/token-server.ts'
import { openStage, type Provocation, type Provocations } from './stage.ts'

type Setup = Parameters<typeof machine>[0]

const exchange =
  (file: object, setup?: Setup): Provocation =>
  async () =>
    (await machine(setup)).exchange(file)

const ambient = (env: Readonly<Record<string, string>>, files?: Readonly<Record<string, string>>) =>
  exchange({ kind: 'ambient-gcp' }, { env, ...(files !== undefined && { files }) })

/** Google's services, answering in this way. */
const saying =
  (how: Misbehaviour, file: object = FILES.user): Provocation =>
  async () => {
    const { google, exchange: ask } = await machine()
    google.misbehave(how)
    return ask(file)
  }

const source = (credential_source: object) => ({ ...FILES.external, credential_source })
const POOL = { audience: AUDIENCE, subjectTokenType: JWT_TYPE, proof: PROOF, principal: 'pod' }
const STORED = 'application_default_credentials.json'
const GCLOUD = { CLOUDSDK_CONFIG: 'HOME/gcloud' }

/** What Google, and credential files of its users, are refused with. */
export const GOOGLE: Provocations = {
  'a person must log in anew': exchange(FILES.user, { users: [{ ...USER, refreshToken: 'x' }] }),
  'an account is not known': exchange(FILES.serviceAccount, { accounts: [] }),
  'an account may not stand in': exchange(impersonated(FILES.serviceAccount)),
  'a proof is not taken': exchange(FILES.external, { files: { proof: 'x' }, pools: [POOL] }),
  'Google is in trouble': saying((_, res) => sendJson(res, 503, {})),
  'Google has no token': saying((_, res) => sendJson(res, 200, {})),
  'Google leads elsewhere': saying((_, res) =>
    res.writeHead(302, { location: 'https://evil.example/' }).end(),
  ),
  'Google comes to no end': saying((_, res) => void res.end(' '.repeat(70_000))),
  'Google hangs up': saying((req) => void req.socket.destroy()),
  'Google does not answer': async () => {
    const { google, exchange: ask } = await machine({ timeoutMs: 100 })
    google.misbehave(() => undefined)
    return ask(FILES.user)
  },
  'a file is of no kind': ambient({ GOOGLE_APPLICATION_CREDENTIALS: '{"type":"magic"}' }),
  'a file is not JSON': ambient({ GOOGLE_APPLICATION_CREDENTIALS: '{' }),
  'a file is not there': ambient({ GOOGLE_APPLICATION_CREDENTIALS: 'HOME/missing.json' }),
  'a file is broken': ambient({ GOOGLE_APPLICATION_CREDENTIALS: 'HOME/x' }, { x: '{}' }),
  'a file has no key': exchange({ ...FILES.serviceAccount, private_key: 'x' }),
  'a file lacks a field': exchange({ ...FILES.user, refresh_token: undefined }),
  'a file is of another cloud': exchange({ ...FILES.user, universe_domain: 's3nsapis.fr' }),
  'a file sends a token elsewhere': exchange({
    ...FILES.serviceAccount,
    token_uri: 'https://evil.example/token',
  }),
  'a file stands in for nobody': exchange({
    ...impersonated(FILES.user),
    service_account_impersonation_url: 'https://iamcredentials.googleapis.com/v1/x',
  }),
  'a file stands in twice': exchange(impersonated(impersonated(FILES.user))),
  'a source is a program': exchange(source({ executable: { command: 'id' } })),
  'a source is nothing': exchange(source({})),
  'a source is in the clear': exchange(source({ url: 'http://evil.example/' })),
  'a source is another AWS': exchange(
    source({ environment_id: 'aws1', regional_cred_verification_url: 'https://evil.example/' }),
  ),
  'a region is none': exchange(source({ environment_id: 'aws1' }), { env: { AWS_REGION: 'a b' } }),
  'a source’s file is not there': exchange(source({ file: 'HOME/missing' })),
  'a source’s file is empty': exchange(source({ file: 'HOME/empty' }), { files: { empty: '' } }),
  'a source’s server is not there': exchange(source({ url: 'http://127.0.0.1:9/' })),
  'gcloud’s database is none': ambient(
    { ...GCLOUD, CLOUDSDK_CORE_ACCOUNT: 'jane@acme.example' },
    { 'gcloud/credentials.db': 'x'.repeat(4096) },
  ),
  'gcloud’s own file is broken': ambient(GCLOUD, { [`gcloud/${STORED}`]: '{}' }),
  'gcloud stands in for another twice': async () => {
    const stored = JSON.stringify(impersonated(FILES.user))
    const { exchange: ask, home } = await machine({
      env: {
        ...GCLOUD,
        CLOUDSDK_CORE_ACCOUNT: 'jane@acme.example',
        CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT: 'x@acme.iam.gserviceaccount.com',
      },
      files: { 'gcloud/x': '' },
    })
    const database = new DatabaseSync(join(home, 'gcloud', 'credentials.db'))
    database.exec('CREATE TABLE credentials (account_id TEXT, value BLOB)')
    database.prepare('INSERT INTO credentials VALUES (?, ?)').run('jane@acme.example', stored)
    database.close()
    return ask({ kind: 'ambient-gcp' })
  },
  'the metadata server is no host': ambient({
    GCE_METADATA_HOST: 'a/b',
    METADATA_SERVER_DETECTION: '',
  }),
  'the metadata server is not there': ambient({
    GCE_METADATA_HOST: '127.0.0.1:9',
    METADATA_SERVER_DETECTION: '',
  }),
  'the metadata server is none': async () => {
    const { host, close } = await startMetadata({ flavor: 'Microsoft' })
    onTestFinished(close)
    return ambient({ GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: '' })(openStage())
  },
  'a user is of another cloud': async () => {
    const { gar } = await machine()
    const { parseHost } = await import('../../src/model/host.ts')
    const { targetOf } = await import('../registries/harness.ts')
    const target = targetOf(parseHost(HOST))
    return gar.exchange(
      { kind: 'ambient-azure', clientId: undefined },
      target,
      AbortSignal.timeout(1e4),
    )
  },
}
