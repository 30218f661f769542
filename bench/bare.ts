import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { Agent } from 'undici'

/**
 * The least that a proxy of `node:http` and undici does: it adds a login to each request, and looks at
 * nothing. What Purser does beside is the distance to it.
 *
 * Arguments: the upstream's port, host and authority, and the login.
 */
const [, , port = '', host = '', ca = '', authorization = ''] = process.argv

const agent = new Agent({
  connections: 128,
  pipelining: 1,
  connect(_, done) {
    const to = { host: '127.0.0.1', port: Number(port), servername: host, ca: readFileSync(ca) }
    const socket = connect({ ...to, ALPNProtocols: ['http/1.1'] }, () => done(null, socket))
    socket.once('error', (error) => done(error, null))
  },
})

const server = createServer({ optimizeEmptyRequests: true }, (req, res) => {
  let pause = () => {}
  let resume = () => {}
  const headers = ['range', req.headers.range ?? '', 'authorization', authorization]
  agent.dispatch(
    { origin: `https://${host}`, path: req.url ?? '', method: 'GET', headers },
    {
      onRequestStart(controller) {
        pause = () => controller.pause()
        resume = () => controller.resume()
      },
      onResponseStart(_, status, { connection: __, ...received }) {
        res.writeHead(status, received)
      },
      onResponseData(_, chunk) {
        if (res.write(chunk)) return
        pause()
        res.once('drain', resume)
      },
      onResponseEnd() {
        res.end()
      },
      onResponseError() {
        res.destroy()
      },
    },
  )
})
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
