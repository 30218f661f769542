import { join } from 'node:path'
import type { GooglePlace } from './place.ts'

/**
 * The folder in which gcloud and all of Google's libraries look.
 *
 * @returns `undefined` if the environment names no home
 */
export function gcloudFolder(env: GooglePlace['env']): string | undefined {
  const { CLOUDSDK_CONFIG: named, APPDATA: roaming, HOME: home } = env
  if (named) return named
  if (roaming) return join(roaming, 'gcloud')
  return home ? join(home, '.config', 'gcloud') : undefined
}
