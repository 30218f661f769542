import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { type Program, runScript } from './script.ts'

const NAMES = ['purser', 'docker-credential-purser']
const SOURCE = join(import.meta.dirname, '../../src/main.ts')
const SHIPPED = join(import.meta.dirname, '../../dist')

/** A program is told by the name that it is called by. */
const fromSource = Object.fromEntries(
  NAMES.map((name): [string, Program] => [
    name,
    { file: process.execPath, args: ['--no-warnings', SOURCE], argv0: name },
  ]),
)
const asShipped = Object.fromEntries(
  NAMES.map((name): [string, Program] => [name, { file: join(SHIPPED, name), args: [] }]),
)

const scripts = globSync(join(import.meta.dirname, '*.txt')).toSorted()

describe.each([
  { name: 'from source', programs: fromSource, there: true },
  { name: 'as shipped', programs: asShipped, there: existsSync(join(SHIPPED, NAMES[0] ?? '')) },
])('$name', ({ programs, there }) => {
  test.skipIf(!there).each(scripts.map((path) => [basename(path), path] as const))(
    '%s',
    async (_name, path) => {
      const work = mkdtempSync(join(tmpdir(), 'purser-s-'))
      onTestFinished(() => rmSync(work, { recursive: true, force: true }))
      await runScript(readFileSync(path, 'utf8'), { work, programs, timeoutMs: 20_000 })
    },
  )
})
