import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { codeOf, describeError, hintOf, PurserError } from '../../src/model/errors.ts'

/** A directory of a test's own, which goes away with it. */
export interface Stage {
  readonly root: string
  /** Writes a file below it, its owner's alone. @returns its path */
  put(name: string, text: string | Uint8Array, mode?: number): string
}

/** What brings an error about: it throws it, or its promise does. */
export type Provocation = (stage: Stage) => unknown

/** Provocations by the name that their error has among the vectors. */
export type Provocations = Readonly<Record<string, Provocation>>

/** Only root can give a file away. */
export const ROOT_ONLY = ['it is somebody else’s', 'its socket is somebody else’s']

/** What a user is told. */
export interface Told {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

export function openStage(): Stage {
  const root = mkdtempSync(join(tmpdir(), 'purser-errors-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return {
    root,
    put(name, text, mode = 0o600) {
      const path = join(root, name)
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeFileSync(path, text, { mode })
      return path
    },
  }
}

/** What tests make for themselves. */
const FOLDER = new RegExp(`${RegExp.escape(tmpdir())}/purser-[a-z]+-\\w{6}`, 'g')

/** Brings an error about, and says what a user is told, with what differs from run to run left out. */
export async function provoke(provocation: Provocation): Promise<Told & { readonly error: Error }> {
  const stage = openStage()
  const error = await failureOf(async () => provocation(stage))
  const plain = (text: string) =>
    text
      .replaceAll(stage.root, 'DIR')
      .replace(FOLDER, 'DIR')
      .replace(/(127\.0\.0\.1|localhost):\d{4,5}/g, '$1:PORT')
      .replace(/ in \d+ s$/, ' in N s')
      .replace(/(, not to|: chown) \d+/, '$1 UID')
  const hint = hintOf(error)
  return {
    error,
    code: codeOf(error),
    message: plain(describeError(error)),
    ...(hint !== undefined && { hint: plain(hint) }),
  }
}

async function failureOf(work: () => Promise<unknown>): Promise<Error> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it went well')
}

/** Where in `src` an error of ours was made, as `path:line`, and its causes. */
export function placesOf(error: Error): readonly string[] {
  const places: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const frames = at.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
    const place = frames
      .map((frame) => /\/src\/([\w./-]+\.ts):(\d+):\d+\)?$/.exec(frame))
      .find((found) => found !== null && found[1] !== 'model/errors.ts')
    if (at instanceof PurserError && place) places.push(`${place[1]}:${place[2]}`)
  }
  return places
}
