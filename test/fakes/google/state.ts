import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Signer } from '../sigv4.ts'
import type { Misbehaviour } from '../token-server.ts'

/** An account of a program, by its address. */
export interface ServiceAccount {
  readonly email: string
  /** PEM. */
  readonly publicKey: string
}

/** What a person's login is refreshed with. */
interface User {
  readonly email: string
  readonly clientId: string
  readonly clientSecret: string
  readonly refreshToken: string
}

/** Whose proofs are taken, for whom. */
export interface Pool {
  readonly audience: string
  readonly subjectTokenType: string
  /** The proof; of AWS, who signs. */
  readonly proof: string | Signer
  /** The name of who has shown it. */
  readonly principal: string
}

export interface GoogleOptions {
  readonly accounts?: readonly ServiceAccount[]
  readonly users?: readonly User[]
  readonly pools?: readonly Pool[]
  /** Who may stand in for whom: `a -> b`. */
  readonly mayImpersonate?: readonly string[]
  /** Google's clock, in milliseconds since the epoch. Default: this machine's. */
  readonly now?: () => number
  /** How long tokens live, in seconds. Default: an hour, less one as the real ones. */
  readonly lifeS?: number
}

/** What was asked, without its secrets. */
export interface Call {
  readonly host: string
  readonly path: string
  /** The grant of a token, or nothing. */
  readonly grant: string | null
}

/** What all services share. */
export interface State {
  readonly options: GoogleOptions
  readonly now: () => number
  readonly calls: Call[]
  /** The principal of each token that was given. */
  readonly tokens: Map<string, string>
  misbehaviour: Misbehaviour | undefined
  issue(principal: string): string
}

export interface Asked {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly url: URL
  readonly body: string
  readonly state: State
}

export const LIFE_S = 3599
export const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
