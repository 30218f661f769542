import type { ClientFiles } from '../lease/client-files.ts'
import { isLeaseId, type Lease } from '../lease/lease.ts'
import type { LeaseEnd } from '../lease/leases.ts'
import { PurserError } from '../model/errors.ts'
import { decodeRequest } from '../request/load.ts'
import { MAX_REQUEST_BYTES } from '../request/request.ts'
import type { Resolver } from '../resolver.ts'
import { type Ask, type Reply, refusal } from './reply.ts'

/** Where leases are opened, by POST, and listed, by GET; below it, each has a path of its own. */
export const LEASES_PATH = '/v1/leases'

/** What an agent's leases are asked. */
export interface LeaseManager {
  /** @param request - the request's JSON */
  open(request: string, terms: LeaseTerms): Promise<OpenedLease>
  list(): readonly Lease[]
  renew(id: string, lifeMs?: number): Lease | undefined
  close(id: string, end?: LeaseEnd): boolean
  /** @returns `undefined` if there is no such lease any more */
  resolverOf(id: string): Resolver | undefined
}

interface LeaseTerms {
  readonly workspace?: string | undefined
  readonly lifeMs?: number | undefined
}

/** A lease, and what makes clients use it. */
interface OpenedLease extends ClientFiles {
  readonly lease: Lease
  /** `127.0.0.1:5000`; `undefined` if the proxy listens on no plain port. */
  readonly proxy: string | undefined
}

/**
 * Answers what begins with {@link LEASES_PATH}.
 *
 * @param rest - the path behind it: empty, or `/ID`
 */
export async function answerLeases(
  manager: LeaseManager,
  method: string,
  rest: string,
  ask: Ask,
): Promise<Reply> {
  const id = rest.slice(1)
  if (rest === '') {
    if (method === 'POST') return open(manager, ask)
    if (method === 'GET') return json(200, manager.list().map(describe))
  } else if (isLeaseId(id)) {
    if (method === 'DELETE') return close(manager, id, ask)
    if (method === 'PATCH') return renew(manager, id, ask)
  }
  return refusal(404, 'usage', 'the agent has no such path')
}

/** Here a lease's secret leaves, for whoever starts its container. */
async function open(manager: LeaseManager, { query, body }: Ask): Promise<Reply> {
  const request = decodeRequest(await body(MAX_REQUEST_BYTES))
  const terms = { workspace: query.get('workspace') || undefined, lifeMs: lifeIn(query) }
  const { lease, proxy, directory, environment } = await manager.open(request, terms)
  return json(201, {
    ...describe(lease),
    secret: lease.secret.reveal(),
    proxy: proxy ?? null,
    directory,
    environment,
  })
}

function close(manager: LeaseManager, id: string, { query }: Ask): Reply {
  const end = query.get('transfers') ?? 'drain'
  if (end !== 'drain' && end !== 'cut') {
    throw new PurserError('request-invalid', 'transfers must be cut or drain')
  }
  return manager.close(id, end) ? json(200, { id }) : unknownLease()
}

function renew(manager: LeaseManager, id: string, { query }: Ask): Reply {
  const lease = manager.renew(id, lifeIn(query))
  return lease === undefined ? unknownLease() : json(200, describe(lease))
}

function unknownLease(): Reply {
  return refusal(404, 'not-found', 'there is no such lease, or it has ended')
}

function describe({ id, workspace, openedAt, expiresAt }: Lease) {
  return {
    id,
    workspace,
    openedAt: openedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }
}

/** @throws `request-invalid` if it is none: a lease of a day may be far more than was meant */
function lifeIn(query: URLSearchParams): number | undefined {
  const text = query.get('life')
  if (text === null) return undefined
  const seconds = Number(text)
  if (Number.isFinite(seconds) && seconds > 0) return seconds * 1_000
  throw new PurserError('request-invalid', 'life must be a number of seconds, as in life=3600')
}

function json(status: number, value: unknown): Reply {
  return { status, body: JSON.stringify(value) }
}
