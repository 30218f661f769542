import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { type TarFile, tar } from './tar.ts'

/** An image that no registry has seen before, in an archive that every client can read. */
export interface Image {
  /** An OCI archive that is a `docker save` archive as well. */
  readonly archive: string
  readonly manifestDigest: string
  readonly configDigest: string
  readonly layerDigests: readonly string[]
  /** Digests of the layers' bytes before compression: these survive a client's own compression. */
  readonly diffIds: readonly string[]
}

/** More than one layer, so that uploads interleave; more than a socket's buffer, so that they flow. */
const LAYERS = 3
const LAYER_BYTES = 300_000

/**
 * Makes an image of random layers, without a network, a daemon or a base image.
 *
 * @param archive the file to write.
 * @param name what `docker load` calls the image, as in `localhost:5000/a:b`.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function makeImage(archive: string, name: string): Promise<Image> {
  const layers = Array.from({ length: LAYERS }, (_, index) => makeLayer(index))
  const config = json({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Cmd: ['/layer-0'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'test' })),
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map(({ bytes }) =>
      descriptor('application/vnd.oci.image.layer.v1.tar+gzip', bytes),
    ),
  })
  const index = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: { 'io.containerd.image.name': name },
      },
    ],
  })
  const blobs = [...layers.map(({ bytes }) => bytes), config, manifest].map(blobFile)
  const dockerManifest = json([
    {
      Config: blobFile(config).name,
      RepoTags: [name],
      Layers: layers.map(({ bytes }) => blobFile(bytes).name),
    },
  ])
  await writeFile(
    archive,
    tar([
      { name: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
      { name: 'index.json', bytes: index },
      { name: 'manifest.json', bytes: dockerManifest },
      ...blobs,
    ]),
  )
  return {
    archive,
    manifestDigest: digestOf(manifest),
    configDigest: digestOf(config),
    layerDigests: layers.map(({ bytes }) => digestOf(bytes)),
    diffIds: layers.map(({ diffId }) => diffId),
  }
}

/** `sha256:` and the hexadecimal digest. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function makeLayer(index: number): { readonly bytes: Buffer; readonly diffId: string } {
  const plain = tar([{ name: `layer-${index}`, bytes: randomBytes(LAYER_BYTES) }])
  return { bytes: gzipSync(plain), diffId: digestOf(plain) }
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

function blobFile(bytes: Buffer): TarFile {
  return { name: `blobs/sha256/${digestOf(bytes).slice('sha256:'.length)}`, bytes }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
