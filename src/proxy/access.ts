import type { Log } from '../observe/log.ts'
import type { Delivery } from './delivery.ts'
import type { Route } from './route.ts'
import type { Ended } from './traffic.ts'

/**
 * Writes the one line of a request: who, what and where, by whose credential, and what came of it. Never
 * its query: what is signed stands there.
 */
export function logAccess(
  { log, workspace }: { readonly log: Log; readonly workspace: string },
  method: string | undefined,
  route: Route | undefined,
  delivery: Delivery,
  ms: number,
): void {
  log.info('request', {
    workspace,
    method,
    host: route?.upstream.host.name,
    repository: route?.repository,
    kind: route?.kind,
    action: route?.action,
    source: delivery.source,
    ...outcomeOf(delivery),
    ms,
  })
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
