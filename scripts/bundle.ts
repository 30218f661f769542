import { readFileSync } from 'node:fs'
import { type BuildOptions, build } from 'esbuild'

/** Code made from strings at run time: nothing that Purser ships does that, and nothing will. */
const CODE_FROM_STRINGS = /\bnew Function\s*\(|(?<![\w$.])(?:eval|Function)\s*\(/

/**
 * Bundles into one CommonJS file, which is what can have a code cache.
 *
 * @throws if esbuild has a warning, or if the bundle makes code from strings
 */
export async function bundle(outfile: string, options: BuildOptions): Promise<void> {
  const { warnings } = await build({
    ...options,
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    minify: true,
    legalComments: 'eof',
    logLevel: 'warning',
    // `import()` of a built-in module would start Node's ESM loader, 23 ms: `require` needs 3 ms.
    supported: { 'dynamic-import': false },
  })
  if (warnings.length > 0) throw new Error('esbuild warned: see above')
  const found = CODE_FROM_STRINGS.exec(readFileSync(outfile, 'utf8'))
  if (found !== null) throw new Error(`${outfile} makes code from strings: ${found[0]}`)
}
