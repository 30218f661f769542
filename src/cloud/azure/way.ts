import type { Dispatcher } from 'undici'
import { PurserError } from '../../model/errors.ts'
import { askJson, type JsonAnswer, type JsonRequest } from '../../net/exchange.ts'
import type { Net } from '../../net/net.ts'
import { pause as waitFor } from '../pause.ts'

/** What Microsoft's services are reached with. */
export interface AzureWay {
  readonly net: Pick<Net, 'upstream' | 'realm'>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Waits between attempts. Default: a timer. */
  readonly pause?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

/** One question, and how long its answer may take. */
interface AzureQuestion {
  readonly dispatcher: Dispatcher
  readonly request: JsonRequest
  /** Default: 10 s; Entra answers in half a second. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 10_000

/** At most, before the second and the third attempt. */
const PAUSES_MS = [1_000, 2_000]

/**
 * Asks, and asks again if the service says that it is busy or in trouble.
 *
 * @param what - what is asked, of whom, as whom: the beginning of an error's message
 * @returns the last answer, whatever it says
 * @throws `network` if there is none; the signal's reason if it is aborted
 */
export async function askFor(
  what: string,
  question: AzureQuestion,
  way: Pick<AzureWay, 'signal' | 'pause'>,
): Promise<JsonAnswer> {
  try {
    return await ask(question, way)
  } catch (cause) {
    way.signal.throwIfAborted()
    if (!(cause instanceof PurserError)) throw cause
    throw new PurserError(cause.code, what, { cause })
  }
}

/** What times out once has cost enough: there is no second attempt then. */
async function ask(
  { dispatcher, request, timeoutMs = TIMEOUT_MS }: AzureQuestion,
  { signal, pause = waitFor }: Pick<AzureWay, 'signal' | 'pause'>,
): Promise<JsonAnswer> {
  for (const pauseMs of PAUSES_MS) {
    const answer = await askJson(dispatcher, request, { signal, timeoutMs })
    if (answer.status !== 429 && answer.status < 500) return answer
    await pause(pauseMs, signal)
  }
  return askJson(dispatcher, request, { signal, timeoutMs })
}

/** A form, as OAuth has it. */
export function formRequest(url: URL, fields: Readonly<Record<string, string>>): JsonRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  }
}
