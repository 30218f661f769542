import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { testAuthority } from '../certificates.ts'
import { listen, read, stop } from '../http.ts'
import { checkSignature } from '../sigv4.ts'
import { handleContainer } from './container.ts'
import { handleInstance } from './instance.ts'
import { handleRegistry } from './registry.ts'
import { handleOidc, handleSso } from './sso.ts'
import type { Asked, CloudOptions, CloudState } from './state.ts'
import { handleSts } from './sts.ts'

/** Amazon's services on loopback, all on one address. */
export interface Cloud {
  readonly origin: string
  /** For a dialer: the names that the services have on the internet too, and who vouches for them. */
  readonly connect: ReadonlyMap<string, string>
  readonly ca: string
  /** By which names they were asked, in order. */
  readonly hosts: readonly string[]
  /** What was asked, in order: `STS AssumeRole arn:…`, `ECR us-east-1 AKIA…`. */
  readonly calls: readonly string[]
  close(): Promise<void>
}

/** Starts them. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const calls: string[] = []
  const now = options.now ?? Date.now
  const signers = new Map((options.users ?? []).map((user) => [user.accessKeyId, user]))
  const state: CloudState = {
    ...options,
    now,
    note(name, res) {
      calls.push(name)
      res.setHeader('Date', new Date(now()).toUTCString())
      return options.intercept?.(name, res) ?? false
    },
    issue(owner) {
      const serial = String(signers.size).padStart(4, '0')
      const session = {
        accessKeyId: `ASIA${owner.toUpperCase().replace(/[^A-Z0-9]/g, '')}${serial}`,
        secretAccessKey: `secret of ${owner} ${serial}`,
        sessionToken: `session of ${owner} ${serial}`,
        expiresAt: new Date(now() + 3_600_000),
      }
      signers.set(session.accessKeyId, session)
      return session
    },
    check({ req, body }, service) {
      const find = (id: string) => signers.get(id)
      const { caller, fault } = checkSignature(req, body, { signer: find, service, now })
      const signer = find(caller.accessKeyId ?? '')
      if (fault === undefined && signer !== undefined) return { signer }
      return { fault: fault ?? 'UnrecognizedClientException' }
    },
  }
  const hosts: string[] = []
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    hosts.push(req.headers.host ?? '')
    void handle(req, res, state)
  }
  const server = createServer(listener)
  const port = await listen(server)
  const authority = testAuthority()
  const [first = 'amazon.example', ...others] = options.names ?? []
  const tlsServer = createTlsServer(authority.certificateFor(first, ...others), listener)
  const tlsPort = await listen(tlsServer)
  return {
    origin: `http://127.0.0.1:${port}`,
    connect: new Map([first, ...others].map((name) => [`${name}:443`, `127.0.0.1:${tlsPort}`])),
    ca: authority.ca,
    hosts,
    calls,
    close: async () => {
      await Promise.all([stop(server), stop(tlsServer)])
    },
  }
}

async function handle(req: IncomingMessage, res: ServerResponse, state: CloudState) {
  const body = (await read(req)).toString()
  const url = new URL(req.url ?? '/', 'http://fake')
  const asked: Asked = { req, res, url, body, state }
  const { pathname } = url
  if (req.headers['x-amz-target'] !== undefined) handleRegistry(asked)
  else if (pathname === '/federation/credentials') handleSso(asked)
  else if (pathname === '/token') handleOidc(asked)
  else if (pathname.startsWith('/latest/')) handleInstance(asked)
  else if (pathname.startsWith('/container')) handleContainer(asked)
  else if (body.includes('Action=')) handleSts(asked)
  else res.writeHead(404).end()
}
