import type { IncomingMessage } from 'node:http'
import type { Log } from '../observe/log.ts'
import type { Delivery } from './delivery.ts'
import type { Route } from './route.ts'
import type { Ended } from './traffic.ts'

/** Who is served, and who is told. */
interface AccessOptions {
  /** The lease's id; absent for all who need none. */
  readonly client?: string | undefined
  readonly workspace: string
  readonly log: Log
}

/**
 * Writes the one line of a request: who, what and where, by whose credential, and what came of it. Never
 * its query: what is signed stands there.
 */
export function logAccess(
  { log, workspace, client }: AccessOptions,
  { method, headers: { traceparent } }: IncomingMessage,
  route: Route | undefined,
  delivery: Delivery,
  ms: number,
): void {
  const denied = delivery.kind === 'problem' ? delivery.problem.denied : undefined
  log.info('request', {
    client,
    workspace,
    method,
    host: route?.upstream.host.name ?? denied?.host,
    repository: route?.repository ?? denied?.repository,
    kind: route?.kind,
    action: route?.action ?? denied?.action,
    source: delivery.source,
    ...outcomeOf(delivery),
    trace: traceparent === undefined ? undefined : traceIn(traceparent),
    ms,
  })
}

/**
 * The trace that a request is part of, so that its line is found by it.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
function traceIn(traceparent: string | readonly string[]): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(String(traceparent))?.[1]
}

function outcomeOf(delivery: Delivery) {
  if (delivery.kind === 'problem') {
    const { status, code, message } = delivery.problem
    return { status, code, reason: message }
  }
  const { kind, status, bytes } = delivery
  if (kind === 'sent') return { status, bytes }
  return { status: status === 0 ? undefined : status, bytes, broken: true }
}

/** What came of a request, as it is counted. */
export function endOf(delivery: Delivery): Ended {
  if (delivery.kind === 'problem') {
    return { status: delivery.problem.status, bytes: 0, broken: delivery.lost === true }
  }
  const { kind, status, bytes } = delivery
  return { status, bytes, broken: kind === 'broken' }
}
