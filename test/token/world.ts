import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { onTestFinished } from 'vitest'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, read, sendJson, stop } from '../fakes/http.ts'

/** How a registry asks for a login, as it does by its true name. */
export interface Challenged {
  readonly host: string
  /** Where its API is, if that is elsewhere. */
  readonly api?: string
  /** After `WWW-Authenticate:`; empty if it asks for nothing. */
  readonly challenge: string
}

/** A request as it came, without what every client sends. */
interface Came {
  /** `METHOD URL`, with the fields of a form as if they were a query, and nothing encoded. */
  readonly what: string
  readonly authorization: string | undefined
}

/** A registry and its token service by their true names, and a net that finds them there. */
export async function openWorld({ host, api = host, challenge }: Challenged) {
  const realm = /realm="?([^",]+)/.exec(challenge)?.[1] ?? ''
  const service = challenge.startsWith('Bearer') ? new URL(realm).host : api
  const names = [...new Set([api, service])]
  const probes: Came[] = []
  const asked: Came[] = []

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(`https://${req.headers.host}${req.url}`)
    if (req.method === 'POST') url.search = String(await read(req))
    const search = [...url.searchParams].map((pair) => pair.join('=')).join('&')
    const where = `${url.origin}${url.pathname}${search === '' ? '' : `?${search}`}`
    const came = { what: `${req.method} ${where}`, authorization: req.headers.authorization }
    if (url.host === api && url.pathname === '/v2/') {
      probes.push(came)
      if (challenge === '') return sendJson(res, 200, {})
      return void res.writeHead(401, { 'WWW-Authenticate': challenge }).end()
    }
    asked.push(came)
    sendJson(res, 200, { token: `token-${asked.length}`, expires_in: 300 })
  }

  const authority = testAuthority()
  const places = names.map((name) => new URL(`https://${name}`))
  const [first = api, ...rest] = places.map(({ hostname }) => hostname)
  const server = createServer(authority.certificateFor(first, ...rest), (req, res) => {
    void answer(req, res)
  })
  const port = await listen(server)
  const connect = places.map(
    (place) => [`${place.hostname}:${place.port || 443}`, `127.0.0.1:${port}`] as const,
  )
  const net = createNet(createDialer({ ca: [authority.ca], connect: new Map(connect) }))
  onTestFinished(async () => {
    await net.close()
    await stop(server)
  })
  return { net, probes, asked }
}
