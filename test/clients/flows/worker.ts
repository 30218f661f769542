import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { array, object, parse, string } from 'valibot'
import { testAuthority } from '../../fakes/certificates.ts'
import { type Environment, run, runOk, startDaemon } from '../child.ts'
import { digestOf } from '../image.ts'
import type { Sandbox } from '../sandbox.ts'
import { BUILD_REGISTRY, loginFor } from './platform.ts'
import type { Registries } from './registries.ts'

/** How a worker's programs get the login of a registry. */
export const WAYS = ['--creds', 'the helper', '--no-creds, by the proxy'] as const
type Way = (typeof WAYS)[number]

/** A node on which one container runs, or is built: it has the request, and no credential else. */
export interface Worker {
  /** All that its proxy has logged. */
  log(): string
  /** `skopeo inspect`: the digests of its layers. */
  inspect(reference: string, way: Way): Promise<readonly string[]>
  /** `skopeo copy` into a layout: the layers that came, each by the digest of its bytes. */
  copy(reference: string, way: Way): Promise<readonly string[]>
  /** `buildah pull`: the layers' digests before compression. */
  pull(reference: string, way: Way): Promise<readonly string[]>
  /** `buildah bud` of an image that starts from another. */
  build(from: string, reference: string, way: Way): Promise<void>
  /** Pushes what was built, as platforms did first. */
  push(reference: string, way: Way): Promise<void>
  /** Exports what was built into a layout, and publishes that, as platforms do now. */
  publish(reference: string, way: Way): Promise<void>
}

const Layers = object({ Layers: array(string()) })
const Index = object({ manifests: array(object({ digest: string() })) })
const Manifest = object({ layers: array(object({ digest: string() })) })
const Inspected = object({ OCIv1: object({ rootfs: object({ diff_ids: array(string()) }) }) })

/** Starts a node's part for one container: its request, its helper, and a proxy of its own. */
export async function startWorker(
  sandbox: Sandbox,
  { config, hosts }: Registries,
  requestText: string,
  served: readonly string[],
): Promise<Worker> {
  const folder = await sandbox.makeFolder('worker')
  const request = join(folder, 'request.json')
  await writeFile(request, requestText)
  await mkdir(join(folder, 'purser'), { mode: 0o700 })
  const configFile = join(folder, 'purser/config.toml')
  const listen = ['[proxy]', 'listen = ["127.0.0.1:0"]']
  await writeFile(configFile, [...listen, ...BUILD_REGISTRY, ...config].join('\n'))
  const { PATH = '' } = sandbox.env
  const purserEnv = { PATH, PURSER_HOME: join(folder, 'purser') }
  const { value: port, output } = await startDaemon(
    sandbox.stack,
    ['purser', 'serve', '--request', request],
    { ...purserEnv, PURSER_LOG: 'debug' },
    (said) => /"address":"127\.0\.0\.1:([0-9]+)"/.exec(said)?.[1],
  )
  // As a worker's image has it: no variable names a file of credentials.
  const {
    DOCKER_CONFIG: _,
    REGISTRY_AUTH_FILE: __,
    CONTAINERS_REGISTRIES_CONF: ___,
    ...rest
  } = sandbox.env
  const plain = {
    ...rest,
    ...purserEnv,
    SSL_CERT_FILE: testAuthority().caFile,
    BUILDAH_LAYERS: 'true',
  }
  const helped = {
    ...plain,
    HOME: await makeHome(join(folder, 'helped'), served, undefined),
    PURSER_REQUEST: request,
  }
  const bare = { ...plain, HOME: await makeHome(join(folder, 'bare'), [], undefined) }
  const proxied = { ...plain, HOME: await makeHome(join(folder, 'proxied'), served, port) }
  const store = dirname(sandbox.env['CONTAINERS_STORAGE_CONF'] ?? '')
  const global = [
    ...['--root', join(store, 'store'), '--runroot', join(store, 'run/store')],
    '--storage-driver=vfs',
  ]

  /** What a program is started with on its way. */
  async function flags(reference: string, way: Way, prefix = '') {
    const named = (name: string) => `--${prefix}${name}`
    if (way === 'the helper') return { env: helped, args: [] }
    if (way === '--creds') {
      const login = await loginFor(reference.split('/')[0] ?? '', helped)
      return { env: bare, args: [named('creds'), login] }
    }
    // To the proxy, over plain http.
    return { env: proxied, args: [`--${prefix}tls-verify=false`, named('no-creds')] }
  }
  /** buildah has no `--no-creds`: what it has no login for, it asks as anybody. */
  const buildah = async (
    args: readonly string[],
    name: string,
    way: Way,
    rest: readonly string[],
  ) => {
    const { env, args: more } = await flags(name, way)
    const known = more.filter((flag) => flag !== '--no-creds')
    return runOk('buildah', [...global, ...args, ...known, ...rest], { env, hosts })
  }
  const skopeo = (env: Environment, args: readonly string[]) =>
    runOk('skopeo', args, { env, hosts })

  return {
    log: output,
    async inspect(reference, way) {
      const { env, args } = await flags(reference, way)
      // It lists the tags of a repository past every table of registries.conf.
      const name = way === '--no-creds, by the proxy' ? `127.0.0.1:${port}/${reference}` : reference
      const told = await skopeo(env, ['inspect', `docker://${name}`, ...args])
      return parse(Layers, JSON.parse(told)).Layers
    },
    async copy(reference, way) {
      const { env, args } = await flags(reference, way, 'src-')
      const layout = join(await sandbox.makeFolder('layout'), 'image')
      await skopeo(env, ['copy', `docker://${reference}`, `oci:${layout}:latest`, ...args])
      return layersIn(layout)
    },
    async pull(reference, way) {
      await buildah(['pull', '--quiet'], reference, way, [`docker://${reference}`])
      const told = await runOk('buildah', [...global, 'inspect', '--type', 'image', reference], {
        env: bare,
      })
      await runOk('buildah', [...global, 'rmi', '--all', '--force'], { env: bare })
      return parse(Inspected, JSON.parse(told)).OCIv1.rootfs.diff_ids
    },
    async build(from, reference, way) {
      const context = await sandbox.makeFolder('context')
      await writeFile(join(context, 'file'), `${reference}\n`)
      await writeFile(join(context, 'Dockerfile'), `FROM ${from}\nCOPY file /app/file\n`)
      await buildah(['bud', '--layers', '--format', 'docker', '--jobs', '8'], from, way, [
        '-f',
        join(context, 'Dockerfile'),
        '-t',
        reference,
        context,
      ])
    },
    async push(reference, way) {
      const compression = ['--compression-format', 'gzip', '--compression-level', '1']
      const retries = ['--retry', '3', '--retry-delay', '2s']
      await buildah(['push', ...compression, ...retries], reference, way, [
        reference,
        `docker://${reference}`,
      ])
    },
    async publish(reference, way) {
      const layout = join(await sandbox.makeFolder('export'), 'image')
      const compression = ['--compression-format', 'gzip', '--compression-level', '1']
      const args = ['push', ...compression, reference, `oci:${layout}:latest`]
      await runOk('buildah', [...global, ...args], { env: bare })
      const { env, args: more } = await flags(reference, way, 'dest-')
      const options = await known('skopeo', env, [
        ...['--image-parallel-copies=8', '--preserve-digests', '--retry-times=5'],
        '--retry-delay=1s',
      ])
      const images = [`oci:${layout}:latest`, `docker://${reference}`]
      await skopeo(env, ['copy', ...options, ...more, ...images])
    },
  }
}

