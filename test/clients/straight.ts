import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { array, object, parse, pipe, string, transform } from 'valibot'
import { expect } from 'vitest'
import { runOk } from './child.ts'
import { digestOf, type Image } from './image.ts'
import type { Upstream } from './registry.ts'
import type { Sandbox } from './sandbox.ts'

/** An image as a registry holds it. */
export type Held = Omit<Image, 'archive'>

const Descriptor = object({ digest: string() })
const Manifest = object({ config: Descriptor, layers: array(Descriptor) })

/** `docker://` and the registry's own address: no Purser on the way. */
function straightName(upstream: Upstream, repository: string): string {
  return `docker://${upstream.host}/${repository}`
}

/** Puts an image into the registry, straight and unchanged. @param archive of the image. */
export async function seed(
  sandbox: Sandbox,
  upstream: Upstream,
  repository: string,
  archive: string,
): Promise<void> {
  await runOk(
    'skopeo',
    [
      ...['copy', '--dest-tls-verify=false', '--dest-creds', loginOf(upstream)],
      ...[`oci-archive:${archive}`, straightName(upstream, repository)],
    ],
    sandbox,
  )
}

/**
 * Pulls with skopeo, straight from the registry, and computes each digest from the bytes that came.
 *
 * @param repository with its tag.
 */
export async function pullBySkopeo(
  sandbox: Sandbox,
  upstream: Upstream,
  repository: string,
): Promise<Held> {
  const name = straightName(upstream, repository)
  const folder = await sandbox.makeFolder('pulled')
  const creds = loginOf(upstream)
  const raw = await runOk(
    'skopeo',
    ['inspect', '--raw', '--tls-verify=false', '--creds', creds, name],
    sandbox,
  )
  await runOk(
    'skopeo',
    ['copy', '--src-tls-verify=false', '--src-creds', creds, name, `dir:${folder}`],
    sandbox,
  )
  const digests = await digestsIn(folder)
  expect(digests.manifestDigest).toBe(digestOf(Buffer.from(raw)))
  return digests
}

/** The digests of an image in a folder of skopeo's (`dir:`), each computed from the bytes. */
export async function digestsIn(folder: string): Promise<Held> {
  const manifest = await readFile(join(folder, 'manifest.json'))
  const { config, layers } = parse(Manifest, JSON.parse(manifest.toString('utf8')))
  const blobOf = ({ digest }: { readonly digest: string }) =>
    readFile(join(folder, digest.slice('sha256:'.length)))
  const layerBytes = await Promise.all(layers.map(blobOf))
  return {
    manifestDigest: digestOf(manifest),
    configDigest: digestOf(await blobOf(config)),
    layerDigests: layerBytes.map(digestOf),
    diffIds: layerBytes.map((bytes) => digestOf(gunzipSync(bytes))),
  }
}

/** What buildah tells of an image; the layers' own digests are in a manifest that it keeps as text. */
const BuildahImage = object({
  FromImageDigest: string(),
  FromImageID: string(),
  Manifest: pipe(
    string(),
    transform((text) => parse(Manifest, JSON.parse(text))),
  ),
  OCIv1: object({ rootfs: object({ diff_ids: array(string()) }) }),
})

/** Pulls with buildah, straight from the registry. @param repository with its tag. */
export async function pullByBuildah(
  sandbox: Sandbox,
  upstream: Upstream,
  repository: string,
): Promise<Held> {
  const name = `${upstream.host}/${repository}`
  await runOk(
    'buildah',
    ['pull', '--tls-verify=false', '--creds', loginOf(upstream), name],
    sandbox,
  )
  return inspectBuildah(sandbox, name)
}

/** The digests of an image in buildah's store. */
export async function inspectBuildah(sandbox: Sandbox, name: string): Promise<Held> {
  const told = await runOk('buildah', ['inspect', '--type', 'image', name], sandbox)
  const image = parse(BuildahImage, JSON.parse(told))
  return {
    manifestDigest: image.FromImageDigest,
    configDigest: `sha256:${image.FromImageID}`,
    layerDigests: image.Manifest.layers.map(({ digest }) => digest),
    diffIds: image.OCIv1.rootfs.diff_ids,
  }
}

/** As clients' `--creds` takes it. */
function loginOf(upstream: Upstream): string {
  return `${upstream.user}:${upstream.password}`
}
