import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, object, parse, string } from 'valibot'
import { run, runOk } from './child.ts'
import type { Client } from './client.ts'
import { digestOf } from './image.ts'
import type { Sandbox } from './sandbox.ts'

const Descriptor = object({ digest: string() })
const Index = object({ manifests: array(Descriptor) })
const Manifest = object({ config: Descriptor, layers: array(Descriptor) })

/** crane, which keeps nothing, and takes loopback addresses for plain http. */
export async function createCrane(sandbox: Sandbox): Promise<Client> {
  const crane = (args: readonly string[], input = '') => runOk('crane', args, { ...sandbox, input })
  return {
    name: 'crane',
    configure: (config) => writeFile(sandbox.dockerConfig, JSON.stringify(config)),
    login: ({ host, user, password }) =>
      crane(['auth', 'login', '--username', user, '--password-stdin', host], password),
    logout: (host) => crane(['auth', 'logout', host]),
    async push(name, { archive, configDigest, layerDigests }) {
      // It makes a manifest of its own, and tells where that is.
      const [, manifestDigest = ''] = (await crane(['push', archive, name])).trim().split('@')
      return { manifestDigest, configDigest, layerDigests }
    },
    async pull(name) {
      const folder = await sandbox.makeFolder('pulled')
      await crane(['pull', '--format', 'oci', name, folder])
      const blobOf = ({ digest }: { readonly digest: string }) =>
        readFile(join(folder, 'blobs', digest.replace(':', '/')))
      const index = await readFile(join(folder, 'index.json'), 'utf8')
      const [found = { digest: '' }] = parse(Index, JSON.parse(index)).manifests
      const manifest = await blobOf(found)
      const { config, layers } = parse(Manifest, JSON.parse(manifest.toString('utf8')))
      return {
        manifestDigest: digestOf(manifest),
        configDigest: digestOf(await blobOf(config)),
        layerDigests: (await Promise.all(layers.map(blobOf))).map(digestOf),
      }
    },
    tryPull: (name) => run('crane', ['manifest', name], sandbox),
  }
}
