import { join } from 'node:path'
import { type AmbientFileOptions, ambientFiles, homeOf } from './ambient-file.ts'
import type { Source } from './source.ts'

/**
 * What podman, buildah and skopeo have left on the machine: `credHelpers` and `auths` of the file that
 * `REGISTRY_AUTH_FILE` names, else of theirs for this session, else of the user's.
 *
 * @see https://github.com/containers/container-libs/blob/main/image/docs/containers-auth.json.5.md
 */
export function containersAuthSource(options: AmbientFileOptions): Source {
  const files = { name: 'containers', paths: pathsOf(options) }
  return ambientFiles({ ...files, spell: ({ name }) => name }, options)
}

function pathsOf({ env, uid }: AmbientFileOptions): readonly string[] {
  const named = env['REGISTRY_AUTH_FILE']
  if (named) return [named]
  const runtime = env['XDG_RUNTIME_DIR']
  const own = uid === undefined ? [] : `/run/containers/${uid}`
  const session = runtime ? join(runtime, 'containers') : own
  const configuration = env['XDG_CONFIG_HOME'] || join(homeOf(env), '.config')
  return [session, join(configuration, 'containers')]
    .flat()
    .map((folder) => join(folder, 'auth.json'))
}
