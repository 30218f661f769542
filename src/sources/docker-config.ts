import { join } from 'node:path'
import { DOCKER_HUB_URL, type Host, isDockerHub } from '../model/host.ts'
import { type AmbientFileOptions, ambientFiles, homeOf } from './ambient-file.ts'
import type { Source } from './source.ts'

/**
 * What `docker login` has left on the machine: `credHelpers`, `credsStore` and `auths` of docker's
 * configuration.
 *
 * @see https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export function dockerConfigSource(options: AmbientFileOptions): Source {
  const folder = options.env['DOCKER_CONFIG'] || join(homeOf(options.env), '.docker')
  const files = { name: 'docker', paths: [join(folder, 'config.json')] }
  const spell = (host: Host) => (isDockerHub(host) ? DOCKER_HUB_URL : host.name)
  return ambientFiles({ ...files, spell }, options)
}
