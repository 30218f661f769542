import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { Script } from 'node:vm'

/** What a script's text is wrapped in, as Node does it for a CommonJS module. */
const WRAPPER = ['(function (exports, require, module) {', '\n})'] as const

/** Where V8 keeps what it made of a script, beside the script. */
export function cacheOf(name: string): string {
  return `${name}.cache`
}

/**
 * The statements that run a script out of the binary, as the body of a CommonJS module.
 *
 * The text that is run is part of the binary, as the main script is: whoever can change the one can
 * change the other.
 */
export function loadScript(name: string): string {
  return `
    const { getAsset, getRawAsset } = require('node:sea')
    const { Script } = require('node:vm')
    const cachedData = Buffer.from(getRawAsset('${cacheOf(name)}'))
    const script = new Script(getAsset('${name}', 'utf8'), { filename: '${name}', cachedData })
    script.runInThisContext()(exports, require, module)`
}

/** Makes a bundle a script that {@link loadScript} can run; its cache is empty as yet. */
export function wrapScript(file: string): void {
  writeFileSync(file, WRAPPER.join(readFileSync(file, 'utf8')))
  writeFileSync(cacheOf(file), '')
}

/** Keeps what V8 compiles of a library when it is loaded. */
export function cacheLoading(file: string): void {
  const script = new Script(readFileSync(file, 'utf8'), { filename: basename(file) })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(import.meta.url), module)
  writeFileSync(cacheOf(file), script.createCachedData())
}
