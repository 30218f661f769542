import type { Shipped } from '../test/binary/shipped.ts'
import { soak } from '../test/soak/soak.ts'
import { median, type Row } from './table.ts'

const CLIENTS = 500
const SECONDS = 5 * 60
/** Until then, what is loaded and kept once is there. */
const FIRST_SECONDS = 60
const MOST_GROWTH = 1.1

/**
 * Has clients pull and push for minutes.
 *
 * @throws if a client does not get what it asked for, if memory goes on growing, or if a socket is left
 */
export async function measureSoak(shipped: Shipped): Promise<readonly Row[]> {
  const soaked = await soak(shipped, CLIENTS, SECONDS * 1_000)
  const { memory, before, after } = soaked
  // Between two collections of garbage, memory swings by more than it could grow by.
  const early = median(memory.slice(FIRST_SECONDS, FIRST_SECONDS + 30))
  const late = median(memory.slice(-30))
  const rows: readonly Row[] = [
    count(`what ${CLIENTS} clients did in ${SECONDS} s, without an error`, soaked.done),
    count('pushes among it', soaked.pushed),
    memoryRow('resident memory after the first minute', early),
    memoryRow('resident memory at the end', late),
    memoryRow('resident memory at its peak', Math.max(...memory)),
    count('sockets that are left', Math.max(after - before, 0)),
  ]
  if (late > early * MOST_GROWTH) throw new Error(`memory grew from ${early} to ${late} MiB`)
  if (after > before) throw new Error(`${after - before} sockets are left`)
  return rows
}

function count(what: string, value: number): Row {
  return { what, purser: { value, unit: '' } }
}

function memoryRow(what: string, value: number): Row {
  return { what, purser: { value, unit: 'MiB' } }
}
