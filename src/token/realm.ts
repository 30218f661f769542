import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { apiUrl, type Upstream } from './upstream.ts'

/** A token service that a registry's credentials may go to. */
export interface Realm {
  readonly url: URL
  /** Whether it may be at an address that is not public. */
  readonly allowPrivate: boolean
  /** Whether its name is one that the registry could not choose. */
  readonly isKnown: boolean
}

/** A registry, and the origin of its token service elsewhere; both from end to end. */
type Pair = readonly [registry: RegExp, realm: RegExp]

/**
 * Token services that are known to be a registry's although they are elsewhere. Pairs, not a list
 * of good hosts: one registry's password is none of another's token service's business.
 */
const KNOWN_REALMS: readonly Pair[] = [
  // https://distribution.github.io/distribution/spec/auth/token/
  [/^docker\.io$/, /^https:\/\/auth\.docker\.io$/],
  // Once a token has expired, NGC names this one instead of its own:
  // https://github.com/NVIDIA/nvidia-container-toolkit/issues/1945
  [/^nvcr\.io$/, /^https:\/\/authn\.nvidia\.com$/],
  // https://docs.gitlab.com/administration/packages/container_registry/
  [/^registry\.gitlab\.com$/, /^https:\/\/gitlab\.com$/],
  // https://docs.digitalocean.com/products/container-registry/
  [/^registry\.digitalocean\.com$/, /^https:\/\/api\.digitalocean\.com$/],
  // https://www.scaleway.com/en/docs/container-registry/
  [/^rg\.[a-z]{2}-[a-z]{3}\.scw\.cloud$/, /^https:\/\/api\.scaleway\.com$/],
  // Of any region, for most name Hangzhou's: https://www.alibabacloud.com/help/acr/
  [
    /^(?:registry(?:-vpc|-internal)?(?:\.[a-z]+-[a-z]+-?[0-9]*)?|[a-z0-9-]+\.[a-z]+-[a-z]+-?[0-9]*(?:\.personal)?\.cr)\.aliyuncs\.com$/,
    /^https:\/\/dockerauth(?:\.[a-z]+-[a-z]+-?[0-9]*)?\.aliyuncs\.com$/,
  ],
]

/** NGC's has 150 characters with its query; what is longer than this is no token service's name. */
const MAX_REALM_LENGTH = 2_048

/**
 * Decides whether a registry's credentials may go where its challenge says.
 *
 * The realm is the registry's to choose, so whoever gets hold of a registry, or of the network in
 * front of it, would have the passwords of its users sent to himself, or a request sent to the
 * metadata service of the machine. It must be https at the registry's own host, at one that is known to
 * be its token service, at one of the same owner, or an origin that the operator configured.
 *
 * @throws `policy`, with the line of configuration that would allow it.
 * @see https://github.com/advisories/GHSA-3p65-76g6-3w7r
 * @see https://github.com/advisories/GHSA-xf85-363p-868w
 */
export async function approveRealm(upstream: Upstream, realm: string): Promise<Realm> {
  const own = apiUrl(upstream)
  // Relative to the registry, as some write it; what begins with two slashes names another host.
  const url = parseRealm(/^\/(?!\/)/.test(realm) ? `${own.origin}${realm}` : realm)
  if (url === undefined) throw refused(upstream, realm, 'it is not a plain http or https URL')
  // The operator's own word, and the registry itself: where it is, they may be.
  if (url.origin === own.origin || upstream.realms.includes(url.origin)) {
    return { url, allowPrivate: true, isKnown: true }
  }
  if (url.protocol !== 'https:') throw refused(upstream, realm, 'it is not https', url)
  const services = KNOWN_REALMS.filter(([registry]) => registry.test(upstream.host.name))
  const isKnown =
    url.hostname === own.hostname || services.some(([, service]) => service.test(url.origin))
  // Of a registry whose service is known, no other one is: a cloud's customers are its neighbours. And
  // in plain http, it is anybody who speaks.
  const mayBeOthers = services.length === 0 && upstream.tls
  if (!isKnown && !(mayBeOthers && (await isSameOwner(own.hostname, url.hostname)))) {
    throw refused(upstream, realm, 'it is not known to be its token service', url)
  }
  return { url, allowPrivate: false, isKnown }
}

/**
 * Whether both names are below one that somebody has registered: `registry.corp.example` and
 * `gitlab.corp.example`, but not `a.github.io` and `b.github.io`.
 *
 * @see https://publicsuffix.org/
 */
async function isSameOwner(a: string, b: string): Promise<boolean> {
  // The list has 130 KB, and most token services are the registry's own.
  const { getDomain } = await import('tldts')
  const ownerOf = (name: string) =>
    getDomain(name, { allowPrivateDomains: true, extractHostname: false })
  const owner = ownerOf(a)
  return owner !== null && owner === ownerOf(b)
}

/** Visible ASCII, without what parsers of URLs disagree about. */
const PLAIN_URL = /^https?:\/\/[\x21-\x7e]+$/i

function parseRealm(text: string): URL | undefined {
  if (text.length > MAX_REALM_LENGTH || !PLAIN_URL.test(text) || /[\\#"<>^`{|}]/.test(text)) {
    return undefined
  }
  const authority = text.replace(/^https?:\/\//i, '').split(/[/?]/, 1)[0] ?? ''
  // An empty user is one too: `https://@host` is nothing that a token service would say.
  if (authority === '' || authority.includes('@') || !URL.canParse(text)) return undefined
  return new URL(text)
}

function refused(upstream: Upstream, realm: string, why: string, url?: URL): PurserError {
  const { name } = upstream.host
  const message = `refused to send a credential of ${name} to ${quote(realm)}: ${why}`
  if (url === undefined) {
    return new PurserError('policy', message, {
      hint: 'see who answers: a token service has a plain https URL',
    })
  }
  return new PurserError('policy', message, {
    hint: `if it is ${name}'s token service, add to its [[upstream]]: realms = ["${url.origin}"]`,
  })
}
