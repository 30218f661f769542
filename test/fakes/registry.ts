import { createHash, randomUUID } from 'node:crypto'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { ServerCertificate } from './certificates.ts'
import { fail, listen, read, sendBytes, sendJson, stop } from './http.ts'
import { createGate, type FakeAuth } from './registry-auth.ts'

/** One request as it came. */
interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** Answers a request in the registry's stead; `false` leaves it to the registry. */
export type Override = (req: IncomingMessage, res: ServerResponse) => boolean

export interface FakeRegistryOptions {
  readonly auth?: FakeAuth
  readonly tls?: ServerCertificate
  /** Sends GETs of blobs to a second server, as clouds do. */
  readonly redirects?: boolean
  readonly override?: Override
}

/** A small registry on 127.0.0.1, with a CDN behind it if it is to redirect. */
export interface FakeRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly origin: string
  readonly cdn: string
  /** All it was asked, in order, without `/token`. */
  readonly asked: readonly Asked[]
  /** How often each token scope was asked for, in order. */
  readonly tokens: readonly string[]
  readonly cdnAsked: readonly Asked[]
  /** Keeps a blob, and tells its digest. */
  putBlob(repository: string, bytes: Buffer): string
  putManifest(repository: string, tag: string, bytes: Buffer): string
  blob(repository: string, digest: string): Buffer | undefined
  manifest(repository: string, reference: string): Buffer | undefined
  /** Ends all tokens that were given out so far. */
  revokeTokens(): void
  close(): Promise<void>
}

interface Repository {
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, Buffer>
  readonly tags: Map<string, string>
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export async function startRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const gate = createGate(options.auth ?? { kind: 'none' }, () => origin)
  const repositories = new Map<string, Repository>()
  const uploads = new Map<string, Buffer[]>()
  const asked: Asked[] = []
  const cdnAsked: Asked[] = []

  const listener = (req: IncomingMessage, res: ServerResponse) => {
    void answer(req, res)
  }
  const server =
    options.tls === undefined ? createHttp(listener) : createHttps(options.tls, listener)
  const cdnServer = createHttp((req, res) => {
    cdnAsked.push(describe(req))
    const [, repository = '', digest = ''] =
      /^\/cdn\/(.+)\/(sha256:[0-9a-f]+)\?/.exec(req.url ?? '') ?? []
    const bytes = repositoryOf(repository).blobs.get(digest)
    // As object stores do: one way to authenticate is enough, two are an error.
    if (req.headers.authorization !== undefined)
      return fail(res, 400, 'Only one auth mechanism allowed')
    return bytes === undefined ? fail(res, 404, 'NoSuchKey') : sendBytes(req, res, bytes, {})
  })
  const port = await listen(server)
  const cdnPort = await listen(cdnServer)
  const host = `127.0.0.1:${port}`
  const origin = `${options.tls === undefined ? 'http' : 'https'}://${host}`
  const cdn = `http://127.0.0.1:${cdnPort}`

