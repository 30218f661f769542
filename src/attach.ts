import type { Attachment, Field } from './attachment.ts'
import type { LeastLife } from './cache/lifetime.ts'
import type { Config } from './config/config.ts'
import { type Host, quote } from './model/host.ts'
import type { CredentialKeys } from './model/keys.ts'
import type { Target } from './model/target.ts'
import { keysOfCredential, keysOfLogin } from './request/credential-keys.ts'
import { detectCredentialType } from './request/credential-type.ts'
import { marshalCredentials } from './request/marshal.ts'
import {
  type ContainerRequest,
  checkCredentials,
  fillGaps,
  GAPS,
  type Gap,
  nameOfGap,
  parseRequest,
  sourceImageOf,
} from './request/request.ts'
import type { Resolution, Resolver } from './resolver.ts'
import { chooseEntry } from './vault/spelling.ts'
import { type Entry, placeOf, type Vault } from './vault/vault.ts'

/** What a request is attached to. */
export interface AttachQuestion {
  readonly workspace: string
  /** Whether to replace what is there already. */
  readonly overwrite: boolean
  /** The fields to fill in. Default: all. */
  readonly only?: readonly Gap[]
}

export interface AttachOptions {
  vault(): Promise<Vault>
  /** Of the machine's own sources: none of the request's. */
  readonly resolver: Resolver
  /** Of the build registry's: its credential may be another source's. */
  readonly buildResolver: Resolver
  readonly buildRegistry: Config['buildRegistry']
}

/** Fills in the credential fields of a container request, which are its JSON's text. */
export type Attach = (
  request: string,
  question: AttachQuestion,
  signal: AbortSignal,
) => Promise<Attachment>

/** What a field is filled with, or why with nothing. */
type Filling =
  | { readonly value: string; readonly from: string; readonly expiresAt: Date | undefined }
  | { readonly why: string }

/**
 * Makes what gives each container the credentials that it needs: those of its image, from the image's
 * link or the vault's nearest entry, and a login of the build registry, minted with enough of its life
 * ahead.
 *
 * Nothing that is there is replaced unmasked, and nothing found leaves a field as it was.
 */
export function createAttach(options: AttachOptions): Attach {
  const { vault, resolver, buildResolver, buildRegistry } = options

  async function findImageCredential(
    request: ContainerRequest,
    workspace: string,
    signal: AbortSignal,
  ): Promise<Filling> {
    const open = await vault()
    const { imageId } = request
    const link = imageId === undefined ? undefined : await open.image(workspace, imageId)
    if (link?.entry !== undefined) {
      const { host, prefix, name } = link.entry
      const entry = (await open.find(workspace, host, prefix || undefined)).find(
        (each) => each.prefix === prefix && each.name === name,
      )
      return entry === undefined
        ? { why: `its image is linked to ${placeOf(link.entry)}, of which the entry is gone` }
        : fillingOf(entry, signal)
    }
    const reference = link?.reference ?? sourceImageOf(request)
    if (reference === undefined) return { why: whyNoImage(imageId, workspace) }
    const { host, repository } = reference
    const entry = chooseEntry(await open.find(workspace, host, repository))
    return entry === undefined
      ? { why: `workspace ${workspace} has no entry for ${host.name}/${repository}` }
      : fillingOf(entry, signal)
  }

  /** The credential itself where others can use it, else a login made of it. */
  async function fillingOf(entry: Entry, signal: AbortSignal): Promise<Filling> {
    const { host, prefix, name, workspace } = entry
    const from = `entry ${name} for ${placeOf(entry)} of workspace ${workspace}`
    const keys = keysOfCredential(entry.credential, host)
    if (keys !== undefined) return { ...carried(host, keys), from, expiresAt: undefined }
    const repository = prefix === '' ? undefined : prefix
    const target: Target = { workspace, host, repository, action: 'pull', entry: name }
    const minted = await mint(resolver, target, halfOf, signal)
    if (minted === undefined) return { why: `${from} is of no identity that this machine has` }
    const { login } = minted
    return { ...carried(host, keysOfLogin(login, host)), from, expiresAt: login.expiresAt }
  }

  async function mintBuildCredential(signal: AbortSignal): Promise<Filling> {
    if (buildRegistry === undefined) return { why: 'no [build_registry] is configured' }
    const { host, repository, workspace, credential, minLifeMs } = buildRegistry
    const named = typeof credential === 'string' ? {} : credential
    const target: Target = { workspace, host, repository, action: 'push', ...named }
    const least: LeastLife = minLifeMs === undefined ? halfOf : () => minLifeMs
    const minted = await mint(buildResolver, target, least, signal)
    if (minted === undefined) return { why: `there is no credential for ${host.name}` }
    const { login, from } = minted
    return { value: `${login.username}:${login.secret.reveal()}`, from, expiresAt: login.expiresAt }
  }

  return async (text, { workspace, overwrite, only = GAPS }, signal) => {
    const request = parseRequest(text)
    checkCredentials(text, overwrite ? only : [])
    const values = new Map<Gap, string>()
    const fill = async (gap: Gap): Promise<Field> => {
      const field = nameOfGap(text, gap)
      if (request[gap] !== undefined && !overwrite) return { field, state: 'kept' }
      const filling =
        gap === 'imageCredentials'
          ? await findImageCredential(request, workspace, signal)
          : await mintBuildCredential(signal)
      if ('why' in filling) return { field, state: 'empty', ...filling }
      const { value, from, expiresAt } = filling
      values.set(gap, value)
      return { field, state: 'filled', from, expiresAt }
    }
    const fields: Field[] = []
    for (const gap of only) fields.push(await fill(gap))
    return { request: fillGaps(text, values), fields }
  }
}

/** A container may run for as long as that; a registry's login is rarely for less than an hour. */
const halfOf: LeastLife = (lifeMs) => lifeMs / 2

function mint(
  resolver: Resolver,
  target: Target,
  least: LeastLife,
  signal: AbortSignal,
): Promise<Resolution | undefined> {
  return resolver.renew === undefined
    ? resolver.resolve(target, signal)
    : resolver.renew(target, signal, least)
}

function carried(host: Host, keys: CredentialKeys) {
  return { value: marshalCredentials(host.name, detectCredentialType(host.name, keys), keys) }
}

function whyNoImage(imageId: string | undefined, workspace: string): string {
  return imageId === undefined
    ? 'the request names no image'
    : `image ${quote(imageId)} has no link in workspace ${workspace}`
}
