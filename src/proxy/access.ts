import type { Log } from '../observe/log.ts'
import type { Delivery } from './forward.ts'
import type { Route } from './route.ts'

/** Writes the one line of a request. Never its query: what is signed stands there. */
export function logAccess(
  log: Log,
  method: string | undefined,
  route: Route | undefined,
  delivery: Delivery,
  ms: number,
): void {
  log.info('request', {
    method,
    host: route?.upstream.host.name,
    repository: route?.repository,
    kind: route?.kind,
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
