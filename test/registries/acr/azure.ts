import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type {
  AmbientAzureCredential,
  AzureCredential,
  Credential,
} from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createNet } from '../../../src/net/undici.ts'
import { createAcr } from '../../../src/registries/acr/acr.ts'
import { type AzureOptions, startAzure } from '../../fakes/azure.ts'
import { targetOf } from '../harness.ts'

export const HOST = 'acmeimages.azurecr.io'
export const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
export const CLIENT = 'a8fdfbd0-da97-42d9-8f1a-fd6a7cb650b4'
export const OTHER_CLIENT = '11111111-2222-3333-4444-555555555555'
export const SECRET = 'Q~c4n4ry-client-secret'
export const ASSERTION = 'header.c4n4ryassertion.signature'
export const HEADER = 'c4n4ry-identity-header'
export const NOW = Date.UTC(2026, 10, 20, 12)
export const HOUR_MS = 3_600_000

const NAMES = [
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.chinacloudapi.cn',
  'login.microsoftonline.de',
  HOST,
  'acmeimages.eastus2.geo.azurecr.io',
  'acmeimages.azurecr.us',
  'acmeimages.azurecr.cn',
  'acmeimages.azurecr.de',
] as const

export const ACR_USER = '00000000-0000-0000-0000-000000000000'

export const PRINCIPAL: AzureCredential = {
  kind: 'azure',
  tenantId: TENANT,
  clientId: CLIENT,
  clientSecret: new Secret(SECRET),
}

export const AMBIENT: AmbientAzureCredential = { kind: 'ambient-azure', clientId: undefined }

interface Options extends Partial<AzureOptions> {
  readonly env?: Readonly<Record<string, string>>
  /** Where the metadata service is: on this machine, nowhere, or refusing every connection. */
  readonly metadata?: 'here' | 'nobody'
}

/** Microsoft's services, and a registry of Azure's that reaches them by their true names. */
export async function setUp({ env = {}, metadata = 'here', ...options }: Options = {}) {
  const clock = { now: NOW, azure: NOW }
  const pauses: number[] = []
  const azure = await startAzure({
    names: NAMES,
    tenantId: TENANT,
    clientId: CLIENT,
    clientSecret: SECRET,
    assertion: ASSERTION,
    identityHeader: HEADER,
    now: () => clock.azure,
    ...options,
  })
  const connect = new Map(azure.connect)
  // Port 9 of loopback: nobody listens there.
  if (metadata === 'nobody') connect.set('169.254.169.254:80', '127.0.0.1:9')
  const net = createNet(createDialer({ ca: [azure.ca], connect }))
  onTestFinished(async () => {
    await net.close()
    await azure.close()
  })
  const acr = createAcr({
    net: async () => net,
    env,
    now: () => clock.now,
    pause: async (ms) => void pauses.push(ms),
  })
  const exchange = (
    credential: Credential = PRINCIPAL,
    { host = HOST, signal = AbortSignal.timeout(20_000) } = {},
  ) => acr.exchange(credential, targetOf(parseHost(host)), signal)
  const asked = () => azure.calls.map(({ service, host }) => `${service} ${host}`)
  return { azure, clock, pauses, net, exchange, asked }
}

export const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('no error'),
    (error: unknown) => error,
  )

/** The variables of AKS's workload identity, with the token in a real file. */
export function workloadIdentity(token = ASSERTION) {
  const directory = mkdtempSync(join(tmpdir(), 'purser-azure-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'token')
  writeFileSync(file, token)
  return {
    AZURE_CLIENT_ID: CLIENT,
    AZURE_TENANT_ID: TENANT,
    AZURE_FEDERATED_TOKEN_FILE: file,
    AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com/',
  }
}

/** A token that says this, and that nobody signed. */
export function jwt(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`
}
