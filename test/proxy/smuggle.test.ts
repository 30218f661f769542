import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { runProxy, upstreamAt } from './harness.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`
const BLOB = `/v2/a/blobs/${DIGEST}`
const SMUGGLED = `GET /v2/smuggled/blobs/${DIGEST} HTTP/1.1\r\nHost: localhost\r\n\r\n`

/** A registry that answers whatever comes, and keeps all of it as it came. */
async function listeningRegistry() {
  const heard: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      heard.push(chunk.toString('latin1'))
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { own: upstreamAt(`127.0.0.1:${port}`), heard: () => heard.join('') }
}

/** Sends bytes, and reads until the other side closes or has been silent for a while. */
async function speak(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let said = ''
  socket.setEncoding('latin1').on('error', () => {})
  socket.on('data', (chunk: string) => {
    said += chunk
    socket.setTimeout(50)
  })
  socket.setTimeout(1_000, () => socket.destroy())
  socket.write(Buffer.from(bytes, 'latin1'))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return said
}

async function set() {
  const { own, heard } = await listeningRegistry()
  const { port } = await runProxy([own], { own })
  return { port, heard }
}

const push = (...lines: readonly string[]) =>
  `PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}`
const get = (...lines: readonly string[]) =>
  `GET ${BLOB} HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\n\r\n`

const CHUNKED = 'Transfer-Encoding: chunked'

test.each([
  // Two lengths, in all the ways in which somebody has once seen but one.
  ['length and chunks', push('Content-Length: 6', CHUNKED, '', `0\r\n\r\n${SMUGGLED}`)],
  ['chunks and length', push(CHUNKED, 'Content-Length: 6', '', `0\r\n\r\n${SMUGGLED}`)],
  ['two lengths', push('Content-Length: 2', 'Content-Length: 99', '', `{}${SMUGGLED}`)],
  ['two lengths in one', push('Content-Length: 2, 99', '', `{}${SMUGGLED}`)],
  ['the same length twice', push('Content-Length: 2', 'Content-Length: 2', '', '{}')],
  ['a length with a sign', push('Content-Length: +2', '', `{}${SMUGGLED}`)],
  ['a length below nothing', push('Content-Length: -2', '', `{}${SMUGGLED}`)],
  ['a length in hex', push('Content-Length: 0x2', '', `{}${SMUGGLED}`)],
  ['a length with a blank in it', push('Content-Length: 2 9', '', `{}${SMUGGLED}`)],
  ['a length beyond all', push(`Content-Length: ${'9'.repeat(30)}`, '', '{}')],
  ['an empty length', push('Content-Length:', '', SMUGGLED)],
  // Codings that one takes for chunked, and another does not.
  ['chunked with more behind', push('Transfer-Encoding: chunked, identity', '', `0\r\n\r\n`)],
  ['chunked with more before', push('Transfer-Encoding: gzip, chunked', '', '0\r\n\r\n')],
  ['what is not quite chunked', push('Transfer-Encoding: xchunked', '', '0\r\n\r\n')],
  ['chunked in quotes', push('Transfer-Encoding: "chunked"', '', '0\r\n\r\n')],
  ['chunked twice', push(CHUNKED, CHUNKED, '', '0\r\n\r\n')],
  ['an empty coding', push('Transfer-Encoding:', '', SMUGGLED)],
  ['a blank before the colon', push('Transfer-Encoding : chunked', '', '0\r\n\r\n')],
  ['a vertical tab before chunked', push('Transfer-Encoding: \x0bchunked', '', '0\r\n\r\n')],
  ['a folded coding', push('Transfer-Encoding:', ' chunked', '', `0\r\n\r\n`)],
  // Chunks that one ends elsewhere than another.
  ['a chunk with a sign', push(CHUNKED, '', '+2\r\n{}\r\n0\r\n\r\n')],
  ['a chunk in 0x', push(CHUNKED, '', '0x2\r\n{}\r\n0\r\n\r\n')],
  ['a chunk beyond all', push(CHUNKED, '', `${'f'.repeat(17)}\r\n{}\r\n0\r\n\r\n`)],
  ['a chunk that ends in LF', push(CHUNKED, '', '2\n{}\r\n0\r\n\r\n')],
  ['a chunk without its end', push(CHUNKED, '', '2\r\n{}XX0\r\n\r\n')],
  ['a chunk longer than it says', push(CHUNKED, '', '2\r\n{}}\r\n0\r\n\r\n')],
  ['a chunk of nothing', push(CHUNKED, '', '\r\n{}\r\n0\r\n\r\n')],
  ['a chunk with LF in its extension', push(CHUNKED, '', '2;a\nb\r\n{}\r\n0\r\n\r\n')],
  ['an extension without end', push(CHUNKED, '', `2;${'a'.repeat(200_000)}\r\n{}\r\n0\r\n\r\n`)],
  // What stands in a header that is another one to the next.
  ['lines that end in LF', get('X: y').replaceAll('\r\n', '\n')],
  ['a line that ends in CR', get('X: y\rHost: evil.example')],
  ['a NUL in a value', get('User-Agent: a\x00b')],
  ['a control byte in a value', get('User-Agent: a\x01b')],
  ['a NUL in a name', get('User\x00Agent: a')],
  ['a blank in a name', get('User Agent: a')],
  ['a header without a name', get(': a')],
  ['a line without a colon', get('nonsense')],
  ['a folded header', get('User-Agent: a', ' b')],
  ['a header that is folded at once', get(' X: y')],
  // The request line.
  ['a version of its own', get().replace('HTTP/1.1', 'HTTP/1.2')],
  ['HTTP/0.9', `GET ${BLOB}\r\n\r\n`],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a tab', get().replace('GET ', 'GET\t')],
  ['a third part', get().replace(' HTTP', ' x HTTP')],
  ['a method of its own', get().replace('GET', 'GETS')],
  ['a method in small letters', get().replace('GET', 'get')],
  ['a control byte', get().replace('/v2', '/v2\x01')],
  ['a byte beyond ASCII', get().replace('/v2/a', '/v2/\xe4')],
  ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['a trace', get().replace('GET', 'TRACE')],
  ['all of a server', get().replace(`GET ${BLOB}`, 'OPTIONS *')],
])('%s: refused, and the registry hears nothing', async (_, bytes) => {
  const { port, heard } = await set()
  const said = await speak(port, bytes)
  // Node hangs up on what is no HTTP of any kind that it could answer.
  expect(said).toMatch(/^(?:HTTP\/1\.1 (?:4[0-9]{2}|501) |$)/)
  expect(said.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1)
  expect(heard()).not.toContain('smuggled')
  expect(heard()).not.toContain('\r\n\r\n')
})

