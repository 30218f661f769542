import type { Agent } from 'node:https'
import type { HttpHandler } from '@smithy/core/protocols'
import type { AwsService, Endpoints, Env } from './endpoint.ts'
import { createSdkHandler, type SdkHandler } from './handler.ts'
import type { AwsKeys } from './keys.ts'

/** Where a question to Amazon is asked from, and about which region. */
export interface AwsPlace {
  /** The operator's own: what Amazon's users set there holds for every identity. */
  readonly env: Env
  readonly httpsAgent: Agent
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** Kills a process that leads a group, and its group. Default: what a program has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
  /** The registry's, never the environment's. */
  readonly region: string
  readonly fips: boolean
  readonly dualStack: boolean
}

/**
 * What an SDK's client looks up in the environment and in `~/.aws` unless it is told. What of it is
 * the operator's to set is read by {@link readEndpoints}.
 */
const TOLD = {
  ignoreConfiguredEndpointUrls: true,
  retryMode: 'standard',
  defaultsMode: 'standard',
  userAgentAppId: async () => undefined,
  disableClockSkewCorrection: false,
} as const

/** What every client of an SDK is made with. */
export type ClientSettings = typeof TOLD & {
  readonly authSchemePreference: string[]
  readonly region: string
  readonly useFipsEndpoint: boolean
  readonly useDualstackEndpoint: boolean
  readonly endpoint?: string
  readonly maxAttempts: number
  readonly requestHandler: HttpHandler
}

/** The settings for a client of `service`, and the handler in them. */
export function settingsFor(
  service: AwsService,
  { httpsAgent, signal, region, fips, dualStack }: AwsPlace,
  endpoints: Endpoints,
  maxAttempts: number,
): { readonly settings: ClientSettings; readonly handler: SdkHandler } {
  const endpoint = endpoints.of(service)
  const handler = createSdkHandler({ httpsAgent, signal })
  // An address that somebody has written down is of the kind that it is.
  const isAmazons = endpoint === undefined
  const settings = {
    ...TOLD,
    authSchemePreference: [],
    region,
    useFipsEndpoint: isAmazons && (fips || endpoints.fips),
    useDualstackEndpoint: isAmazons && (dualStack || endpoints.dualStack),
    ...(endpoint !== undefined && { endpoint: endpoint.href }),
    maxAttempts,
    requestHandler: handler,
  }
  return { settings, handler }
}

/** Keys as an SDK's client takes them. */
export function revealKeys({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys) {
  return {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken && { sessionToken: sessionToken.reveal() }),
  }
}
