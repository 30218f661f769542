import { expect, test } from 'vitest'
import { describeWays } from '../../src/proxy/ways-in.ts'
import { upstreamAt } from './harness.ts'

const GHCR = upstreamAt('ghcr.io', { alias: 'gh' })
const CORP = upstreamAt('registry.corp.example:8443')
const SHARED = { address: { address: '127.0.0.1', port: 5000 }, upstream: undefined } as const

test('each upstream is told in the words of each client', () => {
  const own = { address: { address: '127.0.0.1', port: 5001 }, upstream: GHCR }
  expect(describeWays([GHCR, CORP], [SHARED, own])).toBe(
    `ghcr.io
  docker, buildah, skopeo, podman, crane  localhost:5000/ghcr.io/REPOSITORY or localhost:5000/gh/REPOSITORY
  containerd, in hosts.toml               server = "http://127.0.0.1:5000"
  stargz, SOCI, nydus                     localhost:5001
registry.corp.example:8443
  docker, buildah, skopeo, podman, crane  localhost:5000/registry.corp.example_8443/REPOSITORY
  containerd, in hosts.toml               server = "http://127.0.0.1:5000"
any other registry with a credential
  docker, buildah, skopeo, podman, crane  localhost:5000/HOST/REPOSITORY
`,
  )
})

test('only what is listened on', () => {
  const socket = { address: { path: '/run/p.sock' }, upstream: undefined }
  expect(describeWays([GHCR], [socket])).toBe('ghcr.io\n')
  const tls = { address: { address: '::1', port: 5443, tls: true as const }, upstream: undefined }
  expect(describeWays([GHCR], [tls])).toContain('server = "https://[::1]:5443"')
})
