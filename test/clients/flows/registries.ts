import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testAuthority } from '../../fakes/certificates.ts'
import { type EcrApi, startEcr } from '../../fakes/ecr.ts'
import { type Front, startFront } from '../../fakes/front.ts'
import type { Image } from '../image.ts'
import { startRegistry, type Upstream } from '../registry.ts'
import type { Sandbox } from '../sandbox.ts'
import { seed } from '../straight.ts'

/** The keys of the one account at Amazon. */
const AWS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI-canary',
  AWS_REGION: 'us-east-1',
}

/** A registry as a platform's users know it. */
export interface UserRegistry {
  readonly host: string
  /** What is listed for the platform to take from the environment. */
  readonly variables: Readonly<Record<string, string>>
}

export const ECR: UserRegistry = {
  host: '111111111111.dkr.ecr.us-east-1.amazonaws.com',
  variables: AWS,
}
export const GHCR: UserRegistry = {
  host: 'ghcr.io',
  variables: { GITHUB_USERNAME: 'octocat', GITHUB_TOKEN: 'ghp_canary' },
}

/** Every registry that a platform's users have images in. */
export const USER_REGISTRIES: readonly UserRegistry[] = [
  ECR,
  { host: 'us-docker.pkg.dev', variables: { GCP_ACCESS_TOKEN: 'ya29.canary' } },
  { host: 'nvcr.io', variables: { NGC_API_KEY: 'nvapi-canary' } },
  GHCR,
  {
    host: 'docker.io',
    variables: { DOCKERHUB_USERNAME: 'moby', DOCKERHUB_PASSWORD: 'hub-canary' },
  },
]

/** Where the platform pushes what it builds. */
export const BUILD_HOST = '999999999999.dkr.ecr.us-east-1.amazonaws.com'

/** The registries by their true names, each behind its own login, before one of Debian's. */
export interface Registries {
  readonly ecr: EcrApi
  readonly front: Front
  /** A file with the registries' addresses, for `/etc/hosts`. */
  readonly hosts: string
  /** The tables by which purser finds them. */
  readonly config: readonly string[]
  /** Puts a new image into a repository of a registry. */
  fill(sandbox: Sandbox, repository: string): Promise<Image>
}

export async function startRegistries(sandbox: Sandbox): Promise<Registries> {
  const { stack } = sandbox
  const behind: Upstream = await startRegistry(sandbox, 'none')
  const ecr = await startEcr({
    hosts: ['api.ecr.us-east-1.amazonaws.com'],
    signer: { accessKeyId: AWS.AWS_ACCESS_KEY_ID, secretAccessKey: AWS.AWS_SECRET_ACCESS_KEY },
    expiresAt: new Date(Date.now() + 12 * 60 * 60_000),
  })
  stack.defer(() => ecr.close())
  const amazon = `AWS:${ecr.password}`
  const front = await startFront(
    [
      amazonsOf(ECR.host, amazon),
      amazonsOf(BUILD_HOST, amazon),
      bearerOf('us-docker.pkg.dev', 'us-docker.pkg.dev', 'oauth2accesstoken:ya29.canary'),
      bearerOf('nvcr.io', 'nvcr.io', '$oauthtoken:nvapi-canary'),
      bearerOf('ghcr.io', 'ghcr.io', 'octocat:ghp_canary'),
      {
        ...bearerOf('docker.io', 'auth.docker.io', 'moby:hub-canary'),
        apiHost: 'registry-1.docker.io',
      },
    ],
    behind.host,
  )
  stack.defer(() => front.close())
  const hosts = join(await sandbox.makeFolder('etc'), 'hosts')
  await writeFile(hosts, `127.0.0.1 localhost\n${front.address} ${front.names.join(' ')}\n`)
  const connect = [
    ...front.names.map((name) => [`${name}:443`, `${front.address}:443`] as const),
    ...ecr.connect,
  ]
  return {
    ecr,
    front,
    hosts,
    config: [
      '[tls]',
      `ca = ${JSON.stringify([testAuthority().caFile])}`,
      '[connect]',
      ...connect.map(([from, to]) => `${JSON.stringify(from)} = ${JSON.stringify(to)}`),
      '',
    ],
    async fill(plain, repository) {
      const image = await plain.makeImage('unnamed')
      await seed(plain, behind, repository, image.archive)
      return image
    },
  }
}

function amazonsOf(host: string, login: string) {
  const challenge = `Basic realm="https://${host}/",service="ecr.amazonaws.com"`
  return { host, apiHost: host, challenge, namesScope: false, login }
}

function bearerOf(host: string, service: string, login: string) {
  const challenge = `Bearer realm="https://${service}/token",service="${host}"`
  return { host, apiHost: host, challenge, namesScope: true, login }
}
