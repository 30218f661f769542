import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

/** Runs the program, and writes down which packages and which of Node's modules it has loaded. */
const [file = ''] = process.argv.splice(2, 1)

const packages = new Set<string>()
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(resolved.url)?.[1]
    if (name !== undefined) packages.add(name)
    return resolved
  },
})

process.on('exit', () => {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] }
  const builtins = moduleLoadList
    .filter((each) => each.startsWith('NativeModule '))
    .map((each) => each.slice('NativeModule '.length))
  writeFileSync(file, JSON.stringify({ packages: [...packages], builtins }))
})

await import('../../src/main.ts')
