import { onTestFinished } from 'vitest'
import { defaultConfig, type NetConfig } from '../../src/config/config.ts'
import { findPaths } from '../../src/config/paths.ts'
import { createDialer, type DialerOptions } from '../../src/net/dial.ts'
import { openDialer } from '../../src/net/way-out.ts'
import { findWebProxy } from '../../src/net/web-proxy.ts'
import { startWebProxy, type WebProxyOptions } from '../fakes/web-proxy.ts'
import type { Provocation, Provocations } from './stage.ts'

const uid = process.geteuid?.()

function proxyAt(url: string) {
  const settings = { proxy: 'environment', login: undefined, exceptions: [] } as const
  return findWebProxy(settings, { HTTPS_PROXY: url })
}

async function dial(url: string, options: Partial<DialerOptions> = {}) {
  const open = createDialer({ ca: [], connect: new Map(), proxy: proxyAt(url), ...options })
  const socket = await open(
    { protocol: 'https:', hostname: 'ghcr.io', port: 443 },
    { guard: 'public' },
  )
  socket.destroy()
}

const PUBLIC = ((...args: unknown[]) => {
  const callback = args.at(-1) as (error: null, found: object[]) => void
  callback(null, [{ address: '140.82.121.34', family: 4 }])
}) as never

const UNKNOWN = ((...args: unknown[]) => {
  const callback = args.at(-1) as (error: Error) => void
  callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }))
}) as never

/** What a proxy that does this is told as. */
const by =
  (options: WebProxyOptions, login = ''): Provocation =>
  async () => {
    const proxy = await startWebProxy(options)
    onTestFinished(() => proxy.close())
    await dial(`http://${login}127.0.0.1:${proxy.port}`, { resolve: PUBLIC })
  }

const configured =
  (net: Partial<NetConfig>): Provocation =>
  ({ root }) => {
    const config = defaultConfig(findPaths({ PURSER_HOME: root }, 0))
    openDialer({ ...config, net: { ...config.net, ...net } }, { env: {}, uid })
  }

/** What keeps a network from being left. */
export const WAY_OUT: Provocations = {
  'the proxy has no URL': () => proxyAt('socks5://S3CRET@proxy.corp.example'),
  'the login of a proxy is misspelt': () => proxyAt('http://ann:S3CRET%@proxy.corp.example'),
  'the login of a proxy is not there': configured({
    proxy: 'http://proxy.corp.example',
    proxyAuth: 'env:PROXY_LOGIN',
  }),
  'the proxy is not there': () => dial('http://127.0.0.1:9', { resolve: PUBLIC }),
  'the proxy hangs up': by({ answer: (socket) => void socket.destroy() }),
  'the proxy wants a login': by({ login: 'ann:S3CRET' }),
  'the proxy refuses a login': by({ login: 'ann:new' }, 'ann:S3CRET@'),
  'the proxy refuses a registry': by({}),
  'the proxy speaks in the registry’s name': by({
    answer: (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nS3CRET'),
  }),
  'only the proxy may know the name': () => dial('http://127.0.0.1:9', { resolve: UNKNOWN }),
}
