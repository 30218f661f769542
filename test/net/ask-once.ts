import { request } from 'node:https'
import { createDialer } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createNet } from '../../src/net/undici.ts'

/** Asks the origin of its argument in both ways, and prints the codes of the errors. */
const origin = process.argv[2] ?? ''
const dial = createDialer({ ca: [], connect: new Map() })
const net = createNet(dial)
const httpsAgent = createHttpsAgent(dial)

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error)

const undici = await net.upstream
  .request({ origin, path: '/', method: 'GET' })
  .then(({ statusCode }) => statusCode, codeOf)
const agent = await new Promise((resolve) => {
  request(origin, { agent: httpsAgent }, (res) => resolve(res.statusCode))
    .once('error', (error) => resolve(codeOf(error)))
    .end()
})
console.log(JSON.stringify({ undici, agent }))
httpsAgent.destroy()
await net.close()
