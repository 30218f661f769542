import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, isAbsolute, join } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/** The names that our own program goes by. */
const OWN_NAMES = ['docker-credential-purser', 'purser']

/** Finds a program in `PATH`: not where the process happens to be, as an empty part of it says. */
export function findProgram(name: string, env: Env): string | undefined {
  return pathsOf(name, env).find(isProgram)
}

/**
 * Whether a program is this very one, by whatever name, link or link of a link: it would ask itself.
 *
 * @param command - what starts this program
 */
export function isOurs(path: string, command: readonly string[], env: Env): boolean {
  if (OWN_NAMES.includes(basename(realpathSync(path)))) return true
  const own = [...command.filter(isAbsolute), ...OWN_NAMES.flatMap((name) => pathsOf(name, env))]
  const file = fileOf(path)
  return own.some((each) => fileOf(each) === file)
}

function pathsOf(name: string, { PATH = '' }: Env): readonly string[] {
  return PATH.split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The same for all names of a file. */
function fileOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat && `${stat.dev} ${stat.ino}`
}
