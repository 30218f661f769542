import { PurserError } from '../model/errors.ts'
import { type Host, looksLikeHost, parseHost, quote, tryParseHost } from '../model/host.ts'

/** How transports and browsers begin the name of an image or of a registry. */
const SCHEME = /^(?:docker|oci|https?):\/\//

/**
 * The canonical name of the registry in which an image lies: `docker.io` where its name has none, and
 * for each of Docker Hub's own names.
 *
 * Of the image's name only the beginning counts: what platforms put together of a repository and a
 * digest is often no reference, and its registry is known all the same.
 *
 * @param reference - `[host/]repository[:tag][@digest]`, with or without `docker://` in front
 * @throws `reference-invalid` if it is empty; `host-invalid` if what stands for the host is none
 */
export function parseRegistry(reference: string): string {
  const name = reference.trim().replace(SCHEME, '')
  if (name === '') {
    throw new PurserError('reference-invalid', `cannot read ${quote(reference)} as an image`, {
      hint: 'write host/repository:tag, as in ghcr.io/acme/app:1.2',
    })
  }
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  return parseHost(looksLikeHost(first) ? first : 'docker.io').name
}

/**
 * The registry that is meant, by its own name or by an image's: `ghcr.io`, or `ghcr.io/acme/app`.
 *
 * A single word with a dot is a registry; `node:24` is an image of Docker Hub's, as for any client.
 *
 * @throws `reference-invalid` if it is empty; `host-invalid` if what stands for the host is none
 */
export function parsePlace(place: string): Host {
  const name = place.trim().replace(SCHEME, '')
  const isRegistry = /^(?:localhost|[^/:]*\.[^/:]*|\[[^/]*\])(?::[0-9]+)?$/.test(name)
  return parseHost(isRegistry ? name : parseRegistry(name))
}

/**
 * The registry that a credential names: platforms name one by its host, or by an image of it.
 *
 * @returns `undefined` if it is none of these
 */
export function hostOfRegistry(registry: string): Host | undefined {
  const place = registry.replace(SCHEME, '')
  const first = place.replace(/\/.*$/s, '')
  // To clients, `acme/app` is an image of Docker Hub's: neither `acme` nor Docker Hub was named.
  return place === first || looksLikeHost(first) ? tryParseHost(first) : undefined
}

/**
 * The name under which a platform keeps the credential of a registry as a secret of its workspace:
 * `oci-registry-ghcr-io`.
 *
 * @param registry - `host`, `host:port` or `host/prefix`
 * @throws `host-invalid`
 */
export function createSecretName(registry: string): string {
  const [authority = '', ...path] = registry.trim().replace(SCHEME, '').split('/')
  const { name } = parseHost(authority)
  const place = [name, ...path.filter((part) => part !== '')].join('/')
  return `oci-registry-${place.toLowerCase().replace(/[^a-z0-9_]/g, '-')}`
}
