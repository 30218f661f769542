import { rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BINARY, type Shipped } from '../test/binary/shipped.ts'
import type { Environment } from '../test/clients/child.ts'
import { ECR_HOST, loginToEcr, startAmazon } from './amazon.ts'
import { fillVault } from './entries.ts'
import { findHelpers } from './helpers.ts'
import { NODE, type Starter, timeAll } from './starter.ts'
import type { Row } from './table.ts'

const HOST = 'ghcr.io'
const ENTRIES = 100_000

const helper = BINARY.replace(/purser$/, 'docker-credential-purser')

/** Times `docker-credential-purser get`, and what else a client might start in its place. */
export async function measureStartUp(shipped: Shipped): Promise<readonly Row[]> {
  await login(shipped)
  await shipped.serve([])
  const alone = get('cold', HOST, { PURSER_HOME: shipped.home, PURSER_SOCKET: '' })
  const asking = get('warm', HOST, { PURSER_HOME: shipped.home })
  const cat: Starter = { name: '`/bin/cat`', command: ['/bin/cat'], input: HOST, env: {} }
  const others = await findHelpers(shipped)
  const row = timeAll([alone, asking, NODE, cat, ...others], shipped.folder)
  return [
    row('`docker-credential-purser get`, cold: from the vault', alone, NODE),
    row('the same, warm: from the agent', asking, NODE),
    ...[cat, ...others].map((peer) => row('the same, warm', asking, peer)),
  ]
}

/** Times a `get` for Amazon's registry, without an agent; Amazon's API is here, and answers at once. */
export async function measureExchange(shipped: Shipped): Promise<readonly Row[]> {
  const amazon = await startAmazon(shipped)
  await loginToEcr(shipped)
  const config = join(shipped.folder, 'amazon.toml')
  await writeFile(config, amazon.config.join('\n'))
  const home = { PURSER_HOME: shipped.home, PURSER_SOCKET: '' }
  const before = () => rmSync(join(shipped.home, 'logins'), { recursive: true, force: true })
  const plain = { ...get('ECR', ECR_HOST, { ...home, ...amazon.env }), before }
  const secure = { ...get('ECR, TLS', ECR_HOST, { ...home, PURSER_CONFIG: config }), before }
  const exchanged = timeAll([plain, secure, NODE], shipped.folder)
  // The last of those has left its login there.
  const sealed = get('ECR, sealed', ECR_HOST, home)
  const kept = timeAll([sealed, NODE], shipped.folder)
  return [
    exchanged('`get` of an ECR login, cold: with an exchange', plain, NODE),
    exchanged('the same, by TLS', secure, NODE),
    kept('the same, from the sealed logins', sealed, NODE),
  ]
}

/** Times a `get` from a vault with very many entries, beside one from a vault with one. */
export async function measureEntries(shipped: Shipped): Promise<readonly Row[]> {
  await login(shipped)
  const many = join(shipped.folder, 'many')
  fillVault(many, HOST, ENTRIES)
  const [one, all] = [shipped.home, many].map((home) =>
    get('with one entry', HOST, { PURSER_HOME: home, PURSER_SOCKET: '' }),
  ) as [Starter, Starter]
  const row = timeAll([one, all], shipped.folder)
  return [row(`\`get\` with ${ENTRIES.toLocaleString('en-GB')} entries in the vault`, all, one)]
}

async function login(shipped: Shipped): Promise<void> {
  const args = ['login', HOST, '--username', 'captain', '--password-stdin']
  await shipped.purser(args, 'bench')
}

function get(name: string, input: string, env: Environment): Starter {
  return { name, command: [helper, 'get'], input, env }
}