test.each([
  ['..', '/v2/a/../b/manifests/1'],
  ['.. in escapes', '/v2/a/%2e%2e/b/manifests/1'],
  ['a slash in an escape', '/v2/a%2fb/manifests/1'],
  ['a NUL in an escape', '/v2/a%00/manifests/1'],
  ['a line break in an escape', '/v2/a/manifests/1%0d%0aX:y'],
  ['a line break in a digest', `${BLOB}%0d%0aX:y`],
  ['a backslash', '/v2/a\\b/manifests/1'],
  ['a fragment', '/v2/a/manifests/1#x'],
  ['a name in capitals', '/v2/A/manifests/1'],
  ['a name with two slashes', '/v2/a//b/manifests/1'],
  ['a tag with a slash too many', '/v2/a/manifests//1'],
  ['a digest that is too short', '/v2/a/blobs/sha256:00'],
  ['a digest that is too long', `/v2/a/blobs/sha256:${'0'.repeat(65)}`],
  ['a digest in capitals', `/v2/a/blobs/sha256:${'A'.repeat(64)}`],
  ['a digest that is none', '/v2/a/blobs/latest'],
  ['a semicolon', '/v2/a;b/manifests/1'],
  ['a user', '/v2/u@evil.example/manifests/1'],
])('a path with %s: refused before anything is dialled', async (_, path) => {
  const { port, heard } = await set()
  const line = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
  expect(await speak(port, line)).toMatch(/^HTTP\/1\.1 (?:400|404) .*"errors":\[\{"code":"/s)
  expect(heard()).toBe('')
})

test('a body that nobody asked for is no request of its own', async () => {
  const { port, heard } = await set()
  const said = await speak(port, `${get(`Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`)
  expect(said).toMatch(/^HTTP\/1\.1 200 /)
  expect(heard().match(/HTTP\/1\.1\r\n/g)).toHaveLength(1)
  expect(heard()).not.toMatch(/smuggled|content-length/i)
})

test('what is behind the last chunk, and beside the chunks, goes nowhere', async () => {
  const { port, heard } = await set()
  const trailer = '0\r\nAuthorization: Basic evil\r\nX-Evil: 1\r\n\r\n'
  await speak(port, push(CHUNKED, '', `2;evil=1\r\n{}\r\n${trailer}`))
  expect(heard()).toMatch(/^PUT \/v2\/a\/manifests\/1 HTTP\/1\.1\r\n/)
  expect(heard()).not.toMatch(/evil/i)
})

test('of a client’s headers only those pass that a registry is to see', async () => {
  const { port, heard } = await set()
  await speak(
    port,
    get(
      ...['Accept: a/b', 'User-Agent: docker', 'Range: bytes=0-1', 'traceparent: 00-1-1-01'],
      ...['Authorization: Basic evil', 'Proxy-Authorization: Basic evil', 'Cookie: evil=1'],
      ...['Forwarded: for=evil', 'X-Forwarded-For: evil', 'X-Forwarded-Host: evil', 'Via: evil'],
      ...['Connection: keep-alive, X-Evil', 'X-Evil: 1', 'Keep-Alive: evil', 'TE: evil'],
      ...['Upgrade: h2c', 'HTTP2-Settings: evil', 'Trailer: evil', 'X-HTTP-Method-Override: evil'],
      ...['X-Original-URL: /evil', 'Referer: http://evil.example/', 'Max-Forwards: 1'],
    ),
  )
  const [, ...lines] = heard().trim().split('\r\n')
  const names = lines.map((line) => line.split(':')[0]?.toLowerCase()).sort()
  expect(names).toEqual(['accept', 'connection', 'host', 'range', 'traceparent', 'user-agent'])
  expect(heard()).not.toMatch(/evil/i)
})
