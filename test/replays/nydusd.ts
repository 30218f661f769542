import { lines, placeOf, type Reply, say } from './wire.ts'

/** A blob as nydusd reads it. */
export interface Blob {
  size(): Promise<number>
  read(offset: number, length: number): Promise<Buffer>
}

/** How nydusd comes to a registry. */
export interface Access {
  /** As its `host`, `scheme` and `repo` make it. */
  readonly blob: string
  /** The port of `proxy.url`, with `use_http`: even what is https is asked for there, in the clear. */
  readonly proxyPort?: number
}

/**
 * Opens a blob of nydusd's `registry` backend: no redirect is followed by its client, but kept, and
 * asked for in turn, by the proxy too.
 *
 * @see https://github.com/dragonflyoss/nydus/blob/master/storage/src/backend/registry.rs `_try_read`
 * @see https://github.com/dragonflyoss/nydus/blob/master/storage/src/backend/connection.rs `call`
 */
export function openBlob({ blob, proxyPort }: Access): Blob {
  let redirected: string | undefined

  function request(method: string, url: string, headers: readonly string[]): Promise<Reply> {
    const { host, port, path } = placeOf(url)
    const target = proxyPort === undefined ? path : url.replace('https', 'http')
    // hyper writes names in lower case and in the order of their coming; `host` is its own.
    const text = lines(`${method} ${target} HTTP/1.1`, ...headers, 'accept: */*', `host: ${host}`)
    return say(proxyPort ?? port, text)
  }

  async function tryRead(range: string, again: boolean): Promise<Buffer> {
    const reply = await request('GET', redirected ?? blob, [`range: ${range}`])
    if (reply.status === 200 || reply.status === 206) return reply.body
    const isRedirect = reply.status === 301 || reply.status === 307
    const isRefused = reply.status === 401 || reply.status === 403
    redirected = isRedirect ? reply.headers.get('location') : undefined
    if (again && (isRedirect || isRefused)) return tryRead(range, false)
    throw new Error(`no more retry, status ${reply.status}`)
  }

  return {
    async size() {
      const reply = await request('HEAD', blob, [])
      if (reply.status !== 200) throw new Error(`head blob size, status ${reply.status}`)
      return Number(reply.headers.get('content-length'))
    },
    async read(offset, length) {
      const range = `bytes=${offset}-${offset + length - 1}`
      // `retry_limit` reads anew, which a redirect after a refusal needs.
      return tryRead(range, true).catch(() => tryRead(range, true))
    },
  }
}
