import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { ImageClient, Reference } from './client.ts'
import { digestOf } from './digest.ts'
import type { Image } from './image.ts'

const manifestShape = v.object({
  config: v.object({ digest: v.string() }),
  layers: v.array(v.object({ digest: v.string() })),
})

/** Pushes and pulls as clients do, where none is installed. Knows no credential. */
export function createOwnClient(image: Image, signal: AbortSignal): ImageClient {
  async function send(
    method: string,
    url: URL,
    body?: Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const request = { method, headers, signal, redirect: 'error' as const }
    const response = await fetch(
      url,
      body === undefined ? request : { ...request, body: new Uint8Array(body) },
    )
    if (response.ok) return response
    throw new PurserError('network', `${method} ${url.pathname}: answered ${response.status}`)
  }

  async function fetchVerified(url: URL, digest?: string): Promise<Buffer> {
    const bytes = Buffer.from(await (await send('GET', url)).arrayBuffer())
    if (digest === undefined || digestOf(bytes) === digest) return bytes
    throw new PurserError('network', `GET ${url.pathname}: the content is not ${digest}`)
  }

  return {
    name: 'demo-client',
    async push({ proxy, repository, tag }) {
      const base = baseOf({ proxy, repository })
      for (const [digest, bytes] of image.blobs) {
        const started = await send('POST', new URL('blobs/uploads/', base))
        const upload = new URL(started.headers.get('location') ?? '', base)
        upload.searchParams.set('digest', digest)
        await send('PUT', upload, bytes, { 'Content-Type': 'application/octet-stream' })
      }
      const headers = { 'Content-Type': image.mediaType }
      await send('PUT', new URL(`manifests/${tag}`, base), image.manifest, headers)
      return digestOf(image.manifest)
    },
    async pull({ proxy, repository, tag }) {
      const base = baseOf({ proxy, repository })
      const bytes = await fetchVerified(new URL(`manifests/${tag}`, base))
      const { config, layers } = v.parse(manifestShape, JSON.parse(bytes.toString()))
      for (const { digest } of [config, ...layers]) {
        await fetchVerified(new URL(`blobs/${digest}`, base), digest)
      }
      return digestOf(bytes)
    },
    async close() {},
  }
}

function baseOf({ proxy, repository }: Pick<Reference, 'proxy' | 'repository'>): URL {
  return new URL(`http://${proxy}/v2/${repository}/`)
}
