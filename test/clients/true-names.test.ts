import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { type EcrApi, startEcr } from '../fakes/ecr.ts'
import { type Front, type KnownRegistry, startFront } from '../fakes/front.ts'
import { createBuildah } from './buildah.ts'
import { runOk } from './child.ts'
import { type Client, expectPull, expectPush } from './client.ts'
import { createDocker } from './docker.ts'
import { describeWith } from './programs.ts'
import { type Serving, serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { createSkopeo } from './skopeo.ts'

const SIGNER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI-secret' }

/** A registry, and the keys from which its login is made. */
interface Case extends Omit<KnownRegistry, 'login'> {
  readonly keys: Readonly<Record<string, string>>
  readonly login: (ecr: EcrApi) => string
  readonly repository: string
}

const ECR_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

const CASES: readonly Case[] = [
  {
    host: ECR_HOST,
    apiHost: ECR_HOST,
    challenge: `Basic realm="https://${ECR_HOST}/",service="ecr.amazonaws.com"`,
    namesScope: false,
    keys: {
      AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SIGNER.secretAccessKey,
      AWS_REGION: 'us-east-1',
    },
    login: ({ password }) => `AWS:${password}`,
    repository: 'acme/ecr',
  },
  {
    host: 'us-docker.pkg.dev',
    apiHost: 'us-docker.pkg.dev',
    challenge: 'Bearer realm="https://us-docker.pkg.dev/v2/token",service="us-docker.pkg.dev"',
    namesScope: true,
    keys: { GCP_ACCESS_TOKEN: 'ya29.gar-access-token' },
    login: () => 'oauth2accesstoken:ya29.gar-access-token',
    repository: 'project/images/gar',
  },
  {
    host: 'nvcr.io',
    apiHost: 'nvcr.io',
    challenge: 'Bearer realm="https://nvcr.io/proxy_auth"',
    namesScope: false,
    keys: { NGC_API_KEY: 'nvapi-0123456789' },
    login: () => '$oauthtoken:nvapi-0123456789',
    repository: 'nvidia/cuda',
  },
  {
    host: 'ghcr.io',
    apiHost: 'ghcr.io',
    challenge: 'Bearer realm="https://ghcr.io/token",service="ghcr.io"',
    namesScope: true,
    keys: { GITHUB_USERNAME: 'octocat', GITHUB_TOKEN: 'ghp_0123456789' },
    login: () => 'octocat:ghp_0123456789',
    repository: 'octocat/app',
  },
  {
    host: 'docker.io',
    apiHost: 'registry-1.docker.io',
    challenge: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    namesScope: true,
    keys: { DOCKERHUB_USERNAME: 'moby', DOCKERHUB_TOKEN: 'dckr_pat_0123456789' },
    login: () => 'moby:dckr_pat_0123456789',
    repository: 'library/alpine',
  },
]

/** By these, clients ask a helper for a login of the registry. */
const HELPER_KEYS = [...CASES.map(({ host }) => host), 'https://index.docker.io/v1/']

const CLIENTS: Readonly<Record<string, (sandbox: Sandbox) => Promise<Client>>> = {
  docker: createDocker,
  skopeo: createSkopeo,
  buildah: createBuildah,
}

const NEEDS = [...Object.keys(CLIENTS), 'dockerd', 'unshare', 'root', 'setpriv']

describeWith('registries by their true names', [...NEEDS, ...REGISTRY_PROGRAMS], () => {
  let sandbox: Sandbox
  let behind: Upstream
  let ecr: EcrApi
  let front: Front
  let config: readonly string[]

  beforeAll(async () => {
    const plain = await openSandbox()
    behind = await startRegistry(plain, 'none')
    ecr = await startEcr({
      hosts: ['api.ecr.us-east-1.amazonaws.com'],
      signer: SIGNER,
      expiresAt: new Date(Date.now() + 12 * 60 * 60_000),
    })
    plain.stack.defer(() => ecr.close())
    const known = CASES.map((each) => ({ ...each, login: each.login(ecr) }))
    front = await startFront(known, behind.host)
    plain.stack.defer(() => front.close())

    // Clients find the true names here, and purser by its [connect]: no name is ever looked up.
    const hosts = join(await plain.makeFolder('etc'), 'hosts')
    await writeFile(hosts, `127.0.0.1 localhost\n${front.address} ${front.names.join(' ')}\n`)
    const { caFile } = testAuthority()
    sandbox = { ...plain, hosts, env: { ...plain.env, SSL_CERT_FILE: caFile } }
    const connect = new Map([
      ...front.names.map((name) => [`${name}:443`, `${front.address}:443`] as const),
      ...ecr.connect,
    ])
    config = [
      '[tls]',
      `ca = ${JSON.stringify([caFile])}`,
      '[connect]',
      ...[...connect].map(([from, to]) => `${JSON.stringify(from)} = ${JSON.stringify(to)}`),
    ]
    const home = plain.env['PURSER_HOME'] ?? ''
    await mkdir(home, { recursive: true, mode: 0o700 })
    await writeFile(join(home, 'config.toml'), config.join('\n'))
    for (const { host, keys } of CASES) {
      await runOk('purser', ['login', host, '--from-env', Object.keys(keys).join(',')], {
        env: { ...plain.env, ...keys },
      })
    }
  })
  afterAll(() => sandbox.stack.disposeAsync())

  describe.each(Object.entries(CLIENTS))('%s', (_, create) => {
    let client: Client
    beforeAll(async () => {
      client = await create(sandbox)
    })

    /** Pulls and pushes as this name, and looks who came for it. */
    async function expectPassage({ host, repository }: Case, name: string, tls: boolean) {
      const before = front.arrived(host).logins
      // A client that compares finds each image under a tag that it has not seen.
      const passage = (verb: string) => {
        const tag = `${client.name}-${tls ? 'helper' : 'proxy'}-${verb}`
        return {
          name: `${name}:${tag}`,
          upstream: behind,
          repository: `${repository}:${tag}`,
          way: { tls },
        }
      }
      await expectPull(sandbox, client, passage('pulled'))
      await expectPush(sandbox, client, passage('pushed'))
      const { logins, strangers } = front.arrived(host)
      expect(logins).toBeGreaterThan(before)
      expect(strangers).toEqual([])
    }

    describe('by the helper', () => {
      beforeAll(() =>
        client.configure({
          credHelpers: Object.fromEntries(HELPER_KEYS.map((key) => [key, 'purser'])),
        }),
      )

      it.each(CASES)('pulls from and pushes to $host', (registry) =>
        expectPassage(registry, `${registry.host}/${registry.repository}`, true),
      )
    })

    describe('by the proxy', () => {
      let serving: Serving
      let stack: AsyncDisposableStack
      beforeAll(async () => {
        await client.configure({ credHelpers: { 'none.test': 'purser' } })
        stack = new AsyncDisposableStack()
        serving = await serveConfig({ ...sandbox, stack }, config)
      })
      afterAll(() => stack.disposeAsync())

      it.each(CASES)('pulls from and pushes to $host', async (registry) => {
        // Where each client would leave it out too.
        const repository = registry.repository.replace(/^library\//, '')
        const name = `${serving.host}/${registry.host}/${repository}`
        const minted = ecr.calls.length
        await expectPassage(registry, name, false)
        expect(ecr.calls.length - minted).toBeLessThanOrEqual(registry.host === ECR_HOST ? 1 : 0)
      })
    })
  })
})
