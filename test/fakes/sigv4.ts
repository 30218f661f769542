import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

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
  readonly fault: string | undefined
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([0-9]{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/

/** How far the clocks may be apart. */
const MAX_SKEW_MS = 15 * 60_000

const TOKEN_HEADER = 'x-amz-security-token'

/**
 * Signs the request again with the secret key, and compares.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function checkSignature(
  req: IncomingMessage,
  body: string,
  signer: Signer,
  service: string,
): Checked {
  const match = AUTHORIZATION.exec(req.headers.authorization ?? '')
  const [, accessKeyId, day = '', region = '', forService, names = '', signature] = match ?? []
  const sessionToken = headerOf(req, TOKEN_HEADER)
  const date = headerOf(req, 'x-amz-date') ?? ''
  const isKnown = accessKeyId === signer.accessKeyId && sessionToken === signer.sessionToken
  const isScoped =
    isNow(date) &&
    date.startsWith(day) &&
    forService === service &&
    // The names of both kinds of endpoints: api.ecr.REGION and ecr.REGION.
    req.headers.host?.split('.').includes(region)
  const sign = () => {
    const scope = `${day}/${region}/${service}/aws4_request`
    const hash = sha256(canonical(req, body, names.split(';')))
    const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part).digest(),
      `AWS4${signer.secretAccessKey}`,
    )
    const text = ['AWS4-HMAC-SHA256', date, scope, hash].join('\n')
    return createHmac('sha256', key).update(text).digest('hex')
  }
  const fault = () => {
    if (match === null) return 'MissingAuthenticationTokenException'
    if (!isKnown) return 'UnrecognizedClientException'
    const isSigned = isScoped && covers(names.split(';'), sessionToken) && signature === sign()
    return isSigned ? undefined : 'InvalidSignatureException'
  }
  return { caller: { accessKeyId, sessionToken }, fault: fault() }
}

function covers(signed: readonly string[], sessionToken: string | undefined): boolean {
  const needed = ['host', 'x-amz-date', 'x-amz-target']
  if (sessionToken !== undefined) needed.push(TOKEN_HEADER)
  return needed.every((name) => signed.includes(name))
}

function canonical(req: IncomingMessage, body: string, signed: readonly string[]): string {
  const headers = signed.map((name) => `${name}:${headerOf(req, name)?.trim()}\n`)
  return [req.method, req.url, '', headers.join(''), signed.join(';'), sha256(body)].join('\n')
}

function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

function isNow(date: string): boolean {
  const iso = date.replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return Math.abs(Date.parse(iso) - Date.now()) < MAX_SKEW_MS
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
