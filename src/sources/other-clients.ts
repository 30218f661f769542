import type { AmbientFileOptions } from './ambient-file.ts'
import { containersAuthSource } from './containers-auth.ts'
import { dockerConfigSource } from './docker-config.ts'
import { createOtherHelpers, type OtherHelpersOptions } from './other-helper.ts'
import type { Source } from './source.ts'

/** What the sources of other clients' are made with. */
export type OtherClientsOptions = OtherHelpersOptions & Pick<AmbientFileOptions, 'uid'>

/** The sources that other clients have left on the machine, by the names that `[ambient]` has for them. */
export interface OtherClients {
  readonly docker: Source
  readonly containers: Source
}

/** Makes them; no file is read before it is asked. */
export function createOtherClients(options: OtherClientsOptions): OtherClients {
  const files = { ...options, helpers: createOtherHelpers(options) }
  return { docker: dockerConfigSource(files), containers: containersAuthSource(files) }
}
