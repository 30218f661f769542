import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { Agent } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { expecting } from '../../src/proxy/expect.ts'
import type { Tokens } from '../../src/token/tokens.ts'
import { listen, read, stop } from '../fakes/http.ts'
import { netOf, type RunOptions, runProxy, talk, upstreamAt } from './harness.ts'

type Listener = (req: IncomingMessage, res: ServerResponse) => void

/** A registry that asks for the body of an upload itself, or does not. */
async function asking(onBody: Listener, options: RunOptions = {}) {
  const server = createServer((_, res) => {
    res.writeHead(202, { Location: '/v2/a/blobs/uploads/1' }).end()
  })
  server.on('checkContinue', onBody)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  const own = upstreamAt(`127.0.0.1:${port}`)
  const proxy = await runProxy([own], { own, ...options })
  const started = await talk(
    proxy.port,
    'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  )
  const location = /location: (.*)/i.exec(started)?.[1]?.trim() ?? ''
  return { ...proxy, head: headOf(location) }
}

const headOf = (location: string, length = 3) =>
  `PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`

test('the client is asked for the body once the registry has asked for it', async () => {
  const told: string[] = []
  const { port, head } = await asking((req, res) => {
    told.push('asked')
    setImmediate(() => {
      res.writeContinue()
      void read(req).then((body) => {
        told.push(String(body), String(req.headers['content-length']))
        res.writeHead(202, { Location: '/v2/a/blobs/uploads/1' }).end()
      })
    })
  })
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write(head)
  const [first] = await once(socket, 'data')
  expect(String(first)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  expect(told).toEqual(['asked'])
  socket.write('abc')
  const [second] = await once(socket, 'data')
  expect(String(second)).toMatch(/^HTTP\/1.1 202 /)
  expect(told).toEqual(['asked', 'abc', '3'])
})

test.each([413, 403, 500])('a refusal by %i costs no byte of the body', async (status) => {
  let bytes = 0
  const { port, head, logged } = await asking((req, res) => {
    req.on('data', (chunk: Buffer) => (bytes += chunk.length))
    res.writeHead(status, { 'Content-Length': 2 }).end('no')
  })
  const answer = await talk(port, head)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  // Nobody can tell whether the body comes all the same.
  expect(answer).toMatch(/\r\nConnection: close\r\n/)
  expect(answer).toMatch(/\r\n\r\nno$/)
  expect(bytes).toBe(0)
  expect(logged.at(-1)).toMatchObject({ status, bytes: 2 })
})

test('a client that does not wait is served too', async () => {
  const { port, head } = await asking((req, res) => {
    res.writeContinue()
    void read(req).then((body) => res.writeHead(202, { 'Content-Length': 3 }).end(body))
  })
  const answer = await talk(port, `${head}abc`)
  expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /)
  expect(answer).toMatch(/abc$/)
})

test('a token that has ended is replaced before the body is sent', async () => {
  let token = 0
  const came: string[] = []
  const tokens: Tokens = {
    authorizationFor: async () => new Secret(`Bearer ${token}`),
    refused: () => void token++,
  }
  const { port, head } = await asking(
    (req, res) => {
      came.push(req.headers.authorization ?? '')
      if (token === 0) return void res.writeHead(401).end()
      res.writeContinue()
      void read(req).then((body) => res.writeHead(202, { 'Content-Length': 3 }).end(body))
    },
    { tokens },
  )
  expect(await talk(port, `${head}abc`)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /)
  expect(came).toEqual(['Bearer 0', 'Bearer 1'])
})

test('a body of unknown length is one here too', async () => {
  const came: unknown[] = []
  const { port, head } = await asking((req, res) => {
    came.push(req.headers['content-length'], req.headers['transfer-encoding'])
    res.writeContinue()
    void read(req).then((body) => res.writeHead(202, { 'Content-Length': 3 }).end(body))
  })
  const chunked = head.replace('Content-Length: 3', 'Transfer-Encoding: chunked')
  expect(await talk(port, `${chunked}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`)).toMatch(/abc$/)
  expect(came).toEqual([undefined, 'chunked'])
})

test('a client that goes while it waits takes its request with it', async () => {
  const gone = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const { port, head, logged } = await asking((req) => {
    asked.resolve()
    req.once('close', gone.resolve)
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(head)
  await asked.promise
  socket.destroy()
  await gone.promise
  await expect.poll(() => logged.at(-1)).toMatchObject({ broken: true })
})

/** What a registry says to the head of a request, and to what comes after it. */
async function tell(onHead: (socket: Socket) => void, patienceMs: number) {
  const seen: string[] = []
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      seen.push(String(chunk))
      if (seen.length === 1) onHead(socket)
      if (/abc|0\r\n\r\n$/.test(String(chunk))) {
        socket.end('HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: 1\r\nX: 2\r\n\r\nok')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent()
  onTestFinished(async () => {
    server.close()
    await agent.destroy()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const went: string[] = []
  const options = {
    ...{ origin: `http://127.0.0.1:${port}`, path: '/up', method: 'PUT' },
    headers: ['content-length', '3', 'accept', 'a', 'accept', 'b'],
    body: Readable.from([Buffer.from('abc')]),
  }
  const answer = await new Promise<unknown[]>((resolve, reject) => {
    const told: unknown[] = []
    expecting({ net: netOf(agent), goAhead: () => went.push('ahead'), patienceMs }).dispatch(
      options,
      {
        onRequestStart() {},
        onBodySent: (chunk) => void told.push(String(chunk)),
        onResponseStart: (_, status, headers) => void told.push(status, headers['x']),
        onResponseData: (_, chunk) => void told.push(String(chunk)),
        onResponseEnd: () => resolve(told),
        onResponseError: (_, error) => reject(error),
      },
    )
  })
  return { answer, seen, went }
}

test('a registry that never asks gets the body after a while', async () => {
  const { answer, seen, went } = await tell(() => {}, 5)
  expect(went).toEqual(['ahead'])
  expect(answer).toEqual(['abc', 201, ['1', '2'], 'ok'])
  const [head = ''] = seen
  expect(head).toMatch(/^PUT \/up HTTP\/1.1\r\n/)
  expect(head).toMatch(/\r\nexpect: 100-continue\r\n/i)
  expect(head).toMatch(/\r\nhost: 127\.0\.0\.1:[0-9]+\r\n/i)
  expect(head).toMatch(/\r\naccept: a\r\naccept: b\r\n/i)
})

test('one that knows no expectations is sent it without', async () => {
  const refuse = (socket: Socket) =>
    socket.end('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n')
  const { answer, seen, went } = await tell(refuse, 60_000)
  expect(went).toEqual(['ahead'])
  expect(answer.slice(1)).toEqual([201, ['1', '2'], 'ok'])
  expect(seen.slice(1).join('')).not.toMatch(/expect/i)
})

test('one that hangs up is an error', async () => {
  await expect(tell((socket) => socket.destroy(), 60_000)).rejects.toThrow('socket hang up')
})

test('one that hangs up in the middle of its answer is one too', async () => {
  const cut = (socket: Socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', () => socket.destroy())
  await expect(tell(cut, 60_000)).rejects.toThrow('aborted')
})

test('one that turns to another protocol is one as well, and waited for by nobody', async () => {
  const turn = (socket: Socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx')
  await expect(tell(turn, 60_000)).rejects.toThrow('other side closed')
})
