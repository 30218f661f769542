import { type App, createApp, type Surroundings } from '../app.ts'
import type { Attachment } from '../attach.ts'
import { openAttach } from '../doors/attach.ts'
import type { CredentialKeys } from '../model/keys.ts'
import { once } from '../model/once.ts'
import { GAPS, type Gap, parseRequest } from '../request/request.ts'
import { aboutImage, chooseProvider, type ProviderChoice, placeOfImage } from './choice.ts'
import {
  type ImageCredentialSecret,
  type ImageSecret,
  readImageSecret,
  writeImageSecret,
} from './image-secret.ts'
import {
  type CredentialProvider,
  type Exchanges,
  mintToken,
  provideFromVariables,
} from './provider.ts'

/** The program in whose name Purser works: `process` is one. */
export interface HostProcess {
  readonly env: Readonly<Record<string, string | undefined>>
  geteuid?(): number
  kill?(pid: number, signal: 'SIGKILL'): unknown
}

/** How Purser is opened. */
export interface PurserOptions {
  /** The configuration's file. Default: as for the command. */
  readonly config?: string
  /** Whose entries and images are meant where nobody says. Default: as for the command. */
  readonly workspace?: string
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number
}

/** Whose image it is, and how long it may take. */
interface WorkspaceOptions {
  readonly workspace?: string
}

/** How a request is filled in. */
export interface AttachOptions extends WorkspaceOptions {
  /** Whether to replace what is there already. Default: `false`. */
  readonly overwrite?: boolean
  readonly signal?: AbortSignal
}

/** Purser as a program uses it: its vault, its configuration, and the logins that it makes. */
export interface Purser {
  /** As {@link createProviderFromEnv}, by the configuration's network and `[[upstream]]` tables. */
  createProviderFromEnv(place: string, names: readonly string[]): Promise<CredentialProvider>
  /** As {@link getRegistryTokenForImage}, by the configuration's network and `[[upstream]]` tables. */
  getRegistryTokenForImage(
    place: string,
    keys: CredentialKeys,
    signal?: AbortSignal,
  ): Promise<string>
  /**
   * Chooses the credential of an image as every door does: the request's first, then the vault's, then
   * the machine's own if the configuration lends them.
   *
   * @param request - the JSON with which the container is started; `undefined` if there is none
   * @param reference - the container's image
   * @throws `PurserError` if a credential for it is there that cannot be read
   */
  getCredentialProviderForImage(
    request: string | undefined,
    reference: string,
    options?: WorkspaceOptions & { readonly signal?: AbortSignal },
  ): Promise<ProviderChoice>
  /** Links an image to the credential that it is pulled with, made or updated in one transaction. */
  setImageCredentialSecret(
    image: string,
    secret: ImageSecret,
    options?: WorkspaceOptions,
  ): Promise<ImageCredentialSecret>
  /** What an image is linked to, without its secret; `undefined` if it has no link. */
  getImageCredentialSecret(
    image: string,
    options?: WorkspaceOptions,
  ): Promise<ImageCredentialSecret | undefined>
  /** Fills in `image_credentials` of a request, from its image's link or the nearest entry. */
  attachImageCredentials(request: string, options?: AttachOptions): Promise<Attachment>
  /** Fills in `build_registry_credentials` of a request, freshly minted. */
  attachBuildRegistryCredentials(request: string, options?: AttachOptions): Promise<Attachment>
  /** Fills in both. */
  attachCredentials(request: string, options?: AttachOptions): Promise<Attachment>
  /** Closes the vault and the connections; what is under way fails. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

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
    env: host.env,
    uid: host.geteuid?.(),
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

function never(): AbortSignal {
  return new AbortController().signal
}
