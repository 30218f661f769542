import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'

/** Whether a machine that lacks a program fails instead of skipping what needs it. */
const REQUIRED = process.env['PURSER_TEST_REQUIRE_CLIENTS'] === '1'

/** Debian keeps daemons where an ordinary user's PATH does not look. */
export const PROGRAM_PATH = [
  process.env['PATH'] ?? '',
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
].join(delimiter)

/**
 * A `describe` that needs real programs: skipped with their names in the title where they are not
 * installed, and a failure instead if `PURSER_TEST_REQUIRE_CLIENTS=1`.
 *
 * @param needs programs to find in PATH, and devices by their path; `root` stands for the right to
 *   start daemons and mounts.
 */
export function describeWith(title: string, needs: readonly string[], define: () => void): void {
  const missing = missingOf(needs)
  if (missing.length === 0) {
    describe(title, define)
    return
  }
  const named = `${title} (missing: ${missing.join(', ')})`
  if (REQUIRED) {
    describe(named, () => {
      it('finds the programs that it needs', () => {
        throw new Error(`missing: ${missing.join(', ')}`)
      })
    })
    return
  }
  // The usual reporter folds a file that is skipped as a whole into one line without titles.
  console.warn(`skipped: ${named}`)
  describe.skip(named, define)
}

/** @returns which of them this machine lacks */
export function missingOf(needs: readonly string[]): readonly string[] {
  return needs.filter((program) => !isThere(program))
}

function isThere(program: string): boolean {
  if (program === 'root') return process.getuid?.() === 0
  if (program.startsWith('/')) return mayUse(program, constants.R_OK | constants.W_OK)
  const folders = PROGRAM_PATH.split(delimiter)
  return folders.some((folder) => mayUse(join(folder, program), constants.X_OK))
}

function mayUse(file: string, mode: number): boolean {
  try {
    accessSync(file, mode)
    return true
  } catch {
    return false
  }
}
