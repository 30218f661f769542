import { needsExchange } from '../model/credential.ts'
import { codeOf, statusOf } from '../model/errors.ts'
import type { Registry } from './registry.ts'

/** What came of an exchange: `none` if the machine has no such identity. */
export type ExchangeOutcome = 'made' | 'none' | 'refused' | 'unreachable'

/** Lets somebody count what clouds are asked. What is in a credential by itself is no exchange. */
export function observeExchanges(
  registries: readonly Registry[],
  seen: (registry: string, outcome: ExchangeOutcome) => void,
): readonly Registry[] {
  return registries.map((registry) => ({
    ...registry,
    async exchange(credential, target, signal) {
      if (!needsExchange(credential)) return registry.exchange(credential, target, signal)
      try {
        const login = await registry.exchange(credential, target, signal)
        seen(registry.name, login === undefined ? 'none' : 'made')
        return login
      } catch (error) {
        // Nobody waited for the answer any more.
        if (!signal.aborted) seen(registry.name, outcomeOf(error))
        throw error
      }
    },
  }))
}

function outcomeOf(error: unknown): ExchangeOutcome {
  const status = statusOf(error) ?? 0
  return codeOf(error) === 'network' || status === 429 || status >= 500 ? 'unreachable' : 'refused'
}
