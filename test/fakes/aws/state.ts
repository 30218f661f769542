import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Signer } from '../sigv4.ts'

/** A role, and who may take it on. */
export interface Role {
  readonly arn: string
  readonly externalId?: string
  /** Access key ids begin so; default: everybody's. */
  readonly trusts?: string
  /** The token of a service account that it trusts. */
  readonly webToken?: string
}

/** What IAM Identity Center knows. */
interface Sso {
  readonly accessToken: string
  /** Gets a new access token, which is then the one above. */
  readonly refreshToken?: string
}

/** What EC2's metadata service does. */
export interface Instance {
  /** The role of the instance; none if there is not. */
  readonly role?: string
  /** `hop`: the token does not reach a container behind another hop; `v1`: there are no tokens. */
  readonly tokens?: 'hop' | 'v1' | 'broken'
}

/** What the agent of a node, ECS's or EKS's, does for its containers. */
interface Container {
  readonly role: string
  /** The header that it asks for, if any. */
  readonly authorization?: string
}

/** Takes a question before the services do; whoever returns true has answered it. */
type Intercept = (name: string, res: ServerResponse) => boolean

/** Who is known, and to what. */
export interface CloudOptions {
  readonly users?: readonly Signer[]
  readonly roles?: readonly Role[]
  readonly sso?: Sso
  readonly instance?: Instance
  readonly container?: Container
  /** The names that they have on the internet, and answer to over TLS. Default: none. */
  readonly names?: readonly string[]
  /** The services' clock, in milliseconds since the epoch. Default: this machine's. */
  readonly now?: () => number
  readonly intercept?: Intercept
}

/** A question to one of the services, read and checked. */
export interface Asked {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly url: URL
  readonly body: string
  readonly state: CloudState
}

/** What the services know, and have given away. */
export interface CloudState extends CloudOptions {
  readonly now: () => number
  /** Notes what was asked, and lets the test answer it. */
  note(name: string, res: ServerResponse): boolean
  /** Makes the keys of a session, which its holder may sign with from then on. */
  issue(owner: string): Session
  /** Who signed, or what is wrong with the signature. */
  check(asked: Asked, service: string): { readonly signer: Signer } | { readonly fault: string }
}

/** Keys that end. */
export interface Session extends Required<Signer> {
  readonly expiresAt: Date
}
