import { setTimeout } from 'node:timers/promises'

/**
 * Waits for a random part of a time, and at least for half of it: many that were refused together
 * would come again together.
 *
 * @throws the signal's reason if it is aborted
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms * (0.5 + Math.random() / 2), undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
