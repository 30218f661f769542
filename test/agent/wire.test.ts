import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { postToSocket } from '../../src/agent/wire.ts'

const QUESTION = { path: '/v1/login', body: '{"host":"bücher.example"}' }
const never = new AbortController().signal

/** Asks a server that does as told when it has got the question. */
async function ask(answer: (client: Socket) => unknown, signal = never) {
  const directory = mkdtempSync(join(tmpdir(), 'wire-'))
  const path = join(directory, 's')
  let received = ''
  const clients: Socket[] = []
  const server = createServer((client) => {
    clients.push(client)
    client.on('error', () => undefined)
    client.setEncoding('utf8').on('data', (text) => {
      received += text
      if (received.endsWith('}')) answer(client)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    for (const client of clients) client.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })
  const limits = { signal, timeoutMs: 20_000, maxBodyBytes: 100 }
  const result = await postToSocket(path, QUESTION, limits).catch((error: unknown) => error)
  return { result, received }
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

it('sends the question, and says in bytes how long it is', async () => {
  const { received } = await ask((client) => client.end(`${HEAD}Content-Length: 0\r\n\r\n`))
  expect(received.split('\r\n')).toEqual([
    'POST /v1/login HTTP/1.1',
    'Host: agent',
    'Connection: close',
    'Content-Type: application/json',
    'Content-Length: 26',
    '',
    QUESTION.body,
  ])
})

it.each([
  ['as one piece', 1_000],
  ['byte by byte', 1],
])('reads an answer that comes %s', async (_, size) => {
  const { result } = await ask(async (client) => {
    client.setNoDelay(true)
    const bytes = Buffer.from(`${HEAD}content-length:5 \r\n\r\nsü{}`)
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise((resolve) => client.write(bytes.subarray(at, at + size), resolve))
    }
  })
  expect(result).toEqual({ status: 200, body: 'sü{}' })
})

it.each([
  ['no HTTP', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ['an older HTTP', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['no length', `${HEAD}\r\n{}`],
  ['two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
  ['a length that is no number', `${HEAD}Content-Length: 0x2\r\n\r\n{}`],
  ['a negative length', `${HEAD}Content-Length: -2\r\n\r\n{}`],
  ['more than it may be', `${HEAD}Content-Length: 101\r\n\r\n${'a'.repeat(101)}`],
  ['chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
  ['chunks and a length', `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`],
  ['a folded header', `${HEAD}Content-Length: 2\r\n x: y\r\n\r\n{}`],
  ['lines that end without return', 'HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n'],
  ['a head without end', `${HEAD}X: ${'a'.repeat(17_000)}`],
])('takes %s for no agent’s answer', async (_, answer) => {
  const { result } = await ask((client) => client.write(answer))
  expect(result).toMatchObject({ message: 'the answer is not an agent’s' })
})

it('takes no byte more than the answer says', async () => {
  const { result } = await ask((client) => client.write(`${HEAD}Content-Length: 2\r\n\r\n{}x`))
  expect(result).toMatchObject({ message: 'the answer is longer than it says' })
})

it.each([
  ['before the head', ''],
  ['within the head', 'HTTP/1.1 200'],
  ['within the body', `${HEAD}Content-Length: 10\r\n\r\n{}`],
])('notices an answer that breaks off %s', async (_, answer) => {
  const { result } = await ask((client) => client.end(answer))
  expect(result).toMatchObject({ message: 'the answer broke off' })
})

it('gives up when it is told to', async () => {
  const stop = new AbortController()
  const { result } = await ask(() => stop.abort(new Error('enough')), stop.signal)
  expect(result).toMatchObject({ message: 'enough' })
})

it('asks nobody when it was told to give up before', async () => {
  const { result, received } = await ask(() => undefined, AbortSignal.abort(new Error('enough')))
  expect(result).toMatchObject({ message: 'enough' })
  expect(received).toBe('')
})
