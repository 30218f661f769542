import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Traffic } from '../../src/proxy/traffic.ts'
import { sendBytes } from '../fakes/http.ts'
import { digestOf } from '../fakes/registry.ts'
import { ask, BASIC, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'

export const BLOB = randomBytes(200_000)
export const DIGEST = digestOf(BLOB)
export const HOUR_MS = 60 * 60_000

interface Options {
  readonly redirects: 'pass' | 'follow'
  /** What the URL says of its end. Default: as S3's, an hour. */
  readonly query?: (now: number) => string
  /** Answers in the store's stead. */
  readonly store?: (req: IncomingMessage, res: ServerResponse) => boolean
  /** Whether the registry redirects HEAD as well. */
  readonly redirectsHead?: boolean
  /** Whether it lets nobody in with a HEAD, as Amazon's public one. */
  readonly refusesHead?: boolean
  readonly traffic?: Traffic
}

/** A registry that redirects to a store, whose URLs are good for what they say and for GET alone. */
export async function startStored({
  redirects,
  query = amazon,
  store,
  redirectsHead = false,
  refusesHead = false,
  traffic,
}: Options) {
  const clock = { now: Date.UTC(2026, 10, 21) }
  const stored: { readonly method: string; readonly headers: IncomingMessage['headers'] }[] = []
  let revoked = 0
  let made = 0
  const server = createServer((req, res) => {
    stored.push({ method: req.method ?? '', headers: req.headers })
    const serial = Number(/serial=([0-9]+)/.exec(req.url ?? '')?.[1])
    if (store?.(req, res) === true) return
    if (req.headers.authorization !== undefined || req.method !== 'GET' || serial <= revoked) {
      res.writeHead(403).end('<Error/>')
    } else {
      sendBytes(req, res, BLOB, { 'Content-Type': 'application/octet-stream' })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const registry = await fakeRegistry({
    auth: BASIC,
    override(req, res) {
      if (refusesHead && req.method === 'HEAD') {
        res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end()
        return true
      }
      const redirected = req.method === 'GET' || (redirectsHead && req.method === 'HEAD')
      if (!redirected || req.url?.includes('/blobs/') !== true) return false
      const location = `${origin}/blob?serial=${++made}&${query(clock.now)}`
      res
        .writeHead(307, { Location: location, Date: new Date(clock.now).toUTCString() })
        .end('moved')
      return true
    },
  })
  registry.putBlob('acme/app', BLOB)
  const own = upstreamAt(registry.host, { redirects })
  let login = LOGIN
  const running = await runProxy([own], {
    own,
    login: () => login,
    now: () => clock.now,
    ...(traffic && { traffic }),
  })
  const path = `/v2/acme/app/blobs/${DIGEST}`
  return {
    ...running,
    registry,
    stored,
    clock,
    origin,
    blob: `${running.url}${path}`,
    /** Refuses every URL made so far. */
    revoke() {
      revoked = made
    },
    logInAs(next: typeof LOGIN) {
      login = next
      clock.now += 2_000
    },
    read: (range: string) => ask(`${running.url}${path}`, { headers: { Range: range } }),
  }
}

function amazon(now: number): string {
  const date = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
  return `X-Amz-Date=${date}&X-Amz-Expires=3600&X-Amz-Signature=ab`
}
