import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** A request, or what would be one. */
type Request = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/** Who may call. */
export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Who called, and what is wrong with the signature, by the name of Amazon's error. */
interface Checked {
  readonly caller: {
    readonly accessKeyId: string | undefined
    readonly sessionToken: string | undefined
  }
  /** For which it is signed. */
  readonly region: string
  readonly fault: string | undefined
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([0-9]{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/

/** How far the clocks may be apart; Amazon's own are at most 15. */
const MAX_SKEW_MS = 5 * 60_000

/** What a signature is checked against. */
interface Check {
  /** Who may call, by access key id. */
  signer(accessKeyId: string): Signer | undefined
  /** As in the scope: `ecr`, `sts`. */
  readonly service: string
  /** The clock of who checks, in milliseconds since the epoch. */
  readonly now: () => number
}

const TOKEN_HEADER = 'x-amz-security-token'

/**
 * Signs the request again with the secret key, and compares.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function checkSignature(
  req: Request,
  body: string,
  { signer: find, service, now }: Check,
): Checked {
  const match = AUTHORIZATION.exec(req.headers.authorization ?? '')
  const [, accessKeyId, day = '', region = '', forService, names = '', signature] = match ?? []
  const sessionToken = headerOf(req, TOKEN_HEADER)
  const date = headerOf(req, 'x-amz-date') ?? ''
  const signer = find(accessKeyId ?? '')
  const isScoped =
    date.startsWith(day) && forService === service && isOfRegion(req.headers.host ?? '', region)
  const sign = (secretAccessKey: string) => {
    const scope = `${day}/${region}/${service}/aws4_request`
    const hash = sha256(canonical(req, body, names.split(';')))
    const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part).digest(),
      `AWS4${secretAccessKey}`,
    )
    const text = ['AWS4-HMAC-SHA256', date, scope, hash].join('\n')
    return createHmac('sha256', key).update(text).digest('hex')
  }
  const fault = () => {
    if (match === null) return 'MissingAuthenticationTokenException'
    if (signer === undefined || signer.sessionToken !== sessionToken) {
      return 'UnrecognizedClientException'
    }
    const isSigned =
      isScoped &&
      Math.abs(timeOf(date) - now()) < MAX_SKEW_MS &&
      covers(req, names.split(';')) &&
      signature === sign(signer.secretAccessKey)
    return isSigned ? undefined : 'InvalidSignatureException'
  }
  return { caller: { accessKeyId, sessionToken }, region, fault: fault() }
}

/** The names of both kinds of endpoints, `api.ecr.REGION` and `ecr.REGION`, and this machine. */
function isOfRegion(host: string, region: string): boolean {
  return host.split('.').includes(region) || /^(?:127\.0\.0\.1|localhost)(?::|$)/.test(host)
}

function covers(req: Request, signed: readonly string[]): boolean {
  const needed = ['host', 'x-amz-date', 'x-amz-target', TOKEN_HEADER]
  return needed.every((name) => req.headers[name] === undefined || signed.includes(name))
}

function canonical(req: Request, body: string, signed: readonly string[]): string {
  const headers = signed.map((name) => `${name}:${headerOf(req, name)?.trim()}\n`)
  const [path, query = ''] = (req.url ?? '').split('?')
  return [req.method, path, query, headers.join(''), signed.join(';'), sha256(body)].join('\n')
}

function headerOf(req: Request, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

function timeOf(date: string): number {
  return Date.parse(date.replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
