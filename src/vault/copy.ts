import { PurserError } from '../model/errors.ts'
import type { Archive } from './archive.ts'
import type { RecordKeys } from './record-keys.ts'
import { openRow, type Row, resealed } from './row.ts'

/** What was taken from one vault to another. */
export interface Copied {
  readonly entries: number
  readonly links: number
}

/** From where to where. */
export interface CopyOptions {
  readonly from: Archive
  readonly to: Archive
  /** Whether what is at the goal may be lost. */
  readonly overwrite: boolean
  /** Called with how many records there are, before the first is taken. */
  begin(total: number): void
  /** Called with how many more have been taken. */
  advance(count: number): void
}

/** So many rows are sealed and written at a time: 1 MiB, which takes 50 ms. */
const PORTION = 500

/**
 * Copies a vault, each record sealed anew for where it goes, all or none of them.
 *
 * @throws `not-found` if there is nothing to copy; `not-allowed` if something is at the goal
 */
export async function copyVault(options: CopyOptions): Promise<Copied> {
  const { from, to, overwrite, begin, advance } = options
  if (from.name === to.name)
    throw new PurserError('usage', `${from.name} is one and the same vault`)
  const contents = await from.read()
  if (contents === undefined) {
    throw new PurserError('not-found', `there is no vault at ${from.name}`)
  }
  const { rows, recordKeys } = contents
  begin(rows.length)
  let entries = 0

  function* portions(goal: RecordKeys): Generator<readonly Row[]> {
    for (let at = 0; at < rows.length; at += PORTION) {
      const portion = rows.slice(at, at + PORTION).map((found) => {
        const { row, isEntry } = resealed(openRow(recordKeys.sealer, found), goal)
        if (isEntry) entries++
        return row
      })
      yield portion
      advance(portion.length)
    }
  }

  await to.replace(portions, overwrite)
  return { entries, links: rows.length - entries }
}

/**
 * Refuses to replace a vault that holds records, unless told to overwrite them.
 *
 * @throws `not-allowed`
 */
export function refuseLoss(name: string, records: number, overwrite: boolean): void {
  if (records === 0 || overwrite) return
  const what = records === 1 ? '1 record' : `${records} records`
  throw new PurserError('not-allowed', `the vault ${name} holds ${what}`, {
    hint: 'with --overwrite, what is copied takes the place of all of them',
  })
}
