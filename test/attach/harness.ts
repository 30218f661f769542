import { createAttach } from '../../src/attach.ts'
import type { Attachment } from '../../src/attachment.ts'
import { createCache } from '../../src/cache/cache.ts'
import type { BuildRegistryConfig } from '../../src/config/config.ts'
import type { AwsCredential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import { generic } from '../../src/registries/generic.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { loginWithin } from '../../src/registries/static-login.ts'
import { createResolver } from '../../src/resolver.ts'
import { vaultSource } from '../../src/sources/vault.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { openForTest, sandbox } from '../vault/sandbox.ts'

export const HOUR = 60 * 60_000
export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const never = new AbortController().signal

/** Keys of an account. */
export const keys: AwsCredential = {
  kind: 'aws',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: new Secret('S3CRET'),
  sessionToken: undefined,
  role: undefined,
}

export const BUILD: BuildRegistryConfig = {
  host: parseHost(ECR),
  repository: 'builds',
  workspace: 'platform',
  credential: 'vault',
  minLifeMs: undefined,
  renew: false,
}

/** A vault, a clock, and an Amazon that mints `minted-1`, `minted-2`, …, each for 12 hours. */
export interface Stage {
  readonly vault: Vault
  now(): number
  pass(ms: number): void
  minted(): number
  /** What attaches, by this build registry. */
  attach(buildRegistry?: BuildRegistryConfig, fault?: Error): AttachForTest
}

type AttachForTest = (
  request: object | string,
  overwrite?: boolean,
) => Promise<{
  readonly text: string
  /** Parsed, with what was filled in. */
  readonly request: Readonly<Record<string, unknown>>
  /** What `image_credentials` says, parsed. */
  readonly image: unknown
  readonly fields: Attachment['fields']
}>

export async function openStage(): Promise<Stage> {
  let now = Date.UTC(2026, 0, 1)
  let minted = 0
  const vault = await openForTest({ ...sandbox(), now: () => now })

  function amazon(fault: Error | undefined): Registry {
    return {
      name: 'ecr',
      matches: ({ name }) => name === ECR,
      read: () => undefined,
      audience: () => 'us-east-1',
      async exchange(credential): Promise<Login | undefined> {
        if (fault !== undefined) throw fault
        if (credential.kind === 'basic') return loginWithin(credential)
        minted++
        const expiresAt = new Date(now + 12 * HOUR)
        return { username: 'AWS', secret: new Secret(`minted-${minted}`), expiresAt }
      },
    }
  }

  return {
    vault,
    now: () => now,
    pass: (ms) => {
      now += ms
    },
    minted: () => minted,
    attach(buildRegistry, fault) {
      const resolver = createResolver({
        sources: [vaultSource(async () => vault)],
        registries: [amazon(fault), generic],
        cache: createCache({ now: () => now }),
        now: () => now,
      })
      const options = { vault: async () => vault, resolver, buildResolver: resolver, buildRegistry }
      const attach = createAttach(options)
      return async (request, overwrite = false) => {
        const text = typeof request === 'string' ? request : JSON.stringify(request)
        const attached = await attach(text, { workspace: 'team', overwrite }, never)
        const { request: filled, fields } = attached
        const parsed = JSON.parse(filled.replace(/^\ufeff/, ''))
        const image = JSON.parse(parsed.image_credentials || 'null')
        return { text: filled, request: parsed, image, fields }
      }
    },
  }
}
