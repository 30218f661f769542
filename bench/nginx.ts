import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { Shipped } from '../test/binary/shipped.ts'
import { run, startDaemon } from '../test/clients/child.ts'
import { testAuthority } from '../test/fakes/certificates.ts'

export const HOST = 'registry.example'
/** More names of the same: a registry has 128 connections, and no more. */
export const HOSTS = Array.from({ length: 10 }, (_, i) => `registry-${i}.example`)
export const USERNAME = 'captain'
export const PASSWORD = 'bench'
export const AUTHORIZATION = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`

const MIB = 1024 * 1024
export const BLOB_BYTES = 512 * MIB
export const HUGE_BYTES = 8 * 1024 * MIB

/** Digests that nobody checks: the proxy is no client. */
export const BLOB = `sha256:${'a'.repeat(64)}`
export const HUGE = `sha256:${'b'.repeat(64)}`

const authority = testAuthority()

export const CA_FILE = authority.caFile
export const CERTIFICATE = authority.certificateFor(HOST, ...HOSTS)

/** A registry's blobs behind Basic, served by one nginx, and another that adds the login. */
export interface Nginx {
  readonly plainPort: number
  readonly tlsPort: number
  /** The proxies' ports, before the plain and the TLS upstream. */
  readonly proxyPlainPort: number
  readonly proxyTlsPort: number
}

export async function startNginx(shipped: Shipped): Promise<Nginx> {
  const { folder } = shipped
  const [plainPort, tlsPort, proxyPlainPort, proxyTlsPort] = await freePorts()
  const blobs = join(folder, 'www/v2/app/blobs')
  await mkdir(blobs, { recursive: true })
  for (const [name, size] of [
    [BLOB, BLOB_BYTES],
    [HUGE, HUGE_BYTES],
  ] as const) {
    await writeFile(join(blobs, name), '')
    // Sparse: no disk is in what is measured.
    await truncate(join(blobs, name), size)
  }
  await start(shipped, 'upstream', [
    'access_log off;',
    `server { listen 127.0.0.1:${plainPort}; ${location(folder)} }`,
    `server { listen 127.0.0.1:${tlsPort} ssl; ssl_certificate ${CERTIFICATE.certFile};`,
    `  ssl_certificate_key ${CERTIFICATE.keyFile}; ${location(folder)} }`,
  ])
  await start(shipped, 'proxy', [
    // A line for each request, as `purser serve` writes.
    `access_log ${folder}/access.log;`,
    `upstream plain { server 127.0.0.1:${plainPort}; ${KEEP_ALIVE} }`,
    `upstream tls { server 127.0.0.1:${tlsPort}; ${KEEP_ALIVE} }`,
    `server { listen 127.0.0.1:${proxyPlainPort}; location / { proxy_pass http://plain; ${INJECT} } }`,
    `server { listen 127.0.0.1:${proxyTlsPort}; location / { proxy_pass https://tls; ${INJECT}`,
    `  proxy_ssl_verify on; proxy_ssl_trusted_certificate ${CA_FILE}; proxy_ssl_name ${HOST};`,
    '  proxy_ssl_server_name on; } }',
  ])
  return { plainPort, tlsPort, proxyPlainPort, proxyTlsPort }
}

/** Starts one that adds the login and follows redirects: all that can be had of it, and uncached. */
export async function startFollower(shipped: Shipped, registry: number): Promise<number> {
  const port = await freePort()
  await start(shipped, 'follower', [
    'access_log off;',
    `upstream registry { server 127.0.0.1:${registry}; ${KEEP_ALIVE} }`,
    `server { listen 127.0.0.1:${port};`,
    `location / { proxy_pass http://registry; ${INJECT}`,
    '  proxy_intercept_errors on; error_page 307 = @store; }',
    'location @store { set $store $upstream_http_location; proxy_pass $store;',
    '  proxy_http_version 1.1; } }',
  ])
  return port
}

/** Starts a proxy of `node:http` and undici that does nothing else. */
export async function startBare({ stack }: Shipped, { tlsPort }: Nginx): Promise<number> {
  const program = join(import.meta.dirname, 'bare.ts')
  const args = [String(tlsPort), HOST, CA_FILE, AUTHORIZATION]
  const { value } = await startDaemon(
    stack,
    [process.execPath, program, ...args],
    {},
    (output) => /port ([0-9]+)/.exec(output)?.[1],
  )
  return Number(value)
}

async function start(
  { folder, stack }: Shipped,
  name: string,
  servers: readonly string[],
): Promise<void> {
  const home = join(folder, name)
  await mkdir(home)
  const config = join(home, 'nginx.conf')
  await writeFile(config, [...header(home), ...servers, '}', ''].join('\n'))
  const ready = () => run('/bin/sh', ['-c', `test -s ${home}/pid`], { env: {} })
  await startDaemon(
    stack,
    ['nginx', '-p', home, '-c', config, '-e', 'stderr'],
    { PATH: '/usr/sbin:/usr/bin:/bin' },
    async () => ((await ready()).status === 0 ? true : undefined),
  )
}

const KEEP_ALIVE = 'keepalive 64; keepalive_requests 100000000;'

/** As fast as it goes: connections are kept, and nothing of a blob is written to disk. */
const INJECT = [
  'proxy_http_version 1.1;',
  'proxy_set_header Connection "";',
  `proxy_set_header Host ${HOST};`,
  `proxy_set_header Authorization "${AUTHORIZATION}";`,
  'proxy_max_temp_file_size 0;',
].join(' ')

function location(folder: string): string {
  return [
    `root ${folder}/www;`,
    'location / {',
    `if ($http_authorization != "${AUTHORIZATION}") {`,
    `add_header WWW-Authenticate 'Basic realm="bench"' always; return 401; }`,
    '}',
  ].join(' ')
}

function header(home: string): readonly string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    // A single process: it is killed as one, and one worker is what the peer may have.
    'daemon off; master_process off;',
    `pid ${home}/pid; error_log stderr crit;`,
    'events { worker_connections 4096; }',
    'http { sendfile on; keepalive_requests 100000000;',
    ...temporary.map((name) => `${name}_temp_path ${home}/${name};`),
  ]
}

async function freePorts(): Promise<readonly [number, number, number, number]> {
  return [await freePort(), await freePort(), await freePort(), await freePort()]
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
