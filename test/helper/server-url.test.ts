import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseServerUrl } from '../../src/helper/server-url.ts'

/** Kind, host, path and entry, in one line. */
function read(text: string): string {
  const url = parseServerUrl(text)
  return url === undefined
    ? 'none'
    : [url.kind, url.host.name, url.path || '-', url.entry].join(' ')
}

describe('one registry, spelled by different clients', () => {
  test.each([
    ['docker, a host', 'ghcr.io', 'host ghcr.io - default'],
    ['docker login keeps the case', 'LOCALHOST:5901', 'host localhost:5901 - default'],
    ['nerdctl, with the default port', 'ghcr.io:443', 'host ghcr.io - default'],
    ['an IPv6 address', '[::1]:5000', 'host [::1]:5000 - default'],
    ['an IPv6 address, spelled long', '[0:0:0:0:0:0:0:1]:5000', 'host [::1]:5000 - default'],
    ['a relative URL', '//ghcr.io', 'host ghcr.io - //ghcr.io'],
    ['a URL', 'https://ghcr.io', 'host ghcr.io - https://ghcr.io'],
    ['a URL in capitals', 'HTTPS://GHCR.IO', 'host ghcr.io - https://ghcr.io'],
    ['a URL with a slash', 'https://ghcr.io/', 'host ghcr.io - https://ghcr.io'],
    ['the API of version 1', 'https://ghcr.io/v1/', 'host ghcr.io - https://ghcr.io'],
    ['the API of version 2', 'https://ghcr.io/v2', 'host ghcr.io - https://ghcr.io'],
    ['ggcr, a repository', 'ghcr.io/org/img', 'host ghcr.io org/img default'],
    ['a path', 'https://h:1/one/Two/', 'host h:1 one/Two https://h:1/one/Two'],
    ['a query', 'https://h/p?foo=bar', 'host h p https://h/p?foo=bar'],
    ['a query of a bare host', 'h?foo=bar', 'host h - //h?foo=bar'],
  ])('%s: %s', (_name, text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('Docker Hub is one key', () => {
  test.each([
    'docker.io',
    'index.docker.io',
    'registry-1.docker.io',
    'Docker.IO:443',
    '//docker.io',
    'https://docker.io',
    'https://index.docker.io/v1/',
    'https://index.docker.io/v1',
    'https://index.docker.io/v2/',
    'https://registry-1.docker.io/v2/',
    'https://index.docker.io/v1/?x=y',
    'index.docker.io/v1/',
  ])('%s', (text) => {
    expect(read(text)).toBe('host docker.io - default')
  })

  test('a repository there', () => {
    expect(read('index.docker.io/library/nginx')).toBe('host docker.io library/nginx default')
  })

  test.each(['access-token', 'refresh-token', 'anything'])('but not its /v1/%s', (name) => {
    const entry = `key docker.io v1/${name} https://index.docker.io/v1/${name}`
    expect(read(`https://index.docker.io/v1/${name}`)).toBe(entry)
    expect(read(`https://registry-1.docker.io/v1/${name}/`)).toBe(entry)
    expect(read(`docker.io/v1/${name}`)).toBe(entry)
  })
})

describe('plain http is a place of its own', () => {
  test.each([
    ['http://h', 'key h - http://h'],
    ['http://h:80', 'key h - http://h'],
    ['http://h:443', 'key h - http://h:443'],
    ['http://h:5000/v2/', 'key h:5000 - http://h:5000'],
    ['http://[::1]:80', 'key [::1] - http://[::1]'],
    ['http://docker.io', 'key docker.io - http://docker.io'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('what names no registry', () => {
  test.each([
    '/x',
    '//',
    'https://',
    'https:///v1/',
    'ftp://h',
    'nerdctl-experimental://ns:443/host/h:443/path',
    'ghcr.io.',
    'ghcr.io:',
    'ghcr.io:0',
    'ghcr.io:65536',
    'ghcr.io@evil.example',
    'https://user:pass@ghcr.io',
    'https://ghcr.io#.evil.example',
    'https://ghcr.io\\.evil.example',
    'https://evil.example\\@ghcr.io',
    'ghcr.io evil.example',
    'ghcr.io/org img',
    'ghcr.io/%0a',
    'ghcr.io/%2e%2e/x',
    'ghcr.io/../x',
    'ghcr.io/./x',
    'ghcr.io//x',
    'ghcr.io?a b',
    'gհcr.io',
    '::1',
    '[::1',
    '[fe80::1%eth0]',
    '<token>',
    '*',
  ])('%j', (text) => {
    expect(read(text)).toBe('none')
  })
})

test('whatever is read is read again as the same place', () => {
  const host = fc.constantFrom('docker.io', 'ghcr.io', 'h:5000', '[::1]:1', 'H', 'index.docker.io')
  const scheme = fc.constantFrom('', '//', 'https://', 'http://', 'HTTP://')
  const rest = fc.constantFrom('', '/', '/v1/', '/v2', '/v1/access-token', '/a/B', '/a?q=1', '?q')
  fc.assert(
    fc.property(scheme, host, rest, (...parts) => {
      const url = parseServerUrl(parts.join(''))
      if (url === undefined || url.entry === 'default') return
      expect(parseServerUrl(url.entry)).toEqual(url)
    }),
  )
})

test('no text makes it throw, and no text hides a host behind another', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const url = parseServerUrl(`ghcr.io${text}`)
      if (url?.host.name === 'ghcr.io') expect(text).toMatch(/^(:0*443)?([/?]|$)/)
    }),
  )
})
