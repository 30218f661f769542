import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createNet } from '../../src/net/undici.ts'
import { createEcr } from '../../src/registries/ecr.ts'
import type { Exchange } from './elsewhere.ts'

const exchange: Exchange = JSON.parse(process.argv[2] ?? '')
const net = createNet({ ca: [exchange.ca], connect: new Map(exchange.connect) })
const ecr = createEcr({ net: async () => net, now: Date.now })
const login = await ecr.exchange(
  {
    kind: 'aws',
    accessKeyId: exchange.accessKeyId,
    secretAccessKey: new Secret(exchange.secretAccessKey),
    sessionToken: undefined,
  },
  {
    workspace: 'default',
    host: parseHost(exchange.host),
    repository: undefined,
    action: 'pull',
  },
  AbortSignal.timeout(15_000),
)
await net.close()
process.stdout.write(`${login.username}:${login.secret.reveal()}`)
