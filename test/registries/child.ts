import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createEcr } from '../../src/registries/ecr/ecr.ts'
import type { Exchange } from './elsewhere.ts'

const exchange: Exchange = JSON.parse(process.argv[2] ?? '')
const dial = createDialer({ ca: [exchange.ca], connect: new Map(exchange.connect) })
const httpsAgent = createHttpsAgent(dial)
const ecr = createEcr({ httpsAgent: async () => httpsAgent, env: process.env, now: Date.now })
const login = await ecr.exchange(
  {
    kind: 'aws',
    accessKeyId: exchange.accessKeyId,
    secretAccessKey: new Secret(exchange.secretAccessKey),
    sessionToken: undefined,
    role: undefined,
  },
  {
    workspace: 'default',
    host: parseHost(exchange.host),
    repository: undefined,
    action: 'pull',
  },
  AbortSignal.timeout(15_000),
)
httpsAgent.destroy()
process.stdout.write(`${login?.username}:${login?.secret.reveal()}`)
