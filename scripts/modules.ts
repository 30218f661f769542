import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What the modules are entered by. */
const ENTRY = 'index.d.ts'

/** A relative import, as the compiler writes it into declarations: with the source's own ending. */
const IMPORT = /\b(from |import\()(['"])(\.[^'"]*)\.ts\2/g

/**
 * Compiles what programs import into `directory`: modules that any Node runs, and declarations that any
 * compiler reads.
 *
 * @param root - of the checkout
 */
export function compileModules(root: string, directory: string): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const project = join(root, 'tsconfig.library.json')
  execFileSync(process.execPath, [compiler, '-p', project, '--outDir', directory], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const reached = new Set<string>()
  nameModules(directory, ENTRY, reached)
  // What no program can name, none has to read.
  for (const path of globSync('**/*.d.ts', { cwd: directory })) {
    if (!reached.has(path)) rmSync(join(directory, path))
  }
}

/** Names, in a declaration and all that it imports, the modules that are there instead of the sources. */
function nameModules(directory: string, path: string, reached: Set<string>): void {
  if (reached.has(path)) return
  reached.add(path)
  const text = readFileSync(join(directory, path), 'utf8')
  writeFileSync(join(directory, path), text.replace(IMPORT, '$1$2$3.js$2'))
  for (const [, , , target = ''] of text.matchAll(IMPORT)) {
    nameModules(directory, join(dirname(path), `${target}.d.ts`), reached)
  }
}