  function repositoryOf(name: string): Repository {
    const made = repositories.get(name) ?? {
      blobs: new Map(),
      manifests: new Map(),
      tags: new Map(),
    }
    repositories.set(name, made)
    return made
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '', origin)
    if (url.pathname === '/token') return gate.sendToken(req, res, url)
    asked.push(describe(req))
    if (options.override?.(req, res) === true) return
    if (!gate.mayEnter(req, url)) return gate.challenge(req, res, url)
    if (url.pathname === '/v2/') return sendJson(res, 200, {})
    const [, name = '', what = '', reference = ''] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|tags|referrers)\/([^/]*)$/.exec(url.pathname) ??
      []
    switch (what) {
      case 'blobs/uploads':
        return answerUpload(req, res, url, name, reference)
      case 'blobs':
        return answerBlob(req, res, name, reference)
      case 'manifests':
        return answerManifest(req, res, name, reference)
      case 'tags':
        return answerTags(res, url, name)
      case 'referrers':
        return sendJson(res, 200, { schemaVersion: 2, manifests: [] })
      default:
        return fail(res, 404, 'NAME_UNKNOWN')
    }
  }

  function answerBlob(
    req: IncomingMessage,
    res: ServerResponse,
    name: string,
    digest: string,
  ): void {
    const { blobs } = repositoryOf(name)
    const bytes = blobs.get(digest)
    if (bytes === undefined) {
      fail(res, 404, 'BLOB_UNKNOWN')
    } else if (req.method === 'DELETE') {
      blobs.delete(digest)
      res.writeHead(202).end()
    } else if (options.redirects === true && req.method === 'GET') {
      res
        .writeHead(307, { Location: `${cdn}/cdn/${name}/${digest}?X-Signature=s3cret` })
        .end('moved')
    } else {
      sendBytes(req, res, bytes, {
        'Docker-Content-Digest': digest,
        'Content-Type': 'application/octet-stream',
      })
    }
  }

  async function answerManifest(
    req: IncomingMessage,
    res: ServerResponse,
    name: string,
    reference: string,
  ): Promise<void> {
    const { manifests, tags } = repositoryOf(name)
    const digest = tags.get(reference) ?? reference
    if (req.method === 'PUT') {
      const made = keepManifest(name, reference, await read(req))
      const headers = {
        Location: `${origin}/v2/${name}/manifests/${made}`,
        'Docker-Content-Digest': made,
      }
      res.writeHead(201, headers).end()
      return
    }
    const bytes = manifests.get(digest)
    if (bytes === undefined) return fail(res, 404, 'MANIFEST_UNKNOWN')
    if (req.method === 'DELETE') {
      manifests.delete(digest)
      tags.delete(reference)
      res.writeHead(202).end()
    } else {
      const type = 'application/vnd.oci.image.manifest.v1+json'
      sendBytes(req, res, bytes, { 'Docker-Content-Digest': digest, 'Content-Type': type })
    }
  }

  function answerTags(res: ServerResponse, url: URL, name: string): void {
    const all = [...repositoryOf(name).tags.keys()].sort()
    const last = url.searchParams.get('last')
    const count = Number(url.searchParams.get('n') ?? all.length)
    const rest = last === null ? all : all.filter((tag) => tag > last)
    const page = rest.slice(0, count)
    if (rest.length > page.length) {
      res.setHeader('Link', `</v2/${name}/tags/list?last=${page.at(-1)}&n=${count}>; rel="next"`)
    }
    sendJson(res, 200, { name, tags: page })
  }

  async function answerUpload(
    req: IncomingMessage,
    res: ServerResponse,
    url: URL,
    name: string,
    id: string,
  ): Promise<void> {
    if (id === '') return startUpload(req, res, url, name)
    const parts = uploads.get(id)
    // The state must come back as it went out, escapes and all.
    if (parts === undefined || !url.search.includes('_state=a%2Fb%3D')) {
      return fail(res, 404, 'BLOB_UPLOAD_UNKNOWN')
    }
    if (req.method === 'DELETE') {
      uploads.delete(id)
      res.writeHead(204).end()
    } else if (req.method === 'GET') {
      sendProgress(res, 204, name, id)
    } else if (req.method === 'PATCH') {
      parts.push(await read(req))
      sendProgress(res, 202, name, id)
    } else {
      parts.push(await read(req))
      uploads.delete(id)
      finishUpload(res, name, url.searchParams.get('digest') ?? '', Buffer.concat(parts))
    }
  }

  async function startUpload(
    req: IncomingMessage,
    res: ServerResponse,
    url: URL,
    name: string,
  ): Promise<void> {
    const mount = url.searchParams.get('mount')
    const from = url.searchParams.get('from')
    const bytes = mount === null || from === null ? undefined : repositoryOf(from).blobs.get(mount)
    if (mount !== null && bytes !== undefined) return finishUpload(res, name, mount, bytes)
    const digest = url.searchParams.get('digest')
    if (digest !== null) return finishUpload(res, name, digest, await read(req))
    const id = randomUUID()
    uploads.set(id, [])
    sendProgress(res, 202, name, id)
  }

  function finishUpload(res: ServerResponse, name: string, digest: string, bytes: Buffer): void {
    if (digestOf(bytes) === digest) {
      repositoryOf(name).blobs.set(digest, bytes)
      const headers = {
        Location: `${origin}/v2/${name}/blobs/${digest}`,
        'Docker-Content-Digest': digest,
      }
      res.writeHead(201, headers).end()
    } else {
      fail(res, 400, 'DIGEST_INVALID')
    }
  }

  function sendProgress(res: ServerResponse, status: number, name: string, id: string): void {
    const size = (uploads.get(id) ?? []).reduce((sum, part) => sum + part.length, 0)
    res.writeHead(status, {
      Location: `${origin}/v2/${name}/blobs/uploads/${id}?_state=a%2Fb%3D`,
      Range: `0-${Math.max(size - 1, 0)}`,
      'Docker-Upload-UUID': id,
    })
    res.end()
  }

  function keepManifest(name: string, reference: string, bytes: Buffer): string {
    const { manifests, tags } = repositoryOf(name)
    const digest = digestOf(bytes)
    manifests.set(digest, bytes)
    if (!reference.includes(':')) tags.set(reference, digest)
    return digest
  }

  return {
    host,
    origin,
    cdn,
    asked,
    tokens: gate.tokens,
    cdnAsked,
    putBlob(repository, bytes) {
      const digest = digestOf(bytes)
      repositoryOf(repository).blobs.set(digest, bytes)
      return digest
    },
    putManifest: keepManifest,
    blob: (repository, digest) => repositories.get(repository)?.blobs.get(digest),
    manifest(name, reference) {
      const found = repositories.get(name)
      return found?.manifests.get(found.tags.get(reference) ?? reference)
    },
    revokeTokens: gate.revokeTokens,
    async close() {
      await Promise.all([stop(server), stop(cdnServer)])
    },
  }
}

function describe(req: IncomingMessage): Asked {
  return { method: req.method ?? '', url: req.url ?? '', headers: req.headers }
}
