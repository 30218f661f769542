import { expect, test } from 'vitest'
import { describeWays } from '../../src/proxy/ways-in.ts'
import { upstreamAt } from './harness.ts'

const GHCR = upstreamAt('ghcr.io', { alias: 'gh' })
const CORP = upstreamAt('registry.corp.example:8443')
const SHARED = { address: { address: '127.0.0.1', port: 5000 }, upstream: undefined } as const

const HUB = upstreamAt('docker.io')

test('each upstream is told in the words of each client', () => {
  const own = { address: { address: '127.0.0.1', port: 5001 }, upstream: GHCR }
  const mirror = { address: { address: '127.0.0.1', port: 5002 }, upstream: HUB }
  expect(describeWays([GHCR, CORP, HUB], [SHARED, own, mirror])).toBe(
    `ghcr.io
  docker, buildah, skopeo, podman, crane    localhost:5000/ghcr.io/REPOSITORY or localhost:5000/gh/REPOSITORY
  containerd, in hosts.toml                 server = "http://127.0.0.1:5000"
                                            [host."http://127.0.0.1:5000/v2/ghcr.io"]
                                            override_path = true
  nydusd, in its backend                    "scheme": "http", "host": "localhost:5000", "repo": "ghcr.io/REPOSITORY"
  stargz, SOCI, and what takes only a host  localhost:5001
registry.corp.example:8443
  docker, buildah, skopeo, podman, crane    localhost:5000/registry.corp.example_8443/REPOSITORY
  containerd, in hosts.toml                 server = "http://127.0.0.1:5000"
                                            [host."http://127.0.0.1:5000/v2/registry.corp.example_8443"]
                                            override_path = true
  nydusd, in its backend                    "scheme": "http", "host": "localhost:5000", "repo": "registry.corp.example_8443/REPOSITORY"
docker.io
  docker, buildah, skopeo, podman, crane    localhost:5000/docker.io/REPOSITORY
  containerd, in hosts.toml                 server = "http://127.0.0.1:5000"
                                            [host."http://127.0.0.1:5000/v2/docker.io"]
                                            override_path = true
  nydusd, in its backend                    "scheme": "http", "host": "localhost:5000", "repo": "docker.io/REPOSITORY"
  stargz, SOCI, and what takes only a host  localhost:5002
  docker, in daemon.json                    "registry-mirrors": ["http://localhost:5002"]
any other registry with a credential
  docker, buildah, skopeo, podman, crane    localhost:5000/HOST/REPOSITORY
  containerd, in hosts.toml                 server = "http://127.0.0.1:5000"
                                            [host."http://127.0.0.1:5000/v2/HOST"]
                                            override_path = true
`,
  )
})

test('only what is listened on', () => {
  const socket = { address: { path: '/run/p.sock' }, upstream: undefined }
  expect(describeWays([GHCR], [socket])).toBe('ghcr.io\n')
  const tls = { address: { address: '::1', port: 5443, tls: true as const }, upstream: undefined }
  expect(describeWays([GHCR], [tls])).toContain('[host."https://[::1]:5443/v2/ghcr.io"]')
})
