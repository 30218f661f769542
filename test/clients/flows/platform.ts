import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, type Environment, run, runOk } from '../child.ts'
import type { Sandbox } from '../sandbox.ts'
import { BUILD_HOST, type Registries, type UserRegistry } from './registries.ts'

/** A request as a platform writes it; what is not about images is other people's. */
type Request = Readonly<Record<string, unknown>>

/** What a platform does where its database is: it never runs a container. */
export interface Platform {
  /** Stores the credential that a user has listed variables of, and links the image to it. */
  link(image: string, reference: string, registry: UserRegistry): Promise<void>
  /** Remembers where a built image was pushed. */
  linkPushed(image: string, reference: string): Promise<void>
  /** Which images were pushed there. */
  pushedTo(reference: string): Promise<Ended>
  /** Fills in a request, and leaves what is not to be filled in as it was. */
  attach(request: Request, workspace?: string): Promise<Attached>
}

/** A request that has been filled in. */
interface Attached {
  readonly text: string
  readonly request: Request
  /** What was said of it. */
  readonly told: string
}

/** The workspace whose user builds and runs images. */
const WORKSPACE = 'team'

/** Sets up a platform that builds into Amazon's registry, with an account of its own. */
export async function openPlatform(
  sandbox: Sandbox,
  { config }: Registries,
  builder: UserRegistry,
): Promise<Platform> {
  const home = join(await sandbox.makeFolder('platform'), 'purser')
  await mkdir(home, { mode: 0o700 })
  await writeFile(join(home, 'config.toml'), [...BUILD_REGISTRY, ...config].join('\n'))
  const { PATH = '' } = sandbox.env
  const purser = (args: readonly string[], variables: Environment = {}, input = '') =>
    run('purser', args, { env: { PATH, PURSER_HOME: home, ...variables }, input })
  const purserOk = async (...call: Parameters<typeof purser>) => {
    const ended = await purser(...call)
    if (ended.status !== 0) throw new Error(`purser ${call[0].join(' ')}: ${ended.stderr}`)
    return ended
  }
  const inTeam = ['--workspace', WORKSPACE]
  await purserOk(
    [
      ...['login', `${BUILD_HOST}/userimages`, '--workspace', 'platform'],
      ...['--from-env', Object.keys(builder.variables).join(',')],
    ],
    builder.variables,
  )
  return {
    async link(image, reference, { variables }) {
      const names = Object.keys(variables).join(',')
      const args = ['image', 'link', '--image', image, '--reference', reference]
      await purserOk([...args, '--from-env', names, ...inTeam], variables)
    },
    async linkPushed(image, reference) {
      await purserOk(['image', 'link', '--image', image, '--pushed', reference, ...inTeam])
    },
    pushedTo: (reference) => purser(['image', 'show', '--pushed', reference, '--json', ...inTeam]),
    async attach(request, workspace = WORKSPACE) {
      const args = ['attach', '--workspace', workspace]
      const { stdout, stderr } = await purserOk(args, {}, JSON.stringify(request))
      return { text: stdout, request: JSON.parse(stdout), told: stderr }
    },
  }
}

/** A platform and its nodes agree on where images are built into. */
export const BUILD_REGISTRY = [
  '[build_registry]',
  `host = "${BUILD_HOST}"`,
  'repository = "userimages"',
  'workspace = "platform"',
  '',
]

/** As clients' `--creds` takes it: what the helper would give them. */
export async function loginFor(host: string, env: Environment): Promise<string> {
  const answer = await runOk('docker-credential-purser', ['get'], { env, input: host })
  const { Username, Secret } = JSON.parse(answer)
  return `${Username}:${Secret}`
}
