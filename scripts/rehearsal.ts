import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Script, type ScriptOptions } from 'node:vm'
import { cacheOf } from './script.ts'

/**
 * Runs the program from a directory of scripts as the binary runs it, with the arguments of this
 * process, and keeps beside each script what V8 has compiled of it by the end.
 *
 * V8 compiles a function when it is first called. What has been called here is in the code cache,
 * and need not be compiled whenever the program starts.
 */
const directory = process.env['REHEARSAL'] ?? ''
delete process.env['REHEARSAL']

const rehearsed: RehearsedScript[] = []

class RehearsedScript extends Script {
  readonly file: string

  constructor(text: string, options: ScriptOptions & { readonly filename: string }) {
    super(text, options)
    const hasCache = (options.cachedData?.byteLength ?? 0) > 0
    if (hasCache && this.cachedDataRejected) throw new Error(`${options.filename}: cache refused`)
    this.file = join(directory, options.filename)
    rehearsed.push(this)
  }
}

const builtin = createRequire(import.meta.url)

/** `require`, but for what only a binary has. */
function rehearse(id: string): unknown {
  switch (id) {
    case 'node:vm':
      return { Script: RehearsedScript }
    case 'node:sea':
      return {
        isSea: () => true,
        getAsset: (name: string) => readFileSync(join(directory, name), 'utf8'),
        getRawAsset: (name: string) => new Uint8Array(readFileSync(join(directory, name))).buffer,
      }
    default:
      return builtin(id)
  }
}

process.on('exit', () => {
  for (const script of rehearsed) writeFileSync(cacheOf(script.file), script.createCachedData())
})

const main = readFileSync(join(directory, 'main.js'), 'utf8')
new Function('require', 'exports', 'module', main)(rehearse, {}, {})
