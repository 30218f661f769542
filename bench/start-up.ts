import { spawnSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BINARY, type Shipped } from '../test/binary/shipped.ts'
import { findHelpers } from './helpers.ts'
import type { Starter } from './starter.ts'
import { median, type Row } from './table.ts'

const HOST = 'ghcr.io'
const ROUNDS = 40
const WARM_UP_ROUNDS = 5

const helper = BINARY.replace(/purser$/, 'docker-credential-purser')

/** Times `docker-credential-purser get`, and what else a client might start in its place. */
export async function measureStartUp(shipped: Shipped): Promise<readonly Row[]> {
  const login = ['login', HOST, '--username', 'captain', '--password-stdin']
  await shipped.purser(login, 'bench')
  const env = { PURSER_HOME: shipped.home }
  const get = { command: [helper, 'get'], input: HOST } as const
  await shipped.serve([])
  const alone = { ...get, name: 'cold', env: { ...env, PURSER_SOCKET: '' } }
  const asking = { ...get, name: 'warm', env }
  const node: Starter = {
    name: '`node -e 0`',
    command: [process.execPath, '-e', '0'],
    input: '',
    env: {},
  }
  const cat: Starter = { name: '`/bin/cat`', command: ['/bin/cat'], input: HOST, env: {} }
  const others = await findHelpers(shipped)
  const times = timeAll([alone, asking, node, cat, ...others], shipped.folder)
  const row = (what: string, ours: Starter, peer: Starter): Row => ({
    what,
    purser: { value: times(ours), unit: 'ms' },
    peer: { name: peer.name, figure: { value: times(peer), unit: 'ms' } },
  })
  return [
    row('`docker-credential-purser get`, cold: from the vault', alone, node),
    row('the same, warm: from the agent', asking, node),
    ...[cat, ...others].map((peer) => row('the same, warm', asking, peer)),
  ]
}

/** Starts each in turn, so that what else the machine does meets all of them. */
function timeAll(starters: readonly Starter[], folder: string): (of: Starter) => number {
  const times = new Map(starters.map((starter) => [starter, [] as number[]]))
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const starter of starters) {
      const ms = timeOne(starter, join(folder, 'input'))
      if (round >= WARM_UP_ROUNDS) times.get(starter)?.push(ms)
    }
  }
  return (starter) => median(times.get(starter) ?? [])
}

function timeOne({ name, command, input, env }: Starter, file: string): number {
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
