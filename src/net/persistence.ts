import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { isTransient, MAX_RETRIES, pauseMsBefore } from './retry.ts'

/**
 * Sends a question of our own, and again what nobody has answered, if it changes nothing.
 *
 * @throws as the dispatcher does; the signal's reason
 */
export async function send(
  dispatcher: Dispatcher,
  request: Dispatcher.RequestOptions & { readonly signal: AbortSignal },
): Promise<Dispatcher.ResponseData> {
  for (let retry = 1; ; retry++) {
    try {
      return await dispatcher.request(request)
    } catch (error) {
      if (request.method !== 'GET' || retry > MAX_RETRIES || !isTransient(error)) throw error
      await delay(pauseMsBefore(retry, Math.random()), undefined, { signal: request.signal })
    }
  }
}
