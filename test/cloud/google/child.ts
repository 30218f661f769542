import { describeError, PurserError } from '../../../src/model/errors.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createGar } from '../../../src/registries/gar/gar.ts'
import { credentialOf } from './credential.ts'
import type { Question } from './elsewhere.ts'

/** Exchanges in a process of its own: what an SDK reads of its environment, it reads there. */
const { file, ca, connect }: Question = JSON.parse(process.argv[2] ?? '')
const httpsAgent = createHttpsAgent(createDialer({ ca: [ca], connect: new Map(connect) }))
const gar = createGar({ httpsAgent: async () => httpsAgent, env: process.env, now: Date.now })
const target = {
  workspace: 'default',
  host: parseHost('us-docker.pkg.dev'),
  repository: undefined,
  action: 'pull',
} as const
const started = performance.now()

async function outcome(): Promise<string> {
  const credential = file === undefined ? ({ kind: 'ambient-gcp' } as const) : credentialOf(file)
  try {
    const login = await gar.exchange(credential, target, AbortSignal.timeout(20_000))
    return (login?.secret ?? new Secret('nothing')).reveal()
  } catch (error) {
    if (!(error instanceof PurserError)) throw error
    return describeError(error)
  }
}

const told = await outcome()
httpsAgent.destroy()
process.stdout.write(JSON.stringify({ told, tookMs: performance.now() - started }))
