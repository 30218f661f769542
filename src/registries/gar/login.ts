import type { Agent } from 'node:https'
import { parseAccount } from '../../cloud/google/account-file.ts'
import { findAmbientToken } from '../../cloud/google/ambient.ts'
import { nameAccount } from '../../cloud/google/name.ts'
import type { GooglePlace, GoogleToken } from '../../cloud/google/place.ts'
import { fetchToken } from '../../cloud/google/token.ts'
import type { AmbientGcpCredential, GcpAccountCredential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import type { Login } from '../../model/login.ts'
import { GOOGLE_USER } from '../static-login.ts'

/**
 * A proof's 5 s, and then three attempts of 10 s at the service that does not answer; a kubelet waits a
 * minute.
 */
const TIMEOUT_MS = 40_000

/** What an exchange with Google is made with. */
export interface GarOptions {
  httpsAgent(): Promise<Agent>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Kills a process that leads a group, and its group. Default: what a program has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
  /** How long there is for an answer, all attempts together. Default: 40 s. */
  readonly timeoutMs?: number
}

/** Exchanges an identity of Google's for a login. */
export type MintLogin = (
  credential: GcpAccountCredential | AmbientGcpCredential,
  host: Host,
  signal: AbortSignal,
) => Promise<Login | undefined>

/** Makes it; nobody is asked yet. */
export function createMint({
  httpsAgent,
  env,
  now,
  killGroup,
  timeoutMs = TIMEOUT_MS,
}: GarOptions): MintLogin {
  return async (credential, host, signal) => {
    const deadline = AbortSignal.timeout(timeoutMs)
    const place: GooglePlace = {
      env,
      httpsAgent: await httpsAgent(),
      now,
      signal: AbortSignal.any([signal, deadline]),
      killGroup,
    }
    try {
      const token = await findToken(credential, host, place)
      return token && { username: GOOGLE_USER, secret: token.token, expiresAt: token.expiresAt }
    } catch (error) {
      signal.throwIfAborted()
      if (!deadline.aborted) throw error
      throw new PurserError('network', `${whatFor(host)}: no answer within ${timeoutMs / 1000} s`)
    }
  }
}

function findToken(
  credential: GcpAccountCredential | AmbientGcpCredential,
  host: Host,
  place: GooglePlace,
): Promise<GoogleToken | undefined> {
  const fetch = (identity: string, account: Parameters<typeof fetchToken>[1]) =>
    fetchToken(`${whatFor(host)} with ${identity}`, account, place)
  if (credential.kind === 'ambient-gcp') return findAmbientToken(place, fetch)
  const account = parseAccount(credential.json)
  return fetch(nameAccount(account), account)
}

function whatFor(host: Host): string {
  return `asking Google for a token for ${host.name}`
}
