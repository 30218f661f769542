import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'
import type { Plugin } from 'esbuild'
import { bundle } from './bundle.ts'

/**
 * Packages that a helper's answer does without. Each lies in the binary beside the main script and is
 * read when it is first imported: within it, each start would pay 4 ms a megabyte for them.
 */
const LIBRARIES = ['undici', '@aws-sdk/client-ecr', 'pino', 'commander', 'smol-toml']

/** What a library's text is wrapped in, as Node does it for a CommonJS module. */
const WRAPPER = ['(function (exports, require, module) {', '\n})'] as const

/**
 * Makes the main bundle load the libraries from the binary.
 *
 * The text that is run is part of the binary, as the main script is: whoever can change the one can
 * change the other.
 */
export const librariesFromBinary: Plugin = {
  name: 'libraries-from-binary',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[@a-z]/ }, ({ path }) =>
      LIBRARIES.includes(path) ? { path, namespace: 'library' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'library' }, ({ path }) => {
      const name = JSON.stringify(assetOf(path))
      const contents = `
        const { getAsset, getRawAsset } = require('node:sea')
        const { Script } = require('node:vm')
        const cachedData = Buffer.from(getRawAsset(${name} + '.cache'))
        const script = new Script(getAsset(${name}, 'utf8'), { filename: ${name}, cachedData })
        script.runInThisContext()(exports, require, module)`
      return { contents, loader: 'js' }
    })
  },
}

/**
 * Bundles the libraries into `directory`, each with V8's code cache.
 *
 * @returns the binary's assets: names and files
 */
export async function bundleLibraries(directory: string): Promise<Record<string, string>> {
  const assets: Record<string, string> = {}
  for (const library of LIBRARIES) {
    const name = assetOf(library)
    const file = join(directory, name)
    await bundle(file, {
      stdin: {
        contents: `module.exports = require('${library}')`,
        resolveDir: import.meta.dirname,
      },
    })
    const text = WRAPPER.join(readFileSync(file, 'utf8'))
    writeFileSync(file, text)
    writeFileSync(`${file}.cache`, codeCacheOf(text, name))
    assets[name] = file
    assets[`${name}.cache`] = `${file}.cache`
  }
  return assets
}

/** The cache knows the functions that have been run, so the library is loaded once here. */
function codeCacheOf(text: string, filename: string): Buffer {
  const script = new Script(text, { filename })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(import.meta.url), module)
  return script.createCachedData()
}

function assetOf(library: string): string {
  return `${library.replace(/^@/, '').replace('/', '-')}.cjs`
}
