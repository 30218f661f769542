import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askAgent, showing } from '../doors/agent.ts'
import { purser } from '../doors/serving.ts'
import { type Answer, ask } from '../proxy/harness.ts'
import { signatureOf } from './private-registry.ts'
import { askProxy, DIGEST, entryOf, type Node, openNode, type Tenant } from './tenants.ts'

const stack = new AsyncDisposableStack()
let node: Node
beforeAll(async () => {
  node = await openNode(stack)
})
afterAll(() => stack.disposeAsync())

/** Who tries, at whose. */
interface Pair {
  readonly me: Tenant
  readonly other: Tenant
  /** The other's workspace; of two in one, the operator's. */
  readonly elsewhere: string
}

type Attempts = Readonly<Record<string, (pair: Pair) => Promise<unknown>>>

const blobOf = (owner: string) => `${owner}/app/blobs/${DIGEST}`

/** What came, and where it says to go. */
const told = ({ status, headers, body }: Answer) => ({ status, headers, body: body.toString() })

/** A question to the agent as the one who tries, with what makes it another's. */
async function askAs({ me }: Pair, more: object) {
  const { home } = node.serving
  const usual = { workspace: me.workspace, host: node.requests.host, action: 'pull' }
  const question = { vault: join(home, 'vault.db'), lease: me.lease.id, ...usual, ...more }
  return askAgent(home, 'POST', '/v1/login', JSON.stringify(question))
}

const DOORS: Readonly<Record<string, Attempts>> = {
  helper: {
    'asks for the registry of both': ({ me }) => node.helper(me, 'get', node.requests.host),
    'says that it is of another workspace': ({ me, elsewhere }) =>
      node.helper(me, 'get', node.entries.host, { PURSER_WORKSPACE: elsewhere }),
    'asks for a registry that the other one knows': ({ me, other }) =>
      node.helper(me, 'get', other.own.host),
    'asks for what the node has': ({ me }) => node.helper(me, 'get', node.nodes.host),
    'lists what there is': ({ me, elsewhere }) =>
      node.helper(me, 'list', '', { PURSER_WORKSPACE: elsewhere }),
  },
  proxy: {
    'shows the other’s id for a secret': async ({ other }) =>
      told(
        await askProxy(
          node,
          { lease: { ...other.lease, secret: other.lease.id } },
          node.requests,
          blobOf(other.name),
        ),
      ),
    'shows its own secret under the other’s id': async ({ me, other }) =>
      told(
        await askProxy(node, me, node.requests, blobOf(other.name), {
          headers: showing(me.lease.secret, other.lease.id),
        }),
      ),
    'shows what it could have seen of the other’s secret': async ({ me, other }) => {
      const { secret } = other.lease
      const hash = createHash('sha256').update(secret).digest('hex')
      const guesses = [`${secret.slice(0, -1)}_`, `${secret}=`, hash, `purser_lease_${hash}`]
      const answers = guesses.map((guess) =>
        askProxy(node, me, node.requests, blobOf(other.name), { headers: showing(guess) }),
      )
      return (await Promise.all(answers)).map(told)
    },
    'asks for a registry that the other one knows': async ({ me, other }) =>
      told(await askProxy(node, me, other.own, blobOf(other.users.own.name))),
    'names another workspace, where it can': async ({ me, elsewhere }) => {
      const path = `${elsewhere}/app/manifests/1?workspace=${elsewhere}`
      const headers = { 'x-purser-workspace': elsewhere, 'purser-request': `lease:${elsewhere}` }
      return told(await askProxy(node, me, node.entries, path, { headers }))
    },
    'asks for what the node has': async ({ me }) =>
      told(await askProxy(node, me, node.nodes, 'node/app/manifests/1')),
  },
  agent: {
    'names another workspace': (pair) =>
      askAs(pair, { host: node.entries.host, workspace: pair.elsewhere }),
    'names another workspace’s entry': (pair) =>
      askAs(pair, {
        host: node.entries.host,
        workspace: pair.elsewhere,
        entry: entryOf(pair.elsewhere),
      }),
    'names a registry that the other one knows': (pair) =>
      askAs(pair, { host: pair.other.own.host, repository: `${pair.other.users.own.name}/app` }),
    'names the node’s registry': (pair) => askAs(pair, { host: node.nodes.host }),
    'gives the other’s secret, or half its id, for an id': async (pair) => {
      const { secret, id } = pair.other.lease
      return [await askAs(pair, { lease: secret }), await askAs(pair, { lease: id.slice(0, 8) })]
    },
    'lists the leases, and asks how all is': async () => {
      const { home } = node.serving
      return [await askAgent(home, 'GET', '/v1/leases'), await askAgent(home, 'GET', '/v1/status')]
    },
  },
  'what is kept': {
    'asks with the scope for which the other has a token': async ({ me, other }) => {
      const path = `${other.name}/app/manifests/1`
      expect((await askProxy(node, other, node.requests, path)).status).toBe(200)
      node.arrivals()
      return told(await askProxy(node, me, node.requests, path))
    },
    'asks for the blob whose signed URL the other has': async ({ me, other }) => {
      const theirs = await askProxy(node, other, node.requests, blobOf(other.name))
      expect(theirs.headers.location).toContain(signatureOf(other.users.request))
      node.arrivals()
      return told(await askProxy(node, me, node.requests, blobOf(other.name)))
    },
    'goes on with the other’s upload': async ({ me, other }) => {
      const path = `${other.name}/app/blobs/uploads/`
      const begun = await askProxy(node, other, node.requests, path, { method: 'POST' })
      expect(begun.status).toBe(202)
      node.arrivals()
      const { location = '' } = begun.headers
      const part = { method: 'PATCH', headers: showing(me.lease.secret), body: 'bytes' }
      return told(await ask(`${node.serving.url}${location}`, part))
    },
    'asks for the login that the other has just got': async (pair) => {
      const { me, other } = pair
      await askAs({ ...pair, me: other }, {})
      return askAs({ ...pair, me }, {})
    },
    'looks into its client files': async ({ me }) => {
      const { directory, environment } = me.lease
      const files = globSync('*', { cwd: directory }).map((name) =>
        readFileSync(join(directory, name), 'utf8'),
      )
      const decoded = files.map((text) =>
        text.replace(/"auth": "([^"]+)"/g, (_, auth: string) =>
          Buffer.from(auth, 'base64').toString(),
        ),
      )
      expect(files).toHaveLength(1)
      return { files, decoded, environment }
    },
  },
}

