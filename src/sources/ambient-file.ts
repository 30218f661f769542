import { homedir } from 'node:os'
import type { Host } from '../model/host.ts'
import type { Target } from '../model/target.ts'
import { type AuthFile, createAuthFileReader, findAuth, helperFor } from './auth-file.ts'
import type { OtherHelpers } from './other-helper.ts'
import type { Found, Source } from './source.ts'

/** What the sources that are files of other clients' are made with. */
export interface AmbientFileOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number | undefined
  readonly helpers: OtherHelpers
}

/** Files of one client's, and how that client names registries in them. */
export interface AmbientFiles {
  readonly name: string
  /** In the order in which the client asks them. */
  readonly paths: readonly string[]
  /** What the client calls a registry, in these files and towards helpers. */
  spell(host: Host): string
}

/**
 * Makes a source of files: of each in turn, the helper that it names for the host, then what stands in
 * the file itself.
 */
export function ambientFiles(
  { name, paths, spell }: AmbientFiles,
  { uid, helpers }: AmbientFileOptions,
): Source {
  const readers = paths.map((path) => createAuthFileReader(path, uid))

  async function askHelper(
    file: AuthFile,
    target: Target,
    signal: AbortSignal,
  ): Promise<Found | undefined> {
    const helper = helperFor(file, target.host)
    if (helper === undefined || helper === '') return undefined
    const { path, state } = file
    const question = { name: helper, namedIn: path, state, serverUrl: spell(target.host) }
    const credential = await helpers.get(question, signal)
    return credential && { credential, from: `docker-credential-${helper}, which ${path} names` }
  }

  return {
    name,
    async find(target, signal) {
      for (const read of readers) {
        const file = read()
        if (file === undefined) continue
        const found =
          (await askHelper(file, target, signal)) ?? findAuth(file, target, spell(target.host))
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

/** The user's own directory, as clients find it. */
export function homeOf(env: AmbientFileOptions['env']): string {
  return env['HOME'] || homedir()
}
