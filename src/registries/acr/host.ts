import type { AzureCloud } from '../../cloud/azure/authority.ts'
import type { Host } from '../../model/host.ts'

const CLOUDS: Readonly<Record<string, AzureCloud>> = {
  'azurecr.io': 'public',
  'azurecr.us': 'us-government',
  'azurecr.cn': 'china',
  'azurecr.de': 'germany',
}

/** 5 to 50 letters and digits; with a domain name label, a hash of where it belongs follows. */
const REGISTRY = /^[a-z0-9]{5,50}(?:-[a-z0-9]{1,20})?$/
/** `eastus2`, `chinanorth3`, `usgovvirginia`. */
const REGION = /^[a-z]{4,30}[0-9]{0,2}$/

/**
 * The part of Microsoft's cloud that a registry is in: `NAME.azurecr.io`, or, for a replica,
 * `NAME.REGION.geo.azurecr.io`.
 *
 * Label by label and to both ends: a helper that matched less exactly sent its users' tokens to
 * whoever owned `azurecr.io.evil.example`. A `data` endpoint is where layers come from, and takes no
 * login.
 *
 * @returns `undefined` for any other host
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-endpoint-reference
 * @see https://pkg.go.dev/vuln/GO-2026-6225
 */
export function azureCloudOf({ hostname, port }: Host): AzureCloud | undefined {
  if (port !== undefined) return undefined
  const labels = hostname.split('.')
  const [name = '', region = '', geo] = labels
  if (!REGISTRY.test(name)) return undefined
  const isReplica = labels.length === 5 && geo === 'geo' && REGION.test(region)
  if (labels.length !== 3 && !isReplica) return undefined
  const suffix = labels.slice(-2).join('.')
  return Object.hasOwn(CLOUDS, suffix) ? CLOUDS[suffix] : undefined
}
