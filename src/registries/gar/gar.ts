import type { Host } from '../../model/host.ts'
import { type Registry, unsupportedCredential } from '../registry.ts'
import { loginWithin } from '../static-login.ts'
import { readGoogleKeys } from './keys.ts'
import type { GarOptions, MintLogin } from './login.ts'

/** `us-docker.pkg.dev`, `europe-west1-docker.pkg.dev`; `us-npm.pkg.dev` speaks npm. */
const LOCATION_HOST = /^[a-z]+(?:-[a-z]+[0-9]+)?-docker\.pkg\.dev$/
/** `docker.us-central1.rep.pkg.dev`: regional endpoints. */
const REGIONAL_HOST = /^docker\.[a-z]+-[a-z]+[0-9]+\.rep\.pkg\.dev$/
/** `gcr.io` and its regions and mirrors: one label before it, and none after. */
const GCR_HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)?gcr\.io$/

/**
 * Google's Artifact Registry, and what was its Container Registry.
 *
 * Not that of `s3nsregistry.fr` and its kin: they are other clouds, by Google's software, and no token
 * of the one is good in the other.
 *
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication
 */
export function createGar(options: GarOptions): Registry {
  let mint: Promise<MintLogin> | undefined
  const loadMint = async () => (await import('./login.ts')).createMint(options)
  const gar: Registry = {
    name: 'gar',
    matches: ({ hostname, port }: Host) =>
      port === undefined &&
      [LOCATION_HOST, REGIONAL_HOST, GCR_HOST].some((pattern) => pattern.test(hostname)),
    read: readGoogleKeys,
    // An access token is good for all of Google's registries.
    audience: () => 'google',
    async exchange(credential, { host }, signal) {
      switch (credential.kind) {
        case 'gcp-token':
        case 'basic':
          return loginWithin(credential)
        case 'gcp-service-account':
        case 'gcp-user':
        case 'gcp-impersonated':
        case 'gcp-external':
        case 'ambient-gcp': {
          mint ??= loadMint()
          const mintLogin = await mint
          return mintLogin(credential, host, signal)
        }
        default:
          throw unsupportedCredential(gar, credential, host)
      }
    },
  }
  return gar
}