/** The options that this version of a program has. */
async function known(program: string, env: Environment, options: readonly string[]) {
  const { stdout } = await run(program, ['copy', '--help'], { env })
  return options.filter((option) => stdout.includes(option.replace(/=.*$/, '')))
}

/** The layers of the one image in a layout, each by the digest of its bytes. */
async function layersIn(layout: string): Promise<readonly string[]> {
  const blob = (digest: string) => readFile(join(layout, 'blobs', digest.replace(':', '/')))
  const index = parse(Index, JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')))
  const [first] = index.manifests
  const { layers } = parse(Manifest, JSON.parse((await blob(first?.digest ?? '')).toString()))
  return Promise.all(layers.map(async ({ digest }) => digestOf(await blob(digest))))
}

/**
 * A home whose programs ask the helper for these registries, or reach them by the proxy.
 *
 * @param port - the proxy's; without one, they ask the helper
 */
async function makeHome(
  home: string,
  served: readonly string[],
  port: string | undefined,
): Promise<string> {
  const containers = join(home, '.config/containers')
  await mkdir(join(containers, 'registries.conf.d'), { recursive: true })
  await mkdir(join(home, '.docker'), { recursive: true })
  const policy = '{"default":[{"type":"insecureAcceptAnything"}]}'
  await writeFile(join(containers, 'policy.json'), policy)
  const search = 'unqualified-search-registries = ["docker.io"]\n'
  await writeFile(join(containers, 'registries.conf'), search)
  const helpers =
    port === undefined ? Object.fromEntries(served.map((each) => [each, 'purser'])) : {}
  await writeFile(join(home, '.docker/config.json'), JSON.stringify({ credHelpers: helpers }))
  if (port === undefined) return home
  const tables = served.map(
    (host) =>
      `[[registry]]\nprefix = "${host}"\nlocation = "127.0.0.1:${port}/${host}"\ninsecure = true\n`,
  )
  await writeFile(join(containers, 'registries.conf.d/purser.conf'), tables.join('\n'))
  return home
}
