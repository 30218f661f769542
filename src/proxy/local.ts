import type { ServerResponse } from 'node:http'

/** What the proxy answers without any registry. */
export interface LocalAnswer {
  readonly kind: 'local'
  readonly type: string
  readonly body: string
}

const ALIVE: LocalAnswer = { kind: 'local', type: 'text/plain; charset=utf-8', body: 'ok' }

/**
 * Clients ask `/v2/` first, to learn how to log in: the answer that there is no need is what keeps
 * their own credentials at home, and them without configuration.
 */
const BASE: LocalAnswer = { kind: 'local', type: 'application/json', body: '{}' }

/**
 * The answer to a health check, to `/metrics` or to `/v2/`; `undefined` for everything else.
 *
 * @param metrics - what tells them, where there are any
 */
export function answerHere(
  method: string,
  url: string,
  metrics?: () => Promise<LocalAnswer>,
): LocalAnswer | Promise<LocalAnswer> | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const mark = url.indexOf('?')
  switch (mark === -1 ? url : url.slice(0, mark)) {
    case '/livez':
    case '/readyz':
      return ALIVE
    case '/metrics':
      return metrics?.()
    case '/v2':
    case '/v2/':
      return BASE
    default:
      return undefined
  }
}

/** Sends an answer of the proxy's own. */
export function sendLocal(res: ServerResponse, { type, body }: LocalAnswer): void {
  res.writeHead(200, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Docker-Distribution-Api-Version': 'registry/2.0',
  })
  res.end(body)
}
