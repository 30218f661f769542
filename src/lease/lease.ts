import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../model/secret.ts'
import type { ContainerRequest } from '../request/request.ts'

/** A container request that the agent has admitted. */
export interface Lease {
  /** Tells leases apart in logs and paths; it opens nothing. */
  readonly id: string
  /** What its container shows the proxy: worth nothing elsewhere, nor after its end. */
  readonly secret: Secret
  /** The vault's namespace that it sees. */
  readonly workspace: string
  /** What it brought: of its request, the credentials and whose they are. */
  readonly request: ContainerRequest
  readonly openedAt: Date
  readonly expiresAt: Date
}

/** 64 bits: no two of a node's leases are alike. */
const ID_BYTES = 8
/** 256 bits, as a key: nobody guesses one. */
const SECRET_BYTES = 32

/** Tells a lease's secret from anybody's password, and scanners of logs what they have found. */
const SECRET_PREFIX = 'purser_lease_'

/** Makes the id and the secret of a new lease. */
export function newLeaseSecrets(): Pick<Lease, 'id' | 'secret'> {
  const secret = `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`
  return { id: randomBytes(ID_BYTES).toString('hex'), secret: new Secret(secret) }
}

/** Whether a text is meant as a lease's secret, of whatever lease. */
export function isLeaseSecret(text: string): boolean {
  return text.startsWith(SECRET_PREFIX)
}

/** By this, leases are found: how long a comparison takes tells nothing of the secret. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** As ids are made; whatever else comes as one is no file's name. */
export function isLeaseId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text)
}
