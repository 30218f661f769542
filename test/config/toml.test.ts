import { describe, expect, it } from 'vitest'
import { AMBIENT_SOURCES } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/toml.ts'
import { PurserError } from '../../src/model/errors.ts'

const PATHS = {
  config: '/c/config.toml',
  key: '/c/key',
  vault: '/d/vault.db',
  logins: '/a/logins',
  socket: '/r/s',
  leases: '/d/leases',
  clients: '/r/clients',
}

function parse(text: string) {
  return parseConfig(text, '/c/config.toml', PATHS)
}

function refusal(text: string): PurserError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof PurserError) return error
    throw error
  }
  throw new Error('parsed what it should have refused')
}

describe('a configuration file', () => {
  it('is the defaults where it is empty', () => {
    expect(parse('')).toEqual({
      vault: {
        place: { engine: 'sqlite', path: '/d/vault.db' },
        key: 'file:/c/key',
        password: undefined,
      },
      proxy: {
        listen: [{ address: '127.0.0.1', port: 5000 }],
        certificate: undefined,
        clientAuth: 'open',
        clientSecret: undefined,
        hosts: [],
        drainMs: 10_000,
      },
      upstreams: [],
      buildRegistry: undefined,
      identities: [],
      ambient: { enabled: false, sources: AMBIENT_SOURCES, requests: false },
      health: { intervalMs: undefined, onChange: undefined },
      net: { proxy: 'environment', proxyAuth: undefined, noProxy: [] },
      connect: new Map(),
      tls: { ca: [] },
    })
  })

  it('says all there is to say', () => {
    const config = parse(`
      [vault]
      url = "sqlite:v.db"
      key = "env:PURSER_KEY"
      [proxy]
      listen = ["127.0.0.1:5000", "[::1]:5000", "tls://127.0.0.1:5443", "unix:/run/p.sock"]
      cert = "proxy.pem"
      key = "/etc/proxy.key"
      hosts = ["purser.corp"]
      drain_seconds = 90
      client_auth = "basic"
      client_secret = "file:password"
      [[upstream]]
      host = "GHCR.io"
      alias = "ghcr"
      listen = "localhost:5001"
      actions = ["pull"]
      repositories = ["acme/**"]
      tls = false
      realms = ["https://auth.example.com"]
      redirects = "follow"
      storage = ["https://minio.example.com"]
      on_fault = "anonymous"
      [build_registry]
      host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
      repository = "builds"
      [connect]
      "GHCR.io:443" = "127.0.0.1:7443"
      [tls]
      ca = ["/etc/ssl/corp.pem", "own.pem"]
    `)
    expect(config.vault).toEqual({
      place: { engine: 'sqlite', path: '/c/v.db' },
      key: 'env:PURSER_KEY',
      password: undefined,
    })
    expect(config.proxy).toEqual({
      listen: [
        { address: '127.0.0.1', port: 5000 },
        { address: '::1', port: 5000 },
        { address: '127.0.0.1', port: 5443, tls: true },
        { path: '/run/p.sock' },
      ],
      certificate: { cert: '/c/proxy.pem', key: '/etc/proxy.key' },
      hosts: ['purser.corp'],
      drainMs: 90_000,
      clientAuth: 'basic',
      clientSecret: 'file:/c/password',
    })
    expect(config.upstreams).toEqual([
      {
        host: { name: 'ghcr.io', hostname: 'ghcr.io', port: undefined },
        alias: 'ghcr',
        listen: { address: '127.0.0.1', port: 5001 },
        actions: ['pull'],
        repositories: ['acme/**'],
        tls: false,
        realms: ['https://auth.example.com'],
        redirects: 'follow',
        storage: ['https://minio.example.com'],
        onFault: 'anonymous',
      },
    ])
    expect(config.buildRegistry?.repository).toBe('builds')
    expect(config.connect).toEqual(new Map([['ghcr.io:443', '127.0.0.1:7443']]))
    expect(config.tls.ca).toEqual(['/etc/ssl/corp.pem', '/c/own.pem'])
  })

  it.each([
    ['client_auth = "lease"', { clientAuth: 'lease', clientSecret: undefined }],
    [
      'client_auth = "basic"\nclient_secret = "env:PASSWORD"',
      { clientAuth: 'basic', clientSecret: 'env:PASSWORD' },
    ],
  ])('lets clients in by %s', (line, expected) => {
    expect(parse(`[proxy]\n${line}`).proxy).toMatchObject(expected)
  })

  it.each([
    ['client_auth = "basic"', '/c/config.toml: proxy.client_secret is missing'],
    [
      'client_secret = "env:PASSWORD"',
      '/c/config.toml: proxy.client_secret needs client_auth = "basic"',
    ],
    [
      'client_auth = "basic"\nclient_secret = "hunter2"',
      '/c/config.toml: proxy.client_secret must be file:PATH or env:NAME',
    ],
    ['client_auth = "leases"', /proxy\.client_auth must be "open" or "lease" or "basic"/],
  ])('does not let clients in by %s', (line, message) => {
    const { code, message: told } = refusal(`[proxy]\n${line}`)
    expect([code, told]).toEqual(['config-invalid', expect.stringMatching(message)])
  })

  it.each([
    ['proxy = "none"', { proxy: 'none' }],
    ['proxy = "http://proxy.corp:3128"', { proxy: 'http://proxy.corp:3128' }],
    ['proxy_auth = "file:proxy-login"', { proxyAuth: 'file:/c/proxy-login' }],
    ['proxy_auth = "env:PROXY_LOGIN"', { proxyAuth: 'env:PROXY_LOGIN' }],
    ['no_proxy = [".corp", "10.0.0.0/8"]', { noProxy: ['.corp', '10.0.0.0/8'] }],
  ])('leaves this network by %s', (line, expected) => {
    expect(parse(`[net]\n${line}`).net).toMatchObject(expected)
  })

  it.each([
    [
      'proxy = "http://ann:hunter2@proxy.corp:3128"',
      '/c/config.toml: net.proxy must be environment, none, or http://host:port without a login',
    ],
    [
      'proxy = "socks5://proxy.corp"',
      '/c/config.toml: net.proxy must be environment, none, or http://host:port without a login',
    ],
    ['proxy_auth = "ann:hunter2"', '/c/config.toml: net.proxy_auth must be file:PATH or env:NAME'],
  ])('refuses %s, and tells no login', (line, message) => {
    const { code, message: told } = refusal(`[net]\n${line}`)
    expect([code, told]).toEqual(['config-invalid', message])
  })

  it.each([
    ['"/usr/bin/tell"', ['/usr/bin/tell']],
    ['["tell", "#registries"]', ['tell', '#registries']],
  ])('runs on_change = %s', (onChange, command) => {
    const config = parse(`[health]\ninterval_minutes = 1.5\non_change = ${onChange}`)
    expect(config.health).toEqual({ intervalMs: 90_000, onChange: command })
  })

  it.each([
    ['[health]\ninterval_minutes = 0', '/c/config.toml: health.interval_minutes must be 1 or more'],
    [
      '[health]\ninterval = 5',
      '/c/config.toml: health.interval is not a key that purser knows',
      'did you mean interval_minutes?',
    ],
    [
      '[health]\non_change = ""',
      '/c/config.toml: health.on_change must name a program, as in ["tell", "an argument"], not ""',
    ],
    [
      '[health]\non_change = []',
      '/c/config.toml: health.on_change must name a program, as in ["tell", "an argument"]',
    ],
    [
      '[health]\non_change = [""]',
      '/c/config.toml: health.on_change must name a program, as in ["tell", "an argument"]',
    ],
    [
      '[health]\non_change = [1]',
      '/c/config.toml: health.on_change must name a program, as in ["tell", "an argument"]',
    ],
    ['[proxy', '/c/config.toml is not TOML in line 1'],
    [
      '[proxy]\ndrain = 3',
      '/c/config.toml: proxy.drain is not a key that purser knows',
      'did you mean drain_seconds?',
    ],
    [
      '[[upstream]]\nhots = "a.io"',
      '/c/config.toml: upstream.0.hots is not a key that purser knows',
      'did you mean host?',
    ],
    ['[proxi]', '/c/config.toml: proxi is not a key that purser knows', 'did you mean proxy?'],
    [
      '[[upstream]]\nhost = "ghcr.io"\nalais = "x"',
      '/c/config.toml: upstream.0.alais is not a key that purser knows',
      'did you mean alias?',
    ],
    [
      '[tls]\nwhatever = 1',
      '/c/config.toml: tls.whatever is not a key that purser knows',
      'see docs/configuration.md for the keys',
    ],
    [
      '[[upstream]]\nhost = "https://ghcr.io"',
      '/c/config.toml: upstream.0.host must be a registry host such as ghcr.io or localhost:5000, not "https://ghcr.io"',
    ],
    ['[vault]\nurl = "x"', '/c/config.toml: vault.url must be sqlite:PATH or postgres://…'],
    ['vault = 1', '/c/config.toml: vault must be a table, as in [vault]'],
    [
      '[upstream]\nhost = "ghcr.io"',
      '/c/config.toml: upstream must be tables, each as [[upstream]]',
    ],
    ['[tls]\nca = "/x"', '/c/config.toml: tls.ca must be a list, as in ["…"], not "/x"'],
    [
      '[[upstream]]\nhost = "ghcr.io"\nalias = "A"',
      '/c/config.toml: upstream.0.alias must be lower-case letters, digits, . _ or -, not "A"',
    ],
    ['[[upstream]]\nalias = "x"', '/c/config.toml: upstream.0.host is missing'],
    [
      '[proxy]\nlisten = ["0.0.0.0:5000"]',
      '/c/config.toml: proxy.listen.0 must be a loopback address, not "0.0.0.0:5000"',
    ],
    [
      '[proxy]\nlisten = ["tls://10.0.0.1:443"]',
      '/c/config.toml: proxy.listen.0 must be a loopback address, not "tls://10.0.0.1:443"',
    ],
    [
      '[proxy]\nlisten = ["unix:p.sock"]',
      '/c/config.toml: proxy.listen.0 must be unix: and an absolute path, not "unix:p.sock"',
    ],
    ['[proxy]\ncert = "a.pem"', '/c/config.toml: proxy.key is missing'],
    [
      '[proxy]\nhosts = ["a:1"]',
      '/c/config.toml: proxy.hosts.0 must be a name, without port, not "a:1"',
    ],
    [
      '[proxy]\nlisten = ["127.0.0.1"]',
      '/c/config.toml: proxy.listen.0 must be address:port, as in 127.0.0.1:5000, not "127.0.0.1"',
    ],
    [
      '[proxy]\nlisten = ["127.0.0.1:70000"]',
      '/c/config.toml: proxy.listen.0 must be address:port, as in 127.0.0.1:5000, not "127.0.0.1:70000"',
    ],
    [
      '[vault]\nkey = "s3:x"',
      '/c/config.toml: vault.key must be file:, env:, systemd: or command:',
    ],
    [
      '[[upstream]]\nhost = "a.io"\n[[upstream]]\nhost = "a.io"',
      '/c/config.toml: two upstreams share a.io',
    ],
    [
      '[[upstream]]\nhost = "a.io"\nrealms = ["https://a.io/token"]',
      '/c/config.toml: upstream.0.realms.0 must be an origin such as https://auth.example.com, not "https://a.io/token"',
    ],
    ['[connect]\n"a.io" = "b:1"', '/c/config.toml: connect.a.io must be host:port, not "a.io"'],
  ])('refuses %j', (text, message, hint?: string) => {
    const error = refusal(text)
    expect(error.code).toBe('config-invalid')
    expect(error.message).toBe(message)
    expect(error.hint).toBe(hint)
  })
})
