import type { Attachment } from '../attachment.ts'
import type { CredentialKeys } from '../model/keys.ts'

/** What a registry's clients log in with. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
  /** `undefined` if it has no end that anybody has told. */
  readonly expiresAt: Date | undefined
}

/** Gives a registry's logins, each good for a while from when it was asked for. */
export interface CredentialProvider {
  /** For people and logs. */
  readonly name: string
  /**
   * @param registry - its host, by any of its names
   * @returns `undefined` if this is not of that registry, or is there to log in to none: then anybody
   * may ask it
   * @throws `PurserError` if a cloud refuses to make a login of the credential
   */
  getCredentials(registry: string, signal?: AbortSignal): Promise<RegistryLogin | undefined>
}

/** Which credential an image is read with, and why. */
export interface ProviderChoice {
  /** `undefined` if nothing holds a credential for the image, or its registry needs none. */
  readonly provider: CredentialProvider | undefined
  /** The source that had the credential, such as `request.image_credentials` or `vault`. */
  readonly source: string | undefined
  /** For people, without a secret: what was asked before, and why it had none. */
  readonly reason: string
}

/** The link of an image to store; what is left out stays as it was. */
export interface ImageSecret {
  /** What the image was made from: its registry is the credential's. */
  readonly reference?: string
  /** The credential, by the keys that the registry's users know. */
  readonly keys?: CredentialKeys
  /** Where the image was pushed to. */
  readonly pushed?: string
  /** Which entry, where a repository has several. Default: `default`. */
  readonly name?: string
}

/** What an image is linked to. */
export interface ImageCredentialSecret {
  readonly image: string
  /** As {@link createSecretName} names it; `undefined` if the image needs no credential. */
  readonly secretName: string | undefined
  readonly reference: string | undefined
  readonly pushed: string | undefined
  readonly updatedAt: Date
}

/** The process that Purser runs in: Node's `process` is one. */
export interface HostProcess {
  readonly env: Readonly<Record<string, string | undefined>>
  geteuid?(): number
  kill?(pid: number, signal: 'SIGKILL'): unknown
}

/** The options of `openPurser`. */
export interface PurserOptions {
  /** The configuration's file. Default: as for the command. */
  readonly config?: string
  /** The workspace of calls that name none. Default: as for the command. */
  readonly workspace?: string
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number
}

/** Names the workspace of an image. */
export interface WorkspaceOptions {
  readonly workspace?: string
}

/** The options of filling in a request. */
export interface AttachOptions extends WorkspaceOptions {
  /** Whether to replace a field that is filled in already. Default: `false`. */
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
   * @throws `PurserError` if there is a credential for the image that cannot be read
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
  /** Fills in both `image_credentials` and `build_registry_credentials` of a request. */
  attachCredentials(request: string, options?: AttachOptions): Promise<Attachment>
  /** Closes the vault and the connections; calls under way fail. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
