import type { Credential } from '../../src/model/credential.ts'
import { Secret } from '../../src/model/secret.ts'
import type { AzureService } from '../fakes/azure.ts'
import { sendJson } from '../fakes/http.ts'
import type { Misbehaviour } from '../fakes/token-server.ts'
import {
  ACR_USER,
  AMBIENT,
  CLIENT,
  HEADER,
  jwt,
  NOW,
  OTHER_CLIENT,
  PRINCIPAL,
  setUp,
  workloadIdentity,
} from '../registries/acr/azure.ts'
import type { Provocation, Provocations } from './stage.ts'

type SetUp = Parameters<typeof setUp>[0]

const exchange =
  (credential: Credential, options?: () => SetUp): Provocation =>
  async () =>
    (await setUp(options?.())).exchange(credential)

/** A service that answers in this way. */
const saying =
  (service: AzureService, how: Misbehaviour, credential: Credential = PRINCIPAL): Provocation =>
  async () => {
    const { azure, exchange: ask } = await setUp({ managed: [CLIENT] })
    azure.misbehave(service, how)
    return ask(credential)
  }

const refusing = (number: number) =>
  saying('entra', (_, res) => sendJson(res, 400, { error: 'x', error_codes: [number] }))
const registry = (status: number, code: string) =>
  saying('exchange', (_, res) => sendJson(res, status, { errors: [{ code, message: 'S3CRET' }] }))
const federated = (env: Readonly<Record<string, string>>) =>
  exchange(AMBIENT, () => ({ env: { ...workloadIdentity(), ...env } }))
const NAMED: Credential = { kind: 'ambient-azure', clientId: OTHER_CLIENT }

/** What Microsoft Entra, managed identities and Azure's registries are refused with. */
export const AZURE: Provocations = {
  'the secret is wrong': exchange({ ...PRINCIPAL, clientSecret: new Secret('S3CRET') }),
  'the secret has ended': refusing(7000222),
  'the application is disabled': refusing(7000112),
  'the application is not there': exchange({ ...PRINCIPAL, clientId: OTHER_CLIENT }),
  'the tenant is not there': exchange({ ...PRINCIPAL, tenantId: 'acme.example' }),
  'the federated token is not trusted': exchange(AMBIENT, () => ({
    env: workloadIdentity('a.b.c'),
  })),
  'the federated token has ended': refusing(700024),
  'a policy forbids it': refusing(53003),
  'Entra says another number': refusing(42),
  'Entra is busy': saying('entra', (_, res) => sendJson(res, 429, {})),
  'Entra is in trouble': saying('entra', (_, res) => sendJson(res, 500, {})),
  'Entra leads elsewhere': saying('entra', (_, res) =>
    res.writeHead(302, { location: 'https://evil.example/' }).end(),
  ),
  'Entra has no token': saying('entra', (_, res) => sendJson(res, 200, {})),
  'Entra hangs up': saying('entra', (req) => void req.socket.destroy()),
  'the authority is not Microsoft’s': federated({ AZURE_AUTHORITY_HOST: 'https://evil.example/' }),
  'the federated identity has no application': federated({ AZURE_CLIENT_ID: '' }),
  'the federated identity has no tenant': federated({ AZURE_TENANT_ID: '' }),
  'the federated token is not there': federated({ AZURE_FEDERATED_TOKEN_FILE: '/nonexistent' }),
  'the federated token is none': exchange(AMBIENT, () => ({ env: workloadIdentity('none') })),
  'the managed identity is not there': exchange(NAMED, () => ({ managed: [CLIENT] })),
  'the managed identity is nowhere': exchange(NAMED, () => ({ metadata: 'nobody' })),
  'the managed identity is in trouble': saying(
    'metadata',
    (_, res) => sendJson(res, 500, { error: 'server_error' }),
    AMBIENT,
  ),
  'the managed identity is away': saying(
    'metadata',
    (_, res) => sendJson(res, 410, { error: 'gone' }),
    AMBIENT,
  ),
  'the app’s endpoint is elsewhere': exchange(AMBIENT, () => ({
    env: { IDENTITY_ENDPOINT: 'http://10.1.2.3/', IDENTITY_HEADER: HEADER },
  })),
  'the app’s endpoint refuses': async () => {
    const env = { IDENTITY_ENDPOINT: '', IDENTITY_HEADER: 'another' }
    const { azure, exchange: ask } = await setUp({ env })
    env.IDENTITY_ENDPOINT = azure.identityEndpoint
    return ask(AMBIENT)
  },
  'the identity has no role': registry(401, 'UNAUTHORIZED'),
  'the machine is kept out': registry(403, 'DENIED'),
  'the registry is not there': registry(404, 'S3CRET text'),
  'the registry is in trouble': registry(500, 'UNKNOWN'),
  'the registry has no token': saying('exchange', (_, res) => sendJson(res, 200, {})),
  'the registry hangs up': saying('exchange', (req) => void req.socket.destroy()),
  'a token has ended': exchange({
    kind: 'basic',
    username: ACR_USER,
    password: new Secret(jwt({ exp: NOW / 1000 - 1 })),
  }),
}
