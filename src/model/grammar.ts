/**
 * One component of a repository's name, from the grammar of the distribution specification:
 * `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`; a name is components with slashes between them.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*'

const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
/**
 * The algorithms in use say how long their digests are; of others, only the characters are known.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
 */
const DIGEST =
  /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}|(?!sha(?:256|512):)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)$/

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Many clients hold `host/name` to 255 characters; no registry takes a longer name. */
const MAX_NAME_LENGTH = 255

/** The longest digest in use, sha512, has 7 + 128 characters. */
const MAX_DIGEST_LENGTH = 255

/** Whether this is a repository's name, such as `library/alpine`. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text)
}

/** Whether a repository is the one that a prefix names, or below it; an empty one is above all. */
export function isWithin(repository: string, prefix: string): boolean {
  return prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`)
}

/** Whether this is a digest, of whatever algorithm. */
export function isDigest(text: string): boolean {
  return text.length <= MAX_DIGEST_LENGTH && DIGEST.test(text)
}

/** Whether this is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text)
}

/** Whether a manifest can be asked for by this: a tag or a digest. */
export function isReference(text: string): boolean {
  return isTag(text) || isDigest(text)
}

/** Whether this is base64 with its padding, in the standard alphabet (RFC 4648 4). */
export function isBase64(text: string): boolean {
  return BASE64.test(text)
}
