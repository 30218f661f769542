import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBounded } from '../../model/bytes.ts'
import { digestOf } from './digest.ts'
import { createGate, type GateOptions } from './gate.ts'

/** A registry in memory, on a port of the loopback interface. */
export interface DemoRegistry {
  readonly port: number
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

interface Manifest {
  readonly mediaType: string
  readonly bytes: Buffer
}

/** The demo's image has some hundred bytes, a client's own wrapping included. */
const MAX_BODY_BYTES = 1024 * 1024

const PATH = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/([^/]*)$/

/**
 * Starts a registry that keeps what is pushed to it until it is closed.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export async function startRegistry(options: GateOptions): Promise<DemoRegistry> {
  const gate = createGate(options)
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Manifest>()
  const uploads = new Map<string, Buffer>()

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '', 'http://registry.invalid')
    const body = await readBounded(request, MAX_BODY_BYTES, () => new Error('body too large'))
    if (url.pathname === '/token') return answerToken(request, url)
    if (gate.admits(request, url)) return answerContent(request, url, body)
    const headers = { 'WWW-Authenticate': gate.challenge(request, url) }
    return { ...fault(401, 'UNAUTHORIZED'), headers }
  }

  function answerToken(request: IncomingMessage, url: URL): Answer {
    const token = gate.grant(request, url)
    return token === undefined ? fault(401, 'UNAUTHORIZED') : json(200, { token, expires_in: 300 })
  }

  function answerContent(request: IncomingMessage, url: URL, body: Buffer): Answer {
    if (url.pathname === '/v2/') return json(200, {})
    const [, repository = '', kind, reference = ''] = PATH.exec(url.pathname) ?? []
    switch (kind) {
      case 'blobs':
        return found(blobs.get(reference), reference, 'application/octet-stream')
      case 'blobs/uploads':
        return answerUpload(request, url, reference, body)
      case 'manifests':
        return answerManifest(request, `${repository}@`, reference, body)
      default:
        return fault(404, 'NAME_UNKNOWN')
    }
  }

  function answerManifest(
    request: IncomingMessage,
    prefix: string,
    reference: string,
    bytes: Buffer,
  ): Answer {
    if (request.method !== 'PUT') {
      const manifest = manifests.get(prefix + reference)
      if (manifest === undefined) return fault(404, 'MANIFEST_UNKNOWN')
      return found(manifest.bytes, digestOf(manifest.bytes), manifest.mediaType)
    }
    const digest = digestOf(bytes)
    const manifest = { mediaType: request.headers['content-type'] ?? '', bytes }
    manifests.set(prefix + digest, manifest)
    manifests.set(prefix + reference, manifest)
    return created(request, digest)
  }

  function answerUpload(request: IncomingMessage, url: URL, id: string, body: Buffer): Answer {
    if (request.method === 'POST') {
      const upload = randomUUID()
      uploads.set(upload, Buffer.alloc(0))
      return progress(`${url.pathname}${upload}`, 0)
    }
    const before = uploads.get(id)
    if (before === undefined) return fault(404, 'BLOB_UPLOAD_UNKNOWN')
    const bytes = Buffer.concat([before, body])
    uploads.set(id, bytes)
    if (request.method === 'PATCH') return progress(url.pathname, bytes.length)
    uploads.delete(id)
    const digest = digestOf(bytes)
    if (url.searchParams.get('digest') !== digest) return fault(400, 'DIGEST_INVALID')
    blobs.set(digest, bytes)
    return created(request, digest)
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (given) => send(request, response, given),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

function send({ method }: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, headers, body = Buffer.alloc(0) } = answer
  response.writeHead(status, { ...headers, 'Content-Length': body.length })
  response.end(method === 'HEAD' ? undefined : body)
}

function found(body: Buffer | undefined, digest: string, mediaType: string): Answer {
  if (body === undefined) return fault(404, 'BLOB_UNKNOWN')
  return {
    status: 200,
    headers: { 'Docker-Content-Digest': digest, 'Content-Type': mediaType },
    body,
  }
}

function created({ url = '' }: IncomingMessage, digest: string): Answer {
  return { status: 201, headers: { Location: url, 'Docker-Content-Digest': digest } }
}

function progress(location: string, size: number): Answer {
  return { status: 202, headers: { Location: location, Range: `0-${Math.max(size - 1, 0)}` } }
}

function fault(status: number, code: string): Answer {
  return json(status, { errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] })
}

function json(status: number, value: unknown): Answer {
  const body = Buffer.from(JSON.stringify(value))
  return { status, headers: { 'Content-Type': 'application/json' }, body }
}
