import type { Credential } from './model/credential.ts'
import type { Reference } from './model/reference.ts'
import { DEFAULT_ENTRY, type Vault } from './vault/vault.ts'

/** As long as platforms' ids are, and more. */
const MAX_ID_LENGTH = 256

/** What is to be remembered of an image; what is not said stays as it was. */
export interface ImageFacts {
  readonly workspace: string
  /** The platform's own id of the image. */
  readonly image: string
  /** What the image was made from. */
  readonly reference?: Reference | undefined
  /** Where it was pushed to. */
  readonly pushed?: Reference | undefined
  /** Of the repository of `reference`. */
  readonly credential?: Credential | undefined
  /** Which entry, where a repository has several. Default: `default`. */
  readonly name?: string | undefined
}

/** Whether a platform could have made this an image's id. */
export function isImageId(text: string): boolean {
  return text !== '' && text.length <= MAX_ID_LENGTH && !/\p{Cc}/u.test(text)
}

/** Links an image to the entry of its repository, which is made or updated with it, both or neither. */
export async function linkImage(vault: Vault, facts: ImageFacts): Promise<void> {
  const { workspace, image, credential, name = DEFAULT_ENTRY } = facts
  const before = await vault.image(workspace, image)
  const reference = facts.reference ?? before?.reference
  // The repository's own entry: two teams of one registry do not overwrite each other's.
  const entry =
    credential === undefined || reference === undefined
      ? before?.entry
      : { host: reference.host, prefix: reference.repository, name }
  const pushed = facts.pushed ?? before?.pushed
  await vault.linkImage({ workspace, image, entry, reference, pushed }, credential)
}
