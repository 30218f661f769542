import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { listen, sendBytes, sendJson, stop } from '../fakes/http.ts'
import { digestOf, type Override } from '../fakes/registry.ts'
import { fakeRegistry, upstreamAt } from '../proxy/harness.ts'
import { runMintingProxy } from '../proxy/minting.ts'
import type { Place } from './wire.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const LOGIN_MS = 12 * HOUR_MS
const URL_MS = HOUR_MS
const TOKEN_MS = 5 * MINUTE_MS

/** How a registry takes its login: Amazon's as it is, others for a token of five minutes. */
type Scheme = 'basic' | 'bearer'

/** A registry in a cloud, where everything ends when it says, by a clock that the test sets. */
export interface Day {
  readonly clock: { now: number }
  readonly blob: Place
  readonly counts: {
    /** How many were made. */
    readonly logins: number
    readonly tokens: number
    /** Reads for which the registry was asked. */
    readonly redirects: number
    /** What came too late, at the registry and at its store. */
    readonly refusals: number
  }
}

/** Starts a registry with a blob in a store, and a proxy that mints its logins. */
export async function startDay(
  scheme: Scheme,
  redirects: 'pass' | 'follow',
  bytes: Buffer,
): Promise<Day> {
  const clock = { now: Date.UTC(2026, 10, 21) }
  const now = () => clock.now
  const counts = { logins: 0, tokens: 0, redirects: 0, refusals: 0 }
  /** When each ends, by what it says. */
  const ends = new Map<string, number>()
  const isGood = (text = '') => clock.now < (ends.get(text) ?? 0)

  const server = createServer((req, res) => {
    if (isGood(req.url) && req.method === 'GET' && req.headers.authorization === undefined) {
      return sendBytes(req, res, bytes, { 'Content-Type': 'binary/octet-stream' })
    }
    // Of a HEAD it is expected: the URL is signed for GET.
    if (req.method === 'GET') counts.refusals++
    return res.writeHead(403, { 'Content-Length': 0 }).end()
  })
  const origin = `http://127.0.0.1:${await listen(server)}`
  onTestFinished(() => stop(server))

  function giveToken(res: ServerResponse): void {
    const token = `token-${++counts.tokens}`
    ends.set(`Bearer ${token}`, clock.now + TOKEN_MS)
    sendJson(res, 200, { token, expires_in: TOKEN_MS / 1_000 })
  }

  function challenge({ headers }: IncomingMessage, res: ServerResponse): void {
    if (headers.authorization !== undefined) counts.refusals++
    const realm = scheme === 'basic' ? 'cloud' : `http://${headers.host}/v2/token`
    const wanted = `${scheme} realm="${realm}",service="s"`
    res.writeHead(401, { 'WWW-Authenticate': wanted, 'Content-Length': 0 }).end()
  }

  function redirect(res: ServerResponse): void {
    const date = new Date(clock.now).toISOString().replace(/[-:]|\.\d+/g, '')
    const life = `X-Amz-Date=${date}&X-Amz-Expires=${URL_MS / 1_000}`
    const path = `/blob?${life}&X-Amz-Signature=${++counts.redirects}`
    ends.set(path, clock.now + URL_MS)
    const headers = { Location: `${origin}${path}`, Date: new Date(clock.now).toUTCString() }
    res.writeHead(307, { ...headers, 'Content-Length': 0 }).end()
  }

  const override: Override = (req, res) => {
    const { url = '', method, headers } = req
    const { authorization = '' } = headers
    if (url.startsWith('/v2/token') && isGood(authorization)) giveToken(res)
    else if (!isGood(authorization) || !authorization.toLowerCase().startsWith(scheme))
      challenge(req, res)
    else if (method === 'GET' && url.includes('/blobs/')) redirect(res)
    else return false
    return true
  }
  const registry = await fakeRegistry({ override })
  registry.putBlob('acme/app', bytes)

  const own = upstreamAt(registry.host, { redirects, storage: [origin] })
  const { port } = await runMintingProxy(own, now, async () => {
    const password = `password-${++counts.logins}`
    const header = `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`
    ends.set(header, clock.now + LOGIN_MS)
    const expiresAt = new Date(clock.now + LOGIN_MS)
    return { username: 'AWS', secret: new Secret(password), expiresAt }
  })
  const path = `/v2/acme/app/blobs/${digestOf(bytes)}`
  return { clock, counts, blob: { port, host: `127.0.0.1:${port}`, path } }
}
