import type { Credential } from '../model/credential.ts'
import { ECR_USER, GOOGLE_USER } from '../registries/static-login.ts'
import type { Source } from './source.ts'

/** What an end of life is measured by. */
export interface LastingOptions {
  /** When what was minted came here. */
  readonly since: Date
  /** When a password says that it ends; `undefined` if it does not say. */
  endOf(credential: Credential): Date | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Of a minted password that does not say when it ends: Google's live for an hour, and had some of it
 * behind them when they came.
 */
const UNTOLD_LIFE_MS = 30 * 60_000
/** Another is minted before clients see the end of this one: no transfer begins in its last part. */
const MARGIN_MS = 10 * 60_000

/**
 * A source whose minted passwords are replaced, before they end, by what their identity mints anew.
 *
 * A request carries what was minted when its container was scheduled; who minted it knows the identity
 * behind, and the container may run for days.
 *
 * @param identity - where that identity is, if anywhere
 */
export function lastingSource(
  source: Source,
  identity: Source,
  { since, endOf, now }: LastingOptions,
): Source {
  function isEnding(credential: Credential): boolean {
    if (!isMinted(credential)) return false
    const end = endOf(credential)?.getTime() ?? since.getTime() + UNTOLD_LIFE_MS
    return end - MARGIN_MS <= now()
  }

  return {
    ...source,
    async find(target, signal) {
      const found = await source.find(target, signal)
      if (found === undefined || !isEnding(found.credential)) return found
      const behind = await identity.find(target, signal)
      return behind === undefined ? found : { ...behind, from: `${found.from}, by ${behind.from}` }
    },
  }
}

/** Whether a cloud made it out of an identity, and for a while. */
export function isMinted(credential: Credential): boolean {
  switch (credential.kind) {
    case 'gcp-token':
      return true
    case 'basic':
      return credential.username === ECR_USER || credential.username === GOOGLE_USER
    default:
      return false
  }
}
