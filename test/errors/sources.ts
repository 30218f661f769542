import { parseHost } from '../../src/model/host.ts'
import { createRegistries } from '../../src/registries/all.ts'
import { environmentSource } from '../../src/sources/environment.ts'
import { offline, targetOf } from '../registries/harness.ts'
import type { Provocation, Provocations } from './stage.ts'

const registries = createRegistries(offline)

/** A host that is asked for in this environment. */
const environment =
  (host: string, env: Readonly<Record<string, string>>): Provocation =>
  () =>
    environmentSource(env, registries).find(targetOf(parseHost(host)), AbortSignal.timeout(10_000))

/** What the machine's own sources are refused with. */
export const SOURCES: Provocations = {
  'the environment has half of a pair': environment('docker.io', { DOCKERHUB_TOKEN: 'S3CRET' }),
  'the environment has a secret without its owner': environment('acmeimages.azurecr.io', {
    AZURE_CLIENT_SECRET: 'S3CRET',
  }),
}
