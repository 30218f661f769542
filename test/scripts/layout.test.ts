import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkLayout } from '../../scripts/layout.ts'

let src: string

beforeEach(() => {
  src = mkdtempSync(join(tmpdir(), 'purser-layout-'))
})

afterEach(() => {
  rmSync(src, { recursive: true })
})

function check(files: Readonly<Record<string, string>>): readonly string[] {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(src, path)), { recursive: true })
    writeFileSync(join(src, path), text)
  }
  return checkLayout(src)
}

const host = { 'model/host.ts': 'export const host = 1\n' }

describe('a good tree', () => {
  const trees: Record<string, Record<string, string>> = {
    'imports that point down': { ...host, 'app.ts': "import { host } from './model/host.ts'\n" },
    'imports within a folder': { ...host, 'model/a.ts': "import { host } from './host.ts'\n" },
    'the process in main.ts': { 'main.ts': 'process.exitCode = console.log.length\n' },
    'the word process in a comment': { 'model/a.ts': '// Once per process.\n/* console.log */\n' },
    'the word process in a message': { 'model/a.ts': "throw new Error('no process. try again')\n" },
    'an import in a comment': { 'model/a.ts': "// as in: from '../app.ts'\n", 'app.ts': '\n' },
    'a file of 300 lines': { 'model/a.ts': '\n'.repeat(300) },
  }
  it.each(Object.entries(trees))('%s', (_name, files) => {
    expect(check(files)).toEqual([])
  })
})

describe('a bad tree', () => {
  const trees: Record<string, readonly [Record<string, string>, string]> = {
    'an import that points up': [
      { 'app.ts': '\n', 'model/a.ts': "import { app } from '../app.ts'\n" },
      'model/a.ts imports app.ts, which lies above it',
    ],
    'a type import that points up': [
      { 'cli/list.ts': '\n', 'vault/a.ts': "import type { List } from '../cli/list.ts'\n" },
      'vault/a.ts imports cli/list.ts, which lies above it',
    ],
    'an import of several lines': [
      { 'net/net.ts': '\n', 'model/a.ts': "import {\n  a,\n  b,\n} from '../net/net.ts'\n" },
      'model/a.ts imports net/net.ts, which lies above it',
    ],
    'a lazy import that points up': [
      { 'net/net.ts': '\n', 'model/a.ts': "const net = await import('../net/net.ts')\n" },
      'model/a.ts imports net/net.ts, which lies above it',
    ],
    'a re-export that points up': [
      { 'net/net.ts': '\n', 'model/a.ts': "export { net } from '../net/net.ts'\n" },
      'model/a.ts imports net/net.ts, which lies above it',
    ],
    'two files that import each other': [
      {
        'model/a.ts': "import type { B } from './b.ts'\n",
        'model/b.ts': "import type { A } from './a.ts'\n",
      },
      'imports go in a circle: model/a.ts -> model/b.ts -> model/a.ts',
    ],
    'a file of 301 lines': [
      { 'model/a.ts': '\n'.repeat(301) },
      'model/a.ts has 301 lines; 300 are allowed',
    ],
    'the environment': [
      { 'net/a.ts': 'const proxy = process.env.HTTP_PROXY\n' },
      'net/a.ts uses process.: only main.ts may, everybody else is handed what they need',
    ],
    'the environment by another door': [
      { 'net/a.ts': "import { env } from 'node:process'\n" },
      "net/a.ts uses 'node:process': only main.ts may, everybody else is handed what they need",
    ],
    'the global process': [
      { 'net/a.ts': 'const pid = globalThis.process.pid\n' },
      'net/a.ts uses process.: only main.ts may, everybody else is handed what they need',
    ],
    'the console': [
      { 'net/a.ts': 'console.error(1)\n' },
      'net/a.ts uses console.: only main.ts may, everybody else is handed what they need',
    ],
    'a folder that nobody knows': [
      { 'utils/a.ts': '\n' },
      'utils/a.ts is in no layer: scripts/layout.ts lists them',
    ],
    'an import from outside': [
      { 'model/a.ts': "import { fake } from '../../test/fakes/fake.ts'\n" },
      'model/a.ts imports ../test/fakes/fake.ts, which lies outside src',
    ],
  }
  it.each(Object.entries(trees))('%s', (_name, [files, problem]) => {
    expect(check(files)).toEqual([problem])
  })
})
