import { createServer, type RequestListener } from 'node:http'
import { Agent } from 'node:https'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSdkHandler, type SdkHandlerOptions } from '../../../src/cloud/aws/handler.ts'
import { listen, stop } from '../../fakes/http.ts'

const { signal } = new AbortController()

async function setUp(listener: RequestListener, options: Partial<SdkHandlerOptions> = {}) {
  const server = createServer(listener)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  const handler = createSdkHandler({ httpsAgent: new Agent(), signal, ...options })
  const request = {
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port,
    path: '/federation/credentials',
    query: { account_id: '1', role_name: 'a+b' },
    headers: { 'x-amz-date': 'now' },
    body: 'Action=x',
  }
  return { handler, request, port }
}

describe('a question', () => {
  test('comes as it was asked, and its answer as it was given', async () => {
    const { handler, request, port } = await setUp(async (req, res) => {
      const asked = `${req.method} ${req.url} ${req.headers.host} ${await text(req)}`
      res.setHeader('date', 'Sat, 21 Nov 2026 08:00:00 GMT')
      res.setHeader('x-amzn-errortype', 'UnauthorizedException:http://amazon.example/')
      res.writeHead(401).end(asked)
    })
    const { response } = await handler.handle(request)
    expect(Buffer.from(response.body).toString()).toBe(
      `POST /federation/credentials?account_id=1&role_name=a%2Bb 127.0.0.1:${port} Action=x`,
    )
    expect(response.statusCode).toBe(401)
    expect(handler.answer).toEqual({
      status: 401,
      dateMs: Date.UTC(2026, 10, 21, 8),
      errorType: 'UnauthorizedException',
    })
  })

  test('goes where the operator says, below the path that is there', async () => {
    const seen: (string | undefined)[] = []
    const { request, port } = await setUp((req, res) => {
      seen.push(req.url, req.headers.host)
      res.end()
    })
    const handler = createSdkHandler({
      httpsAgent: new Agent(),
      signal,
      reroute: (path) =>
        new URL(`http://127.0.0.1:${port}/sso${path === '/token' ? '-oidc' : ''}/`),
    })
    await handler.handle({ ...request, protocol: 'https:', hostname: 'portal.sso.example' })
    await handler.handle({ ...request, protocol: 'https:', path: '/token', query: {} })
    expect(seen).toEqual([
      '/sso/federation/credentials?account_id=1&role_name=a%2Bb',
      `127.0.0.1:${port}`,
      '/sso-oidc/token',
      `127.0.0.1:${port}`,
    ])
  })

  test('is never asked in the clear of another machine', async () => {
    const { handler, request } = await setUp(() => expect.fail('was asked'))
    const error = await handler
      .handle({ ...request, hostname: '10.1.2.3' })
      .catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'policy',
      message: `refused to send anything to "http://10.1.2.3:${request.port}"`,
    })
    expect(handler.refusal).toBe(error)
  })
})

describe('an answer', () => {
  test.each([
    ['whose date is none', { date: 'tomorrow' }],
    ['whose error is a sentence', { 'x-amzn-errortype': 'you sent secret' }],
  ])('%s says nothing by it', async (_name, headers) => {
    const { handler, request } = await setUp((_, res) => {
      res.sendDate = false
      res.writeHead(400, headers).end()
    })
    await handler.handle(request)
    expect(handler.answer).toEqual({ status: 400, dateMs: undefined, errorType: undefined })
  })

  test('that is too long is not read to its end', async () => {
    const { handler, request } = await setUp((_, res) => {
      res.end('x'.repeat(64 * 1024 + 1))
    })
    await expect(handler.handle(request)).rejects.toThrow('the answer is too long')
  })

  test('that does not come is not waited for', async () => {
    const { handler, request } = await setUp(() => undefined, { timeoutMs: 100 })
    await expect(handler.handle(request)).rejects.toMatchObject({
      code: 'network',
      message: 'no answer within 0.1 s',
    })
  })

  test('that comes to no end is not waited for either', async () => {
    const { handler, request } = await setUp((_, res) => res.write('{'), { timeoutMs: 100 })
    await expect(handler.handle(request)).rejects.toMatchObject({
      code: 'network',
      message: 'no answer within 0.1 s',
    })
  })

  test('is nothing to a caller that has gone', async () => {
    const gone = new Error('gone')
    const { handler, request } = await setUp(() => expect.fail('was asked'), {
      signal: AbortSignal.abort(gone),
    })
    await expect(handler.handle(request)).rejects.toBe(gone)
  })
})
