import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, sendJson, stop } from '../http.ts'
import { LIFE_S } from './state.ts'

export interface MetadataOptions {
  /** Whether the machine has an account. Default: true. */
  readonly hasAccount?: boolean
  /** As what it makes itself known. Default: `Google`. */
  readonly flavor?: string
  readonly lifeS?: number
  /** The statuses of the first answers. */
  readonly statuses?: readonly number[]
}

/** A machine's metadata server, on loopback. */
export interface MetadataServer {
  /** For `GCE_METADATA_HOST`. */
  readonly host: string
  readonly asked: readonly string[]
  readonly token: string
  close(): Promise<void>
}

const PATH = '/computeMetadata/v1/instance/service-accounts/default/token'

/** @see https://cloud.google.com/compute/docs/metadata/querying-metadata */
export async function startMetadata({
  hasAccount = true,
  flavor = 'Google',
  lifeS = LIFE_S,
  statuses = [],
}: MetadataOptions = {}): Promise<MetadataServer> {
  const asked: string[] = []
  const token = 'ya29.c.of-the-machine'
  const answer = (req: IncomingMessage, res: ServerResponse) => {
    asked.push(req.url ?? '')
    res.setHeader('Metadata-Flavor', flavor)
    const status = statuses[asked.length - 1] ?? 200
    if (req.headers['metadata-flavor'] !== 'Google') res.writeHead(403).end()
    else if (status !== 200) res.writeHead(status).end(`${status} for ${token}`)
    else if (req.url !== PATH || !hasAccount) res.writeHead(404).end()
    else sendJson(res, 200, { access_token: token, expires_in: lifeS, token_type: 'Bearer' })
  }
  const server = createServer(answer)
  const port = await listen(server)
  return { host: `127.0.0.1:${port}`, asked, token, close: () => stop(server) }
}
