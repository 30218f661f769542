import { setTimeout as delay } from 'node:timers/promises'
import { isTransient, MAX_RETRIES, pauseMsBefore } from '../net/retry.ts'
import { type Outcome, type Relay, relay, type Ways } from './relay.ts'

/**
 * Relays, and tries again what nobody has answered, if it changes nothing: a read without a body, of
 * which the client has got nothing yet. A body is never kept, so it cannot come twice.
 */
export async function relayAgain(ways: Ways, request: Relay): Promise<Outcome> {
  const isRead = (request.method === 'GET' || request.method === 'HEAD') && !request.body
  for (let retry = 1; ; retry++) {
    const outcome = await relay(ways, request)
    if (outcome.kind !== 'failed' || !isRead || retry > MAX_RETRIES) return outcome
    if (!isTransient(outcome.error)) return outcome
    const pauseMs = pauseMsBefore(retry, Math.random())
    if (pauseMs > 0) await delay(pauseMs)
  }
}
