import { describe, expect, it } from 'vitest'
import { apiHost, isDockerHub, parseHost, quote, tryParseHost } from '../../src/model/host.ts'

describe('a host', () => {
  it.each([
    ['ghcr.io', 'ghcr.io', 'ghcr.io', undefined],
    ['GHCR.io', 'ghcr.io', 'ghcr.io', undefined],
    ['ghcr.io:443', 'ghcr.io', 'ghcr.io', undefined],
    ['ghcr.io:80', 'ghcr.io:80', 'ghcr.io', 80],
    ['localhost:5000', 'localhost:5000', 'localhost', 5000],
    ['127.0.0.1:5000', '127.0.0.1:5000', '127.0.0.1', 5000],
    ['[::1]:5000', '[::1]:5000', '::1', 5000],
    ['[0:0:0:0:0:0:0:1]', '[::1]', '::1', undefined],
    ['[2001:DB8::1]:443', '[2001:db8::1]', '2001:db8::1', undefined],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
    ['docker.io', 'docker.io', 'docker.io', undefined],
    ['index.docker.io', 'docker.io', 'docker.io', undefined],
    ['registry-1.docker.io:443', 'docker.io', 'docker.io', undefined],
    ['docker.io:5000', 'docker.io:5000', 'docker.io', 5000],
    ['mirror.docker.io', 'mirror.docker.io', 'mirror.docker.io', undefined],
  ])('%s is %s', (text, name, hostname, port) => {
    expect(parseHost(text)).toEqual({ name, hostname, port })
  })

  it.each([
    '',
    '.',
    'ghcr.io.',
    '.ghcr.io',
    'ghcr..io',
    '-ghcr.io',
    'ghcr-.io',
    'ghcr_io',
    'ghcr.io/',
    'ghcr.io/acme',
    'https://ghcr.io',
    '//ghcr.io',
    'user@ghcr.io',
    'ghcr.io@evil.example',
    'user:pass@ghcr.io',
    'ghcr.io#.evil.example',
    'ghcr.io?x',
    'ghcr.io\\.evil.example',
    'ghcr.io%2eevil.example',
    'ghcr.io evil.example',
    ' ghcr.io',
    'ghcr.io\n',
    'ghcr.io\0',
    'ghcr.io\u3002evil.example',
    'ghc\u0433.io',
    'bücher.example',
    'ghcr.io:',
    'ghcr.io:0',
    'ghcr.io:00443',
    'ghcr.io:65536',
    'ghcr.io:4a',
    'ghcr.io:443:443',
    'ghcr.io:+443',
    ':5000',
    '::1',
    '[::1',
    '[]',
    '[::1]x',
    '[::1]5000',
    '[fe80::1%eth0]',
    '[127.0.0.1]',
    '[g::1]',
    `${'a'.repeat(64)}.io`,
    `${'a.'.repeat(127)}example`,
  ])('%j is none', (text) => {
    expect(tryParseHost(text)).toBeUndefined()
    expect(() => parseHost(text)).toThrow(
      expect.objectContaining({ code: 'host-invalid', hint: expect.stringContaining('host:port') }),
    )
  })

  it("has an address of its own if it is Docker Hub's", () => {
    expect(apiHost(parseHost('docker.io'))).toBe('registry-1.docker.io')
    expect(apiHost(parseHost('ghcr.io'))).toBe('ghcr.io')
    expect(isDockerHub(parseHost('index.docker.io'))).toBe(true)
    expect(isDockerHub(parseHost('docker.io:5000'))).toBe(false)
  })
})

describe('text from outside', () => {
  it.each([
    ['a\nb', '"a\\nb"'],
    ['\u001b[2J', '"\\u001b[2J"'],
    ['a\u202eb\u007f', '"a?b?"'],
    ['x'.repeat(100), `"${'x'.repeat(80)}…"`],
    ['https://u:hunter2@ghcr.io', '"https://…@ghcr.io"'],
    ['u:hunter2@ghcr.io/acme', '"…@ghcr.io/acme"'],
    ['u@ghcr.io', '"u@ghcr.io"'],
    ['ghcr.io/a@sha256:0123', '"ghcr.io/a@sha256:0123"'],
    ['https://TOKEN@host/x', '"https://…@host/x"'],
    ['https://user:pass/word@host', '"https://…@host"'],
    ['//user:pass/word@host', '"//…@host"'],
    ['user:p@ssword@host', '"…@host"'],
    ['ghcr.io:5000/a@sha256:abc', '"ghcr.io:5000/a@sha256:abc"'],
    ['alpine:3@sha256:abc', '"alpine:3@sha256:abc"'],
    ['https://host/accounts/a@b:get', '"https://host/accounts/a@b:get"'],
  ])('%j is shown as %s', (text, shown) => {
    expect(quote(text)).toBe(shown)
  })
})
