import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'
import { missingOf, PROGRAM_PATH } from './programs.ts'

/** Its `go.mod` says of which version everything is. */
const MODULE = join(import.meta.dirname, 'clip')

/** crane, of the version by which CLIP reads registries. */
export const CRANE = 'github.com/google/go-containerregistry/cmd/crane'

/** The first time, its libraries are fetched and compiled: 40 s on 2 cores, then 2 s. */
const BUILD_TIMEOUT_MS = 5 * 60_000

/** A program that was built for these tests alone. */
export interface Built {
  /** Where it is; it goes with the test's file. */
  readonly folder: string
  /** Why it could not be built, for want of a network or of a newer Go; empty if it could, or need not. */
  readonly missing: readonly string[]
}

/**
 * Builds a program of the Go module; its libraries stay in Go's own caches, outside of the repository.
 *
 * @param name - the package, as `go build` takes it
 * @param needs - without which there is no use in it, Go among them
 */
export async function buildGo(name: string, needs: readonly string[]): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'purser-go-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  if (missingOf(needs).length > 0) return { folder, missing: [] }
  try {
    const args = ['build', '-buildvcs=false', '-trimpath', '-o', `${folder}/`, name]
    await promisify(execFile)('go', args, {
      cwd: MODULE,
      env: { ...process.env, PATH: PROGRAM_PATH },
      timeout: BUILD_TIMEOUT_MS,
    })
    return { folder, missing: [] }
  } catch (error) {
    // A machine that is cut off, or whose Go is too old, is not broken.
    return { folder, missing: [`${name} by go build: ${lastLineOf(error)}`] }
  }
}

function lastLineOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  return said.trim().split('\n').at(-1) || String(error)
}
