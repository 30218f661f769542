import { setTimeout } from 'node:timers/promises'

/**
 * Waits.
 *
 * @throws the signal's own reason if it is aborted, where a timer's error would hide it
 */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
