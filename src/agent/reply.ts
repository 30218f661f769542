import type { ErrorCode } from '../model/errors.ts'
import { encodeRefusal } from './protocol.ts'

/** A question of a client's. */
export interface Ask {
  readonly query: URLSearchParams
  body(maxBytes: number): Promise<Buffer>
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal
}

/** What the agent answers. */
export interface Reply {
  readonly status: number
  /** JSON. */
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Says no, in a form that a client tells as an error of its own. */
export function refusal(status: number, code: ErrorCode, message: string): Reply {
  return { status, body: encodeRefusal(code, message, undefined) }
}
