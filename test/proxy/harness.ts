import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { Agent } from 'undici'
import { onTestFinished } from 'vitest'
import type { ListenAddress, UpstreamConfig } from '../../src/config/config.ts'
import { parseHost } from '../../src/model/host.ts'
import { type Login, staticLogin } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import type { LogFields } from '../../src/observe/log.ts'
import { createRateLimits } from '../../src/observe/rate-limits.ts'
import {
  createProxy,
  type ProxyOptions,
  type Proxy as RegistryProxy,
} from '../../src/proxy/server.ts'
import { createTraffic } from '../../src/proxy/traffic.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import type { Tokens } from '../../src/token/tokens.ts'
import { type FakeRegistry, type FakeRegistryOptions, startRegistry } from '../fakes/registry.ts'

export const LOGIN = staticLogin('ann', 'correct-horse')
export const BASIC = { kind: 'basic', username: 'ann', password: 'correct-horse' } as const
export const BEARER = { ...BASIC, kind: 'bearer' } as const

/** An upstream at `host`, plain http, with everything allowed. */
export function upstreamAt(host: string, more: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return {
    host: parseHost(host),
    alias: undefined,
    listen: undefined,
    actions: ['pull', 'push', 'delete'],
    repositories: [],
    tls: false,
    realms: [],
    redirects: 'pass',
    storage: [],
    onFault: 'fail',
    registry: undefined,
    ...more,
  }
}

export async function fakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const registry = await startRegistry(options)
  onTestFinished(() => registry.close())
  return registry
}

export interface Running {
  readonly proxy: RegistryProxy
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  readonly resolved: readonly Target[]
  /** Without what is for an audit. */
  readonly logged: readonly (LogFields & { readonly event: string })[]
  readonly audited: readonly LogFields[]
}

export interface RunOptions extends Partial<ProxyOptions> {
  readonly login?: () => Login | undefined
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: ListenAddress
  /** The upstream that the port is for. */
  readonly own?: UpstreamConfig
}

/** A proxy on a port of its own, stopped with the test. */
export async function runProxy(
  configured: readonly UpstreamConfig[],
  options: RunOptions = {},
): Promise<Running> {
  const resolved: Target[] = []
  const logged: (LogFields & { readonly event: string })[] = []
  const audited: LogFields[] = []
  const keep = (event: string, fields: LogFields = {}) => {
    if (event === 'audit') audited.push(fields)
    else logged.push({ event, ...fields })
  }
  const dispatcher = new Agent()
  const proxy = createProxy({
    upstreams: createUpstreamTable(configured),
    resolver: {
      async resolve(target) {
        resolved.push(target)
        const login = options.login?.()
        if (login === undefined) return undefined
        return { login, source: 'vault', from: `entry ${target.host.name}`, registry: 'generic' }
      },
    },
    tokens: basicTokens(),
    net: netOf(dispatcher),
    rateLimits: createRateLimits({ now: Date.now }),
    traffic: createTraffic(),
    workspace: 'default',
    log: { error: keep, warn: keep, info: keep, debug: keep },
    now: Date.now,
    ...options,
  })
  const bound = await proxy.listen(options.listen ?? { address: '127.0.0.1', port: 0 }, options.own)
  const port = 'path' in bound ? 0 : bound.port
  onTestFinished(async () => {
    await proxy.close(0)
    await dispatcher.destroy()
  })
  return { proxy, url: `http://127.0.0.1:${port}`, port, resolved, logged, audited }
}

/** The way out of these tests, where everything is on this machine, and in plain http. */
export function netOf(dispatcher: Agent): ProxyOptions['net'] {
  return {
    upstream: dispatcher,
    realm: () => dispatcher,
    async open({ hostname, port }) {
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      return socket
    },
  }
}

/** The registries of these tests take the login itself. */
function basicTokens(): Tokens {
  return {
    async authorizationFor({ login }) {
      if (login === undefined) return undefined
      const pair = `${login.username}:${login.secret.reveal()}`
      return new Secret(`Basic ${Buffer.from(pair).toString('base64')}`)
    },
    refused() {},
  }
}

/** Tokens of a registry with `/token`, one per question until it is refused. */
export function bearerTokens(): Tokens {
  const kept = new Map<string, Secret>()
  return {
    async authorizationFor({ upstream, login, scopes }) {
      const key = scopes.join(' ')
      const known = kept.get(key)
      if (known !== undefined || login === undefined) return known
      const url = new URL(`http://${upstream.host.name}/token`)
      for (const scope of scopes) url.searchParams.append('scope', scope)
      const pair = Buffer.from(`${login.username}:${login.secret.reveal()}`).toString('base64')
      const { body } = await ask(url.href, { headers: { Authorization: `Basic ${pair}` } })
      const made = new Secret(`Bearer ${JSON.parse(body.toString()).token}`)
      kept.set(key, made)
      return made
    },
    refused({ scopes, header }) {
      const key = scopes.join(' ')
      if (kept.get(key) === header) kept.delete(key)
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string | Readable
}

/** A client that does as it is told, and neither redirects nor decompresses. */
export function ask(url: string, { method = 'GET', headers = {}, body }: AskOptions = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const req = request(url, { method, headers: { ...headers }, agent: false }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) })
      })
    })
    req.on('error', reject)
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) req.end(body)
    else body.pipe(req)
  })
}

/** The code and message of an answer in the registries' form of errors. */
export function errorOf({ body }: Answer): { readonly code: string; readonly message: string } {
  return JSON.parse(body.toString()).errors[0]
}

/** Writes bytes to a port and reads until the other side closes. */
export function talk(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}
