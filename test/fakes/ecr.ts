import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { testAuthority } from './certificates.ts'
import { listen, read, stop } from './http.ts'
import { checkSignature, type Signer } from './sigv4.ts'
import type { Misbehaviour } from './token-server.ts'

/** What the API was asked. */
interface EcrCall {
  readonly host: string
  readonly target: string
  readonly accessKeyId: string | undefined
  readonly sessionToken: string | undefined
  /** The body, which is `{}`: `registryIds` is deprecated. */
  readonly body: string
}

/** What the API does instead of giving a token. */
export type EcrAnswer =
  | { readonly error: string; readonly status?: number }
  /** Any body, with status 200 unless it says another. */
  | { readonly body: string; readonly status?: number }
  /** The documented answer with other fields. */
  | { readonly data: unknown }
  | 'no answer'
  | 'half an answer'
  | 'hang up'
  | Misbehaviour

export interface EcrOptions {
  /** The API's hosts, as `api.ecr.us-east-1.amazonaws.com`: one server is all of them. */
  readonly hosts: readonly [string, ...string[]]
  readonly signer: Signer
  /** The API's clock, in milliseconds since the epoch. Default: this machine's. */
  readonly now?: () => number
  /** What the first calls get; the rest get a token, or the last of `always`. */
  readonly answers?: readonly EcrAnswer[]
  readonly always?: EcrAnswer
  /** When tokens end. */
  readonly expiresAt: Date
}

/** Amazon's ECR API on loopback: checks signatures, and gives tokens that look like Amazon's. */
export interface EcrApi {
  /** For `connect` of a `Net`. */
  readonly connect: ReadonlyMap<string, string>
  readonly ca: string
  readonly calls: readonly EcrCall[]
  /** The password of every token. */
  readonly password: string
  close(): Promise<void>
}

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
export async function startEcr({
  hosts,
  signer,
  answers = [],
  always,
  expiresAt,
  now = Date.now,
}: EcrOptions): Promise<EcrApi> {
  const authority = testAuthority()
  const calls: EcrCall[] = []
  const password = mintPassword(expiresAt)

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = (await read(req)).toString()
    const { caller, fault } = checkSignature(req, body, {
      signer: (id) => (id === signer.accessKeyId ? signer : undefined),
      service: 'ecr',
      now,
    })
    const target = String(req.headers['x-amz-target'])
    const { host = '' } = req.headers
    calls.push({ host, target, ...caller, body })
    res.setHeader('Date', new Date(now()).toUTCString())
    if (target !== TARGET) return answer(res, { error: 'UnknownOperationException' })
    if (fault !== undefined) return answer(res, { error: fault })
    const granted = { data: [authorizationOf(password, expiresAt)] }
    answer(res, answers[calls.length - 1] ?? always ?? granted)
  }
  const listener: RequestListener = (req, res) => void handle(req, res)
  const server = createServer(authority.certificateFor(...hosts), listener)
  const port = await listen(server)
  return {
    connect: new Map(hosts.map((host) => [`${host}:443`, `127.0.0.1:${port}`])),
    ca: authority.ca,
    calls,
    password,
    close: () => stop(server),
  }
}

function answer(res: ServerResponse, how: EcrAnswer): void {
  if (how === 'no answer') return
  if (typeof how === 'function') {
    how(res.req, res)
    return
  }
  if (how === 'hang up') {
    res.socket?.destroy()
    return
  }
  const send = (status: number, body: string) =>
    res.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1' }).end(body)
  if (how === 'half an answer') {
    res.writeHead(200, { 'Content-Length': 1000 }).write('{"authorizationData":')
  } else if ('error' in how) {
    // The message of a real refusal quotes what was sent, so that nobody may print it.
    const message = `you sent ${JSON.stringify(res.req.headers)}`
    send(how.status ?? 400, JSON.stringify({ __type: how.error, message }))
  } else if ('body' in how) {
    send(how.status ?? 200, how.body)
  } else {
    send(200, JSON.stringify({ authorizationData: how.data }))
  }
}

/** What `GetAuthorizationToken` gives. */
export function authorizationOf(password: string, expiresAt: Date) {
  return {
    authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
    expiresAt: expiresAt.getTime() / 1000,
    proxyEndpoint: 'https://123456789012.dkr.ecr.us-east-1.amazonaws.com',
  }
}

/** JSON in base64, 1 to 2 KiB of it sealed, which tells its own end. */
export function mintPassword(expiresAt: Date): string {
  const sealed = Buffer.alloc(1400, 'sealed by Amazon').toString('base64')
  const expiration = Math.floor(expiresAt.getTime() / 1000)
  const envelope = { payload: sealed, version: '2', type: 'DATA_KEY', expiration }
  return Buffer.from(JSON.stringify(envelope)).toString('base64')
}
