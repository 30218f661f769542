import { spawnSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../test/clients/child.ts'
import { median, type Row } from './table.ts'

/** A program that reads its input, answers and ends. */
export interface Starter {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly input: string
  readonly env: Environment
  /** Makes ready for a start; it is not timed. */
  readonly before?: () => void
}

const ROUNDS = 40
const WARM_UP_ROUNDS = 5

/** What a start of this Node takes, whatever it then does. */
export const NODE: Starter = {
  name: '`node -e 0`',
  command: [process.execPath, '-e', '0'],
  input: '',
  env: {},
}

/**
 * Starts each in turn, so that what else the machine does meets all of them.
 *
 * @returns what tells the median of one, beside that of another
 */
export function timeAll(
  starters: readonly Starter[],
  folder: string,
): (what: string, ours: Starter, peer: Starter) => Row {
  const times = new Map(starters.map((starter) => [starter, [] as number[]]))
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const starter of starters) {
      const ms = timeOne(starter, join(folder, 'input'))
      if (round >= WARM_UP_ROUNDS) times.get(starter)?.push(ms)
    }
  }
  const timeOf = (starter: Starter) =>
    ({ value: median(times.get(starter) ?? []), unit: 'ms' }) as const
  return (what, ours, peer) => ({
    what,
    purser: timeOf(ours),
    peer: { name: peer.name, figure: timeOf(peer) },
  })
}

function timeOne({ name, command, input, env, before }: Starter, file: string): number {
  before?.()
  writeFileSync(file, input)
  const [program, ...args] = command
  const stdin = openSync(file, 'r')
  const start = performance.now()
  const { status } = spawnSync(program, args, { env, stdio: [stdin, 'ignore', 'ignore'] })
  const ms = performance.now() - start
  closeSync(stdin)
  if (status !== 0) throw new Error(`${name} failed with ${status}`)
  return ms
}
