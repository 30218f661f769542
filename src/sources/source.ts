import type { Credential } from '../model/credential.ts'
import type { Target } from '../model/target.ts'

/** A credential, and where in its source it was. */
export interface Found {
  readonly credential: Credential
  /** For people, never a secret: `entry ghcr.io/acme of workspace default`. */
  readonly from: string
}

/** Where credentials come from. */
export interface Source {
  /** As `explain` and logs print it: `vault`, `request.image_credentials`. */
  readonly name: string
  /**
   * @returns `undefined` if this source holds nothing for `target`.
   * @throws if it holds something for `target` that cannot be used: resolution stops here, because
   * whatever the next source holds is another, weaker identity.
   */
  find(target: Target, signal: AbortSignal): Promise<Found | undefined>
  /** Changes whenever what it holds may have; absent, or `undefined`, where that is not known. */
  revision?(): string | undefined
  /**
   * Why what it holds is not for `target`: for people who wonder, and never a secret.
   *
   * @returns `undefined` if it holds nothing
   */
  whyNot?(target: Target): string | undefined
}
