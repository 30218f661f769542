import type { App } from '../app.ts'
import { isImageId, linkImage } from '../images.ts'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { parseReference, writeReference } from '../model/reference.ts'
import { registryOf } from '../registries/all.ts'
import { createSecretName } from '../request/registry-name.ts'
import { type ImageLink, placeOf } from '../vault/vault.ts'
import type { ImageCredentialSecret, ImageSecret } from './contract.ts'

type Parts = Pick<App, 'vault' | 'registries'>

/**
 * Links an image to its credential, which is stored or updated with it.
 *
 * @throws `usage` if the id is malformed, or keys come without a reference; `credential-incomplete` if
 * a key is missing
 */
export async function writeImageSecret(
  { vault, registries }: Parts,
  workspace: string,
  image: string,
  { reference: made, keys, pushed, name }: ImageSecret,
): Promise<ImageCredentialSecret> {
  if (!isImageId(image)) throw new PurserError('usage', `${quote(image)} is not the id of an image`)
  const reference = made === undefined ? undefined : parseReference(made)
  if (keys !== undefined && reference === undefined) {
    throw new PurserError('usage', 'a credential needs a reference: it is for its registry')
  }
  const credential = keys && reference && registryOf(await registries(), reference.host).read(keys)
  const open = await vault()
  await linkImage(open, {
    workspace,
    image,
    reference,
    pushed: pushed === undefined ? undefined : parseReference(pushed),
    credential,
    name,
  })
  const link = await open.image(workspace, image)
  if (link !== undefined) return describe(link)
  throw new PurserError('vault-failed', `the link of image ${quote(image)} is gone again`)
}

/** Reads what an image is linked to; `undefined` if nothing. */
export async function readImageSecret(
  { vault }: Pick<Parts, 'vault'>,
  workspace: string,
  image: string,
): Promise<ImageCredentialSecret | undefined> {
  const link = await (await vault()).image(workspace, image)
  return link && describe(link)
}

function describe({ image, entry, reference, pushed, updatedAt }: ImageLink) {
  return {
    image,
    secretName: entry && createSecretName(placeOf(entry)),
    reference: reference && writeReference(reference),
    pushed: pushed && writeReference(pushed),
    updatedAt,
  }
}
