import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundle } from './bundle.ts'
import { cacheLoading, loadScript, wrapScript } from './script.ts'

/**
 * What is used of the packages that most answers of a helper do without. Each is a script of its own
 * in the binary, read when it is first imported: within the main script, each start would pay 4 ms a
 * megabyte for it.
 *
 * What is not named here is left out: half of an SDK is operations that nobody calls.
 */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-ecr': ['ECRClient', 'GetAuthorizationTokenCommand'],
  '@aws-sdk/client-ecr-public': ['ECRPUBLICClient', 'GetAuthorizationTokenCommand'],
  '@aws-sdk/client-sts': ['AssumeRoleCommand', 'AssumeRoleWithWebIdentityCommand', 'STSClient'],
  '@aws-sdk/credential-providers': ['fromInstanceMetadata', 'fromSSO'],
  '@smithy/core/config': ['parseKnownFiles'],
  commander: ['Command', 'CommanderError', 'Option'],
  'google-auth-library': [
    'AwsClient',
    'ExternalAccountAuthorizedUserClient',
    'IdentityPoolClient',
    'JWT',
    'UserRefreshClient',
    'gaxios',
  ],
  pg: ['Client', 'Pool'],
  'smol-toml': ['parse'],
  tldts: ['getDomain'],
  undici: ['Agent', 'errors'],
}

/** Packages so small, and so often needed, that they are part of the main script. */
const INLINE = ['env-paths', 'is-safe-filename', 'valibot']

/**
 * What the libraries bring and Purser never lets them use: the clients of Amazon's SDK are given an
 * identity, or none, and are not to find one by themselves; Google's are given a way out, and are not
 * to take another; PostgreSQL's is given its password. It is half of what each would load.
 */
const UNUSED: Readonly<Record<string, string>> = {
  '@aws-sdk/credential-provider-node': `
    export const defaultProvider = () => async () => {
      throw new Error('no identity was given')
    }`,
  'gcp-metadata': '',
  'https-proxy-agent': '',
  'node-fetch': '',
  'pg-cloudflare': '',
  'pg-native': '',
  pgpass: '',
}

/** What of Node's own modules Amazon's SDK uses late or never: loading each takes a millisecond. */
const LATE: Readonly<Record<string, readonly string[]>> = {
  'node:fs/promises': ['readFile'],
  'node:zlib': ['crc32'],
}

/** Makes the main script load the libraries from the binary. */
export const librariesFromBinary: Plugin = {
  name: 'libraries-from-binary',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[@a-z]/, namespace: 'file' }, ({ path }) => {
      if (path.startsWith('node:') || INLINE.includes(path)) return undefined
      if (path in LIBRARIES) return { path, namespace: 'library' }
      return { errors: [{ text: `say in scripts/libraries.ts what is used of ${path}` }] }
    })
    onResolve({ filter: /.*/, namespace: 'library' }, ({ path }) => ({ path, namespace: 'script' }))
    // An import of what is not named is thus an error of the build.
    onLoad({ filter: /.*/, namespace: 'library' }, ({ path }) => ({
      contents: `export { ${LIBRARIES[path]} } from '${path}'`,
      loader: 'js',
    }))
    onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => ({
      contents: loadScript(scriptOf(path)),
      loader: 'js',
    }))
  },
}

/**
 * Bundles the libraries into `directory`.
 *
 * @returns the names of the scripts
 */
export async function bundleLibraries(directory: string): Promise<readonly string[]> {
  for (const [library, names] of Object.entries(LIBRARIES)) {
    const file = join(directory, scriptOf(library))
    await bundle(file, {
      stdin: {
        contents: `export { ${names} } from '${library}'`,
        resolveDir: import.meta.dirname,
      },
      // As ES modules, of which what is not used can be left out.
      mainFields: ['module', 'main'],
      plugins: [withoutUnused],
    })
    wrapScript(file)
    cacheLoading(file)
  }
  return Object.keys(LIBRARIES).map(scriptOf)
}

const withoutUnused: Plugin = {
  name: 'without-unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[@a-z]/ }, ({ path }) =>
      path in UNUSED ? { path, namespace: 'unused' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({ contents: UNUSED[path] ?? '' }))
    // What Node brings does nothing by being loaded: it goes where nothing of it is used.
    onResolve({ filter: /^node:/ }, ({ path, importer }) =>
      path in LATE && importer.includes('/@smithy/core/')
        ? { path, namespace: 'late', sideEffects: false }
        : { path, external: true, sideEffects: false },
    )
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({ contents: lateModule(path) }))
  },
}

function lateModule(path: string): string {
  const names = LATE[path] ?? []
  return names
    .map((name) => `export const ${name} = (...args) => require('${path}').${name}(...args)`)
    .join('\n')
}

function scriptOf(library: string): string {
  return `${library.replace(/^@/, '').replaceAll('/', '-')}.cjs`
}
