import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { startFront } from '../fakes/front.ts'
import { runOk } from './child.ts'
import { expectPull } from './client.ts'
import { dockerOf } from './docker.ts'
import { startDockerd } from './dockerd.ts'
import { describeWith } from './programs.ts'
import { serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'

const HUB = {
  host: 'docker.io',
  apiHost: 'registry-1.docker.io',
  challenge: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
  namesScope: true,
  login: 'moby:dckr_pat_0123456789',
}

const NEEDS = ['docker', 'dockerd', 'skopeo', 'unshare', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

describeWith('docker with the proxy for a mirror', NEEDS, () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await openSandbox()
  })
  afterAll(() => sandbox.stack.disposeAsync())

  it('pulls from Docker Hub by its own name', async () => {
    const behind = await startRegistry(sandbox, 'none')
    const front = await startFront([HUB], behind.host)
    sandbox.stack.defer(() => front.close())
    const home = sandbox.env['PURSER_HOME'] ?? ''
    const { caFile } = testAuthority()
    const config = [
      ...['[[upstream]]', 'host = "docker.io"', 'listen = "127.0.0.1:0"'],
      ...['[tls]', `ca = ["${caFile}"]`, '[connect]'],
      ...front.names.map((name) => `"${name}:443" = "${front.address}:443"`),
    ]
    await mkdir(home, { recursive: true, mode: 0o700 })
    await writeFile(join(home, 'config.toml'), config.join('\n'))
    const [username = '', input = ''] = HUB.login.split(':')
    await runOk('purser', ['login', HUB.host, '--username', username, '--password-stdin'], {
      env: sandbox.env,
      input,
    })
    const serving = await serveConfig(sandbox, config, 1)
    const mirror = serving.hostOf({ ...behind, host: HUB.host })
    // Where docker knows no way to Docker Hub itself.
    const hosts = join(await sandbox.makeFolder('etc'), 'hosts')
    await writeFile(hosts, '127.0.0.1 localhost\n')
    const mirrors = { 'registry-mirrors': [`http://${mirror}`] }
    const docker = dockerOf({
      ...sandbox,
      env: await startDockerd({ ...sandbox, hosts }, mirrors),
    })
    await docker.configure({ credHelpers: { 'none.test': 'purser' } })
    await expectPull(sandbox, docker, {
      name: 'alpine:mirrored',
      upstream: behind,
      repository: 'library/alpine:mirrored',
    })
    expect(front.arrived(HUB.host)).toMatchObject({ strangers: [] })
    expect(front.arrived(HUB.host).logins).toBeGreaterThan(0)
  })
})
