import { describeError, hintOf, PurserError } from '../../../src/model/errors.ts'
import { parseHost } from '../../../src/model/host.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createRegistries, registryOf } from '../../../src/registries/all.ts'
import type { Outcome, Question } from './elsewhere.ts'

/** Exchanges in a process of its own: the SDK reads its environment and its home. */
const { host: name, keys, ca, connect }: Question = JSON.parse(process.argv[2] ?? '')
const host = parseHost(name)
const httpsAgent = createHttpsAgent(createDialer({ ca, connect: new Map(connect) }))
const registries = createRegistries({
  httpsAgent: async () => httpsAgent,
  net: () => Promise.reject(new Error('nothing of Amazon needs it')),
  env: process.env,
  now: Date.now,
})
const registry = registryOf(registries, host)
const started = performance.now()

async function outcome(): Promise<Outcome> {
  try {
    const credential = registry.read(keys) ?? {
      kind: 'ambient-aws',
      profile: undefined,
      role: undefined,
    }
    const target = { workspace: 'default', host, repository: undefined, action: 'pull' } as const
    const login = await registry.exchange(credential, target, AbortSignal.timeout(30_000))
    if (login === undefined) return { miss: true }
    return {
      login: `${login.username}:${login.secret.reveal().length}`,
      lifeMs: (login.expiresAt?.getTime() ?? Number.NaN) - Date.now(),
    }
  } catch (error) {
    if (!(error instanceof PurserError)) throw error
    return { code: error.code, message: describeError(error), hint: hintOf(error) }
  }
}

const result = await outcome()
const tookMs = performance.now() - started
httpsAgent.destroy()
process.stdout.write(JSON.stringify({ result, tookMs }))
