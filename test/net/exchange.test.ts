import { createServer, type RequestListener } from 'node:http'
import { Agent } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, describeError } from '../../src/model/errors.ts'
import { describeRequest, exchangeJson } from '../../src/net/exchange.ts'
import { listen, sendJson, stop } from '../fakes/http.ts'
import { endlessBody } from '../fakes/token-server.ts'

const SECRET = 'c4n4ry'

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return `http://127.0.0.1:${port}/token?service=s&scope=repository:a:pull&account=${SECRET}`
}

interface Asking {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

async function ask(url: string, { signal = AbortSignal.timeout(20_000), ...more }: Asking = {}) {
  const dispatcher = new Agent()
  onTestFinished(() => dispatcher.destroy())
  const headers = { authorization: `Basic ${SECRET}` }
  return exchangeJson(
    dispatcher,
    { method: 'GET', url: new URL(url), headers },
    { signal, ...more },
  )
}

/** `code: message` of the error; the request in it as `REQUEST`. */
async function failure(url: string, more?: Asking): Promise<string> {
  const error = await ask(url, more).then(
    () => undefined,
    (error: unknown) => error,
  )
  const shown = url.split('&account')[0]
  return `${codeOf(error)}: ${describeError(error).replace(`GET "${shown}"`, 'REQUEST')}`
}

describe('exchangeJson', () => {
  test('returns the document', async () => {
    const url = await serve((_, res) => sendJson(res, 200, { token: 't' }))
    expect(await ask(url)).toEqual({ token: 't' })
  })

  test.each([400, 401, 403, 404, 429, 500, 503])('says status %i and no body', async (status) => {
    const url = await serve((_, res) => sendJson(res, status, { details: SECRET }))
    expect(await failure(url)).toBe(`upstream-refused: REQUEST: status ${status}`)
  })

  test.each([301, 302, 303, 307, 308])('does not follow %i', async (status) => {
    let followed = 0
    const elsewhere = await serve((_, res) => {
      followed++
      sendJson(res, 200, {})
    })
    const url = await serve((_, res) => res.writeHead(status, { Location: elsewhere }).end())
    expect(await failure(url)).toBe(
      `upstream-refused: REQUEST: status ${status}: redirects are not followed`,
    )
    expect(followed).toBe(0)
  })

  test.each(['', '{', '<html>', `${SECRET}`, '{"token":"c4n4ry"', '\u0000'])(
    'refuses %j',
    async (body) => {
      const url = await serve((_, res) => res.end(body))
      expect(await failure(url)).toBe('upstream-refused: REQUEST: not a JSON document')
    },
  )

  test('takes 128 KiB and no more', async () => {
    const document = (length: number) => `"${'a'.repeat(length - 2)}"`
    const fits = await serve((_, res) => res.end(document(128 * 1024)))
    expect(await ask(fits)).toHaveLength(128 * 1024 - 2)
    const over = await serve((_, res) => res.end(document(128 * 1024 + 1)))
    expect(await failure(over)).toBe('upstream-refused: REQUEST: an answer of more than 128 KiB')
  })

  test('hangs up on a body without end', async () => {
    const sent = { bytes: 0 }
    const url = await serve(endlessBody(sent))
    expect(await failure(url)).toBe('upstream-refused: REQUEST: an answer of more than 128 KiB')
    // What the sockets' buffers on both sides hold, and no more.
    expect(sent.bytes).toBeLessThan(64 * 1024 * 1024)
  })

  test('gives up on one that answers too late', async () => {
    const url = await serve(() => undefined)
    expect(await failure(url, { timeoutMs: 50 })).toBe('network: REQUEST: no answer within 0.05 s')
  })

  test('gives up on one that never ends', async () => {
    const url = await serve((_, res) => res.write('{'))
    expect(await failure(url, { timeoutMs: 50 })).toBe('network: REQUEST: no answer within 0.05 s')
  })

  test('tells a connection that broke', async () => {
    const url = await serve((req) => req.socket.destroy())
    expect(await failure(url)).toMatch(/^network: REQUEST: (UND_ERR_SOCKET|ECONNRESET|read)/)
  })

  test('tells a body that broke', async () => {
    const url = await serve((_, res) => {
      res.writeHead(200, { 'Content-Length': 100 }).write('{')
      setImmediate(() => res.destroy())
    })
    expect(await failure(url)).toMatch(/^network: REQUEST: /)
  })

  test("throws the signal's reason", async () => {
    const abort = new AbortController()
    const url = await serve(() => abort.abort(new Error('enough')))
    await expect(ask(url, { signal: abort.signal })).rejects.toThrow('enough')
  })
})

describe('describeRequest', () => {
  test.each([
    ['https://a.example/token', 'GET "https://a.example/token"'],
    [
      'https://a.example/token?scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=x&service=s',
      'GET "https://a.example/token?scope=repository:a/b:pull,push&scope=x&service=s"',
    ],
    ['https://a.example/t?account=joe&refresh_token=x&X-Sig=y', 'GET "https://a.example/t"'],
    ['https://u:p@a.example/t#f', 'GET "https://a.example/t"'],
    ['https://a.example/t?scope=%0d%0aX', 'GET "https://a.example/t?scope=%0D%0AX"'],
  ])('%s', (url, expected) => {
    expect(describeRequest({ method: 'GET', url: new URL(url) })).toBe(expected)
  })
})
