import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Shipped } from '../test/binary/shipped.ts'
import { type Environment, run } from '../test/clients/child.ts'
import type { Starter } from './starter.ts'

const PATH = '/usr/local/bin:/usr/bin:/bin'
const LOGIN = '{"ServerURL":"ghcr.io","Username":"captain","Secret":"bench"}'
const ECR_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
/** The example key of AWS's own documentation: nobody's. */
const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'

/** Other credential helpers that are installed here, each with a login that it answers with. */
export async function findHelpers(shipped: Shipped): Promise<readonly Starter[]> {
  const candidates = [
    await prepareEcr(shipped),
    await preparePass(shipped),
    await prepareSecretService(shipped),
  ]
  const found: Starter[] = []
  for (const candidate of candidates) {
    const { name, command, input, env } = candidate
    const [program, ...args] = command
    const answer = await run(program, args, { env, input }).catch(() => undefined)
    if (answer?.status === 0 && answer.stdout.includes('"Secret":"bench"')) found.push(candidate)
    else console.error(`not here: ${name}`)
  }
  return found
}

/** @see https://github.com/awslabs/amazon-ecr-credential-helper/tree/main/ecr-login/cache */
async function prepareEcr({ folder }: Shipped): Promise<Starter> {
  const home = join(folder, 'ecr')
  await mkdir(join(home, '.ecr'), { recursive: true, mode: 0o700 })
  // Its key is the access key's id with the digest of nothing behind it, since Go's Sum appends.
  const nothing = createHash('md5').digest()
  const key = Buffer.concat([Buffer.from(ACCESS_KEY_ID), nothing]).toString('base64')
  const entry = {
    AuthorizationToken: Buffer.from('AWS:bench').toString('base64'),
    RequestedAt: new Date().toISOString(),
    ExpiresAt: new Date(Date.now() + 12 * 3600_000).toISOString(),
    ProxyEndpoint: `https://${ECR_HOST}`,
    RegistryID: '123456789012',
    Service: 'ecr',
  }
  const cache = { Registries: { [`us-east-1-${key}-123456789012`]: entry }, Version: '1.0' }
  await writeFile(join(home, '.ecr/cache.json'), JSON.stringify(cache))
  return {
    name: '`docker-credential-ecr-login`, from its cache,',
    command: ['docker-credential-ecr-login', 'get'],
    input: ECR_HOST,
    env: { PATH, HOME: home, AWS_ACCESS_KEY_ID: ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: 'bench' },
  }
}

async function preparePass({ folder, stack }: Shipped): Promise<Starter> {
  const home = join(folder, 'pass')
  await mkdir(home, { mode: 0o700 })
  const env = { PATH, HOME: home, GNUPGHOME: home, PASSWORD_STORE_DIR: join(home, 'store') }
  const steps = [
    ['gpg', '--batch', '--quiet', '--passphrase', '', '--quick-gen-key', 'bench'],
    ['pass', 'init', 'bench'],
  ] as const
  for (const [program, ...args] of steps) await run(program, args, { env }).catch(() => undefined)
  stack.defer(async () => {
    await run('gpgconf', ['--kill', 'all'], { env }).catch(() => undefined)
  })
  return storing('docker-credential-pass', env)
}

/** The Secret Service of GNOME, on a bus of its own. */
async function prepareSecretService({ folder, stack }: Shipped): Promise<Starter> {
  const home = join(folder, 'secretservice')
  await mkdir(home, { mode: 0o700 })
  const address = `unix:path=${home}/bus`
  const env = { PATH, HOME: home, XDG_RUNTIME_DIR: home, DBUS_SESSION_BUS_ADDRESS: address }
  const bus = [
    'dbus-daemon',
    '--session',
    '--nofork',
    '--nopidfile',
    `--address=${address}`,
  ] as const
  start(stack, bus, env)
  await waitFor(
    'dbus-send',
    [
      '--session',
      '--dest=org.freedesktop.DBus',
      '--print-reply',
      '/',
      'org.freedesktop.DBus.ListNames',
    ],
    env,
  )
  const keyring = [
    'gnome-keyring-daemon',
    '--foreground',
    '--unlock',
    '--components=secrets',
  ] as const
  start(stack, keyring, env).stdin?.end('bench')
  await waitFor('docker-credential-secretservice', ['list'], env)
  return storing('docker-credential-secretservice', env)
}

async function storing(program: string, env: Environment): Promise<Starter> {
  await run(program, ['store'], { env, input: LOGIN }).catch(() => undefined)
  return { name: `\`${program}\``, command: [program, 'get'], input: 'ghcr.io', env }
}

function start(
  stack: AsyncDisposableStack,
  [program, ...args]: readonly [string, ...string[]],
  env: Environment,
): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'] })
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  child.stdin?.on('error', () => undefined)
  stack.defer(() => {
    child.kill('SIGKILL')
    return closed
  })
  return child
}

/** Fifty tries are two seconds at most; whoever is not there then is not there. */
async function waitFor(program: string, args: readonly string[], env: Environment): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const answer = await run(program, args, { env }).catch(() => ({ status: 0 }))
    if (answer.status === 0) return
  }
}
