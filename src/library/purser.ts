import { userInfo } from 'node:os'
import { type App, createApp, type Surroundings } from '../app.ts'
import type { Attachment } from '../attachment.ts'
import { openAttach } from '../doors/attach.ts'
import { once } from '../model/once.ts'
import { GAPS, type Gap, parseRequest } from '../request/request.ts'
import { aboutImage, chooseProvider, placeOfImage } from './choice.ts'
import type {
  AttachOptions,
  HostProcess,
  Purser,
  PurserOptions,
  WorkspaceOptions,
} from './contract.ts'
import { readImageSecret, writeImageSecret } from './image-secret.ts'
import { type Exchanges, mintToken, provideFromVariables } from './provider.ts'

/**
 * Opens Purser for a program, by the environment and configuration that its commands have; nothing is
 * read before it is needed.
 *
 * @param host - the program: `openPurser(process)`
 */
export function openPurser(host: HostProcess, options: PurserOptions = {}): Purser {
  const { config, workspace, now = Date.now } = options
  const app = createApp(surroundingsOf(host, now), {
    ...(config !== undefined && { config }),
    ...(workspace !== undefined && { workspace }),
  })
  const exchanges: Exchanges = { registries: app.registries, now }
  const workspaceOf = (given: WorkspaceOptions = {}) => given.workspace ?? app.workspace
  const attach = once(() => openAttach(app))

  async function fill(
    request: string,
    only: readonly Gap[],
    { workspace: named, overwrite = false, signal = never() }: AttachOptions = {},
  ): Promise<Attachment> {
    const question = { workspace: named ?? app.workspace, overwrite, only }
    return (await attach())(request, question, signal)
  }

  return {
    createProviderFromEnv: (place, names) =>
      provideFromVariables(place, names, host.env, exchanges),
    getRegistryTokenForImage: (place, keys, signal) => mintToken(place, keys, exchanges, signal),
    async getCredentialProviderForImage(request, reference, given) {
      const target = {
        ...placeOfImage(reference),
        workspace: workspaceOf(given),
        action: 'pull',
      } as const
      const sources = await sourcesOf(app, request, target)
      return chooseProvider(sources, target, exchanges, given?.signal ?? never())
    },
    setImageCredentialSecret: (image, secret, given) =>
      writeImageSecret(app, workspaceOf(given), image, secret),
    getImageCredentialSecret: (image, given) => readImageSecret(app, workspaceOf(given), image),
    attachImageCredentials: (request, given) => fill(request, ['imageCredentials'], given),
    attachBuildRegistryCredentials: (request, given) =>
      fill(request, ['buildRegistryCredentials'], given),
    attachCredentials: (request, given) => fill(request, GAPS, given),
    close: app.close,
    [Symbol.asyncDispose]: app.close,
  }
}

async function sourcesOf(
  app: App,
  request: string | undefined,
  image: ReturnType<typeof placeOfImage>,
) {
  if (request === undefined) return app.sourcesFor(undefined)
  const { buildRegistry } = await app.config()
  return app.sourcesFor(aboutImage(parseRequest(request), image, buildRegistry))
}

/** A program's own input and output are not Purser's. */
function surroundingsOf(host: HostProcess, now: () => number): Surroundings {
  return {
    // As it is now: identities are told apart by what stands in it.
    env: { ...host.env },
    uid: host.geteuid?.() ?? currentUser(),
    // Found in PATH as itself: it is not asked as somebody else's helper.
    command: ['purser'],
    now,
    signal: never(),
    killGroup: (pid) => host.kill?.(-pid, 'SIGKILL'),
    stdin() {
      throw new Error('a library reads no standard input')
    },
    stdinIsTerminal: () => false,
    stdoutIsTerminal: () => false,
    stderrIsTerminal: () => false,
    writeError: () => undefined,
  }
}

/** Of a host that does not say; `undefined` where the platform has no such thing. */
function currentUser(): number | undefined {
  const { uid } = userInfo()
  return uid < 0 ? undefined : uid
}

function never(): AbortSignal {
  return new AbortController().signal
}
