import { mkdir, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { digestOf } from './digest.ts'

/** One image: what its manifest names, and the manifest. */
export interface Image {
  readonly manifest: Buffer
  readonly mediaType: string
  /** By digest. */
  readonly blobs: ReadonlyMap<string, Buffer>
  /** Its one layer, as a plain tar archive. */
  readonly tar: Buffer
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** Go's names for what Node calls otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

/**
 * Makes an image of one file, which says `text`.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export function makeImage(text: string): Image {
  const tar = makeTar('hello.txt', Buffer.from(text))
  const layer = gzipSync(tar)
  const config = encode({
    architecture: ARCHITECTURES[arch()] ?? arch(),
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
  })
  const manifest = encode({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
  })
  const blobs = new Map([config, layer].map((bytes) => [digestOf(bytes), bytes]))
  return { manifest, mediaType: MANIFEST_TYPE, blobs, tar }
}

/**
 * Writes the image as a directory that other programs read.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeLayout(image: Image, directory: string): Promise<void> {
  const blobs = join(directory, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const index = { schemaVersion: 2, manifests: [describe(image.mediaType, image.manifest)] }
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(directory, 'index.json'), encode(index))
  for (const bytes of [image.manifest, ...image.blobs.values()]) {
    await writeFile(join(blobs, digestOf(bytes).slice('sha256:'.length)), bytes)
  }
}

function describe(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** A tar archive of one file: a header of 512 bytes, the content padded to 512, and an end of 1024. */
function makeTar(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  // Offsets and widths: https://www.gnu.org/software/tar/manual/html_node/Standard.html
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, content, Buffer.alloc(511 - ((content.length + 511) % 512) + 1024)])
}
