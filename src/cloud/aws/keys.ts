import type { AwsRole } from '../../model/credential.ts'
import { Secret } from '../../model/secret.ts'
import type { Env } from './endpoint.ts'

/** What signs a question to Amazon. */
export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: Secret | undefined
}

/** Where keys come from: from whom, and by what right. */
export type KeySource =
  | { readonly kind: 'keys'; readonly keys: AwsKeys }
  /** `AWS_ACCESS_KEY_ID` and its kin. */
  | { readonly kind: 'environment' }
  | { readonly kind: 'role'; readonly role: AwsRole; readonly by: KeySource }
  | { readonly kind: 'web-identity'; readonly role: AwsRole; readonly file: string }
  | { readonly kind: 'program'; readonly command: string; readonly profile: string }
  | { readonly kind: 'sso'; readonly profile: string }
  /** ECS, or EKS Pod Identity. */
  | { readonly kind: 'container' }
  /** EC2's metadata service. */
  | { readonly kind: 'instance' }

/** The keys that the environment holds; `undefined` if it has not both halves of a pair. */
export function keysOfEnvironment(env: Env): AwsKeys | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secret } = env
  if (!accessKeyId || !secret) return undefined
  const { AWS_SESSION_TOKEN: token } = env
  return {
    accessKeyId,
    secretAccessKey: new Secret(secret),
    sessionToken: token ? new Secret(token) : undefined,
  }
}

/** What the SDK's providers of credentials answer with. */
interface SdkKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** The keys that a provider of the SDK has answered with. */
export function keysOfSdk({ accessKeyId, secretAccessKey, sessionToken }: SdkKeys): AwsKeys {
  return {
    accessKeyId,
    secretAccessKey: new Secret(secretAccessKey),
    sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
  }
}
