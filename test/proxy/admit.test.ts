import { expect, test } from 'vitest'
import { runProxy, talk } from './harness.ts'

const get = (...headers: readonly string[]) =>
  `GET /livez HTTP/1.1\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`

const patch = (version: string, ...headers: readonly string[]) =>
  `PATCH /v2/a/b/blobs/uploads/x HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n${headers.join('\r\n')}\r\n\r\n0\r\n\r\n`

test.each([
  { name: 'localhost', sent: get('Host: localhost'), status: 200 },
  { name: 'localhost in capitals, with a port', sent: get('Host: LOCALHOST:5000'), status: 200 },
  { name: '127.0.0.1', sent: get('Host: 127.0.0.1:5000'), status: 200 },
  { name: '[::1]', sent: get('Host: [::1]:5000'), status: 200 },
  { name: 'a name below localhost', sent: get('Host: ghcr-io.localhost:5000'), status: 200 },
  { name: 'a configured name', sent: get('Host: Purser.internal:5000'), status: 200 },
  { name: 'a name that was rebound', sent: get('Host: evil.example'), status: 421 },
  { name: 'a look-alike', sent: get('Host: localhost.evil.example'), status: 421 },
  { name: 'another look-alike', sent: get('Host: evillocalhost'), status: 421 },
  { name: 'the address of another interface', sent: get('Host: 10.0.0.1:5000'), status: 421 },
  { name: 'no Host', sent: get('Accept: x/y'), status: 400 },
  { name: 'two Hosts', sent: get('Host: localhost', 'Host: localhost'), status: 400 },
  { name: 'a web page', sent: get('Host: localhost', 'Origin: http://localhost'), status: 403 },
  {
    name: 'an image of a web page',
    sent: get('Host: localhost', 'Sec-Fetch-Site: cross-site'),
    status: 403,
  },
  {
    name: 'a person who typed the address',
    sent: get('Host: localhost', 'Sec-Fetch-Site: none'),
    status: 200,
  },
  {
    name: 'two lengths',
    sent: patch('1.1', 'Content-Length: 5', 'Content-Length: 6'),
    status: 400,
  },
  {
    name: 'length and chunks',
    sent: patch('1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    status: 400,
  },
  {
    name: 'a coding before chunked',
    sent: patch('1.1', 'Transfer-Encoding: x, chunked'),
    status: 400,
  },
  { name: 'chunks in HTTP/1.0', sent: patch('1.0', 'Transfer-Encoding: chunked'), status: 400 },
  { name: 'a foreign expectation', sent: patch('1.1', 'Expect: tea'), status: 417 },
])('$name: $status', async ({ sent, status }) => {
  const { port } = await runProxy([], { hosts: ['purser.internal'] })
  expect(await talk(port, sent)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})

test('health and /v2/ are answered without any registry', async () => {
  const { port } = await runProxy([])
  const at = (path: string) =>
    talk(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  expect(await at('/livez')).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nok$/s)
  expect(await at('/readyz')).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nok$/s)
  const base = await at('/v2/?ns=ghcr.io')
  expect(base).toMatch(/^HTTP\/1.1 200 .*\r\n\r\n\{\}$/s)
  expect(base).toContain('Docker-Distribution-Api-Version: registry/2.0')
  expect(await at('/')).toMatch(/^HTTP\/1.1 404 /)
})
