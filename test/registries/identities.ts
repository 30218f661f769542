import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { type Host, parseHost } from '../../src/model/host.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createNet } from '../../src/net/undici.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import {
  ACCOUNT,
  AUDIENCE,
  FILES,
  impersonated,
  JWT_TYPE,
  PROOF,
  TARGET,
  USER,
} from '../cloud/google/machine.ts'
import { startCloud } from '../fakes/aws/cloud.ts'
import { startAzure } from '../fakes/azure.ts'
import { startGoogle } from '../fakes/google/cloud.ts'
import { startMetadata } from '../fakes/google/metadata.ts'
import { CLIENT, PRINCIPAL, SECRET, TENANT } from './acr/azure.ts'
import { targetOf } from './harness.ts'

const AWS_USER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI-secret' }
const ROLE = 'arn:aws:iam::123456789012:role/Puller'
const AZURE_NAMES = ['login.microsoftonline.com', 'acmeimages.azurecr.io'] as const

/** A credential of each kind that there is, by the name of the kind. */
type Identities = Readonly<Record<Credential['kind'], Credential>>

/** A machine with an identity of each cloud's own, and the three clouds, which know them all. */
export async function openClouds() {
  const home = mkdtempSync(join(tmpdir(), 'purser-identities-'))
  writeFileSync(join(home, 'proof'), PROOF)
  const [aws, google, metadata, azure] = await Promise.all([
    startCloud({ users: [AWS_USER], roles: [{ arn: ROLE }] }),
    startGoogle({
      accounts: [ACCOUNT],
      users: [USER],
      mayImpersonate: [`${ACCOUNT.email} -> ${TARGET}`],
      pools: [
        { audience: AUDIENCE, subjectTokenType: JWT_TYPE, proof: PROOF, principal: 'kubernetes' },
      ],
    }),
    startMetadata(),
    startAzure({
      names: AZURE_NAMES,
      tenantId: TENANT,
      clientId: CLIENT,
      clientSecret: SECRET,
      managed: [CLIENT],
      now: Date.now,
    }),
  ])
  const connect = new Map([...google.connect, ...azure.connect])
  const dial = createDialer({ ca: [azure.ca], connect })
  const httpsAgent = createHttpsAgent(dial)
  const net = createNet(dial)
  onTestFinished(async () => {
    httpsAgent.destroy()
    await Promise.all([net.close(), aws.close(), google.close(), metadata.close(), azure.close()])
    rmSync(home, { recursive: true })
  })
  const env = {
    HOME: home,
    AWS_ENDPOINT_URL: aws.origin,
    AWS_ACCESS_KEY_ID: AWS_USER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: AWS_USER.secretAccessKey,
    GCE_METADATA_HOST: metadata.host,
  }
  const registries = createRegistries({
    httpsAgent: async () => httpsAgent,
    net: async () => net,
    env,
    now: Date.now,
  })

  /** What a login is, with the secrets that clouds make told by whose they are. */
  function tell({ username, secret }: Login): string {
    const text = secret.reveal()
    const principal = text === metadata.token ? 'the machine' : google.principalOf(text)
    if (principal !== undefined) return `${username}:(a token of ${principal})`
    if (azure.refreshTokens.includes(text)) return `${username}:(a token of Azure)`
    return `${username}:${username === 'AWS' && text.length > 100 ? '(a password of Amazon)' : text}`
  }

  function exchange(host: Host, credential: Credential): Promise<Login | undefined> {
    const signal = AbortSignal.timeout(20_000)
    return registryOf(registries, host).exchange(credential, targetOf(host), signal)
  }

  const external = { ...FILES.external, credential_source: { file: join(home, 'proof') } }
  return {
    identities: identitiesOf(external),
    kindOf: (host: string) => registryOf(registries, parseHost(host)).name,
    login: async (host: string, credential: Credential) => {
      const login = await exchange(parseHost(host), credential)
      return login === undefined ? 'nothing' : tell(login)
    },
  }
}

function identitiesOf(external: object): Identities {
  const json = (file: object) => new Secret(JSON.stringify(file))
  return {
    basic: { kind: 'basic', username: 'joe', password: new Secret('pass') },
    'identity-token': { kind: 'identity-token', token: new Secret('refresh') },
    aws: {
      kind: 'aws',
      accessKeyId: AWS_USER.accessKeyId,
      secretAccessKey: new Secret(AWS_USER.secretAccessKey),
      sessionToken: undefined,
      role: undefined,
    },
    'ambient-aws': {
      kind: 'ambient-aws',
      profile: undefined,
      role: { arn: ROLE, externalId: undefined, sessionName: undefined },
    },
    'gcp-token': { kind: 'gcp-token', token: new Secret('ya29.given') },
    'gcp-service-account': { kind: 'gcp-service-account', json: json(FILES.serviceAccount) },
    'gcp-user': { kind: 'gcp-user', json: json(FILES.user) },
    'gcp-impersonated': {
      kind: 'gcp-impersonated',
      json: json(impersonated(FILES.serviceAccount)),
    },
    'gcp-external': { kind: 'gcp-external', json: json(external) },
    'ambient-gcp': { kind: 'ambient-gcp' },
    azure: PRINCIPAL,
    'ambient-azure': { kind: 'ambient-azure', clientId: undefined },
  }
}
