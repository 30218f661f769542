import type { Host } from '../model/host.ts'
import { optionalKey } from '../model/keys.ts'
import { Secret } from '../model/secret.ts'
import { readPair, refuseForeignKeys, requireKey } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/** `us-docker.pkg.dev`, `europe-west1-docker.pkg.dev`; `us-npm.pkg.dev` speaks npm. */
const LOCATION_HOST = /^[a-z]+(?:-[a-z]+[0-9]+)?-docker\.pkg\.dev$/
/** `docker.us-central1.rep.pkg.dev`: regional endpoints. */
const REGIONAL_HOST = /^docker\.[a-z]+-[a-z]+[0-9]+\.rep\.pkg\.dev$/
/** `gcr.io` and its regions and mirrors: one label before it, and none after. */
const GCR_HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)?gcr\.io$/

/**
 * Google's Artifact Registry, and what was its Container Registry.
 *
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication
 */
export const gar: Registry = {
  name: 'gar',
  matches: ({ hostname, port }: Host) =>
    port === undefined &&
    [LOCATION_HOST, REGIONAL_HOST, GCR_HOST].some((pattern) => pattern.test(hostname)),
  read(keys) {
    const token = optionalKey(keys, 'GCP_ACCESS_TOKEN')
    if (token !== undefined) return { kind: 'gcp-token', token: new Secret(token) }
    const pair = readPair(keys)
    if (pair !== undefined) return pair
    // A project without a token was meant to be one with a token.
    if (optionalKey(keys, 'GCP_PROJECT_ID') !== undefined) requireKey(keys, 'GCP_ACCESS_TOKEN')
    return refuseForeignKeys(keys, 'Google', 'GCP_ACCESS_TOKEN')
  },
  // An access token is good for all of Google's registries.
  audience: () => 'google',
  async exchange(credential, { host }) {
    const isGoogle = credential.kind === 'gcp-token' || credential.kind === 'basic'
    const login = isGoogle ? loginWithin(credential) : undefined
    if (login === undefined) throw unsupportedCredential(gar, credential, host)
    return login
  },
}
