import type { Paths } from './config/paths.ts'
import { PurserError } from './model/errors.ts'

/** A process's variables. */
type Environment = Readonly<Record<string, string | undefined>>

/** `lease:ID` stands for the request that the agent has admitted. */
export function leaseNamedBy(request: string | undefined): string | undefined {
  const [, id] = /^lease:([0-9a-f]+)$/.exec(request ?? '') ?? []
  return id
}

/** `PURSER_SOCKET` names the agent's socket; empty, it says that no agent is to be asked. */
export function socketOf(env: Environment, paths: Paths): string | undefined {
  const named = env['PURSER_SOCKET']
  return named === undefined ? paths.socket : named || undefined
}

/** Variables of clouds and builders. */
const IDENTITY_VARIABLE =
  /^(?:AWS_(?!REGION$|DEFAULT_REGION$)|AZURE_|CLOUDSDK_|DOCKERHUB_|GOOGLE_|CI_REGISTRY$|DOCKER_CONFIG$|GCP_ACCESS_TOKEN$|GITHUB_TOKEN$|NGC_API_KEY$|REGISTRY_AUTH_FILE$)/

/** Whether something makes this process another identity than its neighbour is. */
export function namesIdentity(env: Environment): boolean {
  return Object.entries(env).some(([name, value]) => value && IDENTITY_VARIABLE.test(name))
}

/** `PURSER_CACHE=off` keeps logins in memory alone. */
export function keepsLogins(env: Environment): boolean {
  const named = env['PURSER_CACHE']
  if (named === undefined || named === '') return true
  if (named === 'off') return false
  throw new PurserError('config-invalid', 'PURSER_CACHE must be off, or not be set')
}

/** A lease's sources are its agent's: here there are none to look into. */
export function asLease(): PurserError {
  return new PurserError('not-allowed', 'what a lease may is for the agent alone to say', {
    hint: 'ask without PURSER_REQUEST, or with get and token, which ask the agent',
  })
}