const PAIRS = [
  ['red1', 'red2'],
  ['red1', 'blue1'],
  ['blue2', 'red2'],
  ['blue2', 'blue1'],
] as const

const ATTEMPTS = Object.entries(DOORS).flatMap(([door, attempts]) =>
  Object.entries(attempts).flatMap(([name, attempt]) =>
    PAIRS.map(([mine, others]) => ({ door, name, attempt, mine, others })),
  ),
)

function tenantCalled(name: string): Tenant {
  const found = node.tenants.find((tenant) => tenant.name === name)
  if (found === undefined) throw new Error(`no tenant is called ${name}`)
  return found
}

describe('a lease gets what is its own', () => {
  it.each(['red1', 'red2', 'blue1', 'blue2'])('%s', async (name) => {
    const me = tenantCalled(name)
    const { request, own, entry } = me.users
    const gets = await Promise.all([
      askProxy(node, me, node.requests, `${request.name}/app/manifests/1`),
      askProxy(node, me, node.entries, `${entry.name}/app/manifests/1`),
      askProxy(node, me, me.own, `${own.name}/app/manifests/1`),
    ])
    expect(gets.map(({ status }) => status)).toEqual([200, 200, 200])
    for (const [{ host }, user] of [
      [node.requests, request],
      [node.entries, entry],
      [me.own, own],
    ] as const) {
      const { stdout } = await node.helper(me, 'get', host)
      expect(JSON.parse(stdout)).toMatchObject({ Username: user.name, Secret: user.password })
    }
  })

  it('while the node has an identity, which it does not lend', async () => {
    const { home } = node.serving
    const asked = await purser(home, ['get', node.nodes.host, '--json'])
    expect(JSON.parse(asked.stdout)).toMatchObject({ username: 'node', source: 'docker' })
  })
})

it('there are 64 attempts, and more', () => {
  expect(ATTEMPTS.length).toBeGreaterThanOrEqual(64)
})

describe.each(ATTEMPTS)('$door: $mine $name, of $others', ({ attempt, mine, others }) => {
  it('sees nothing that is not its own', async () => {
    const [me, other] = [tenantCalled(mine), tenantCalled(others)]
    const elsewhere = other.workspace === me.workspace ? 'default' : other.workspace
    node.arrivals()
    const seen = JSON.stringify(await attempt({ me, other, elsewhere }))
    const mineOnly = [me.users.request.name, me.users.own.name, me.users.entry.name, me.name]
    for (const [secret, whose] of node.secrets) {
      if (!mineOnly.includes(whose)) expect(seen).not.toContain(secret)
    }
    expect(node.arrivals().filter((name) => !mineOnly.includes(name))).toEqual([])
  })
})
