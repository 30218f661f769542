import { readFileSync } from 'node:fs'
import { createServer as createPlain, type RequestListener } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'

/**
 * Amazon's ECR API on loopback, without TLS and with the key and the certificate that are the
 * arguments: it looks at nothing and answers at once. A process of its own, because the one that
 * measures stands still while what it measures runs.
 */
const [, , key = '', cert = ''] = process.argv

/** As long as Amazon's: a token of 3 KiB. */
const TOKEN = Buffer.from(`AWS:${Buffer.alloc(1800, 'a').toString('base64')}`).toString('base64')

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
const answer: RequestListener = (_, response) => {
  const expiresAt = Date.now() / 1000 + 12 * 3600
  response.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify({ authorizationData: [{ authorizationToken: TOKEN, expiresAt }] }))
}

const servers = [
  createPlain(answer),
  createSecure({ key: readFileSync(key), cert: readFileSync(cert) }, answer),
]
for (const server of servers) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}
console.log(JSON.stringify(servers.map((server) => (server.address() as AddressInfo).port)))
