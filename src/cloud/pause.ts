import { sleep } from '../model/sleep.ts'

/**
 * Waits for a random part of a time, and at least for half of it: many that were refused together
 * would come again together.
 *
 * @throws the signal's reason if it is aborted
 */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms * (0.5 + Math.random() / 2), signal)
}
