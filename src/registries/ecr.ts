import type { AwsCredential, Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import { optionalKey } from '../model/keys.ts'
import type { Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import type { Net } from '../net/net.ts'
import { type EcrHost, parseEcrHost } from './ecr-host.ts'
import { ECR_USER, parseAuthorization, passwordExpiry } from './ecr-token.ts'
import { readPair, refuseForeignKeys, requireKey } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

export interface EcrOptions {
  net(): Promise<Net>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A TLS handshake to another continent takes a second; one that takes five does not end. */
const CONNECT_TIMEOUT_MS = 5_000
/** The API answers in 200 ms. Three attempts fit into the minute that a kubelet waits. */
const REQUEST_TIMEOUT_MS = 15_000
const MAX_ATTEMPTS = 3

/**
 * Amazon's private registries: AWS keys are exchanged for a password of 12 hours.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
export function createEcr({ net, now }: EcrOptions): Registry {
  const ecr: Registry = {
    name: 'ecr',
    matches: (host) => parseEcrHost(host) !== undefined,
    read(keys) {
      const own = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
      if (own.every((key) => optionalKey(keys, key) === undefined)) {
        return (
          readPair(keys) ??
          refuseForeignKeys(
            keys,
            'Amazon ECR',
            'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION',
          )
        )
      }
      const sessionToken = optionalKey(keys, 'AWS_SESSION_TOKEN')
      const credential: AwsCredential = {
        kind: 'aws',
        accessKeyId: requireKey(keys, 'AWS_ACCESS_KEY_ID'),
        secretAccessKey: new Secret(requireKey(keys, 'AWS_SECRET_ACCESS_KEY')),
        sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
      }
      // Asked for because platforms promise it; where the registry is, its name says.
      requireKey(keys, 'AWS_REGION')
      return credential
    },
    async exchange(credential, { host }, signal) {
      const place = parseEcrHost(host)
      if (place === undefined) throw unsupportedCredential(ecr, credential, host)
      switch (credential.kind) {
        case 'aws':
          return getAuthorization(credential, place, host, await net(), signal)
        case 'basic':
          return minted(credential, host, now())
        case 'gcp-token':
        case 'identity-token':
          throw unsupportedCredential(ecr, credential, host)
      }
    },
  }
  return ecr
}

/** A login that somebody else had minted: good for as long as it says. */
function minted(credential: Credential, host: Host, now: number): Login {
  const login = loginWithin(credential)
  if (login === undefined || login.username !== ECR_USER) {
    throw new PurserError('credential-unsupported', `${host.name} knows no user but ${ECR_USER}`, {
      hint: 'give AWS keys, or the password that aws ecr get-login-password prints',
    })
  }
  const expiresAt = passwordExpiry(login.secret)
  if (expiresAt !== undefined && expiresAt.getTime() <= now) {
    throw new PurserError(
      'exchange-failed',
      `the password for ${host.name} expired at ${expiresAt.toISOString()}`,
      { hint: 'give AWS keys instead: a password of 12 hours can be minted from them at any time' },
    )
  }
  return { ...login, expiresAt }
}

/**
 * Asks Amazon. The identity is the credential's alone: no file, variable or metadata service of
 * this machine is looked at for another.
 */
async function getAuthorization(
  credential: AwsCredential,
  { region, fips, dualStack }: EcrHost,
  host: Host,
  net: Net,
  signal: AbortSignal,
): Promise<Login> {
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr')
  const client = new ECRClient({
    region,
    useFipsEndpoint: fips,
    useDualstackEndpoint: dualStack,
    credentials: {
      accessKeyId: credential.accessKeyId,
      secretAccessKey: credential.secretAccessKey.reveal(),
      ...(credential.sessionToken && { sessionToken: credential.sessionToken.reveal() }),
    },
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      httpsAgent: net.httpsAgent,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  })
  try {
    const output = await client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal })
    return parseAuthorization(output, host)
  } catch (error) {
    if (error instanceof PurserError) throw error
    signal.throwIfAborted()
    throw refused(error, credential, host)
  }
}

/** Amazon's messages quote the request; the name of its error says enough. */
function refused(error: unknown, { accessKeyId }: AwsCredential, host: Host): PurserError {
  const name = error instanceof Error ? error.name : 'unknown error'
  return new PurserError(
    'exchange-failed',
    `Amazon refused key …${accessKeyId.slice(-4)} a token for ${host.name}: ${name}`,
    { cause: error, hint: hintFor(name) },
  )
}

function hintFor(name: string): string {
  switch (name) {
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
      return 'the key is not, or no longer, one of the account; log in with one that is'
    case 'ExpiredTokenException':
      return 'the session has ended: log in with the keys of a new one'
    case 'AccessDeniedException':
      return 'allow the identity ecr:GetAuthorizationToken'
    case 'TimeoutError':
      return 'can this machine reach the ECR API of that region?'
    default:
      return 'see the AWS documentation of ecr:GetAuthorizationToken'
  }
}
