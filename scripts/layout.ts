import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** What `src` consists of, highest first: imports point down this list, type imports too. */
const LAYERS = [
  'main.ts',
  'index.ts',
  'library/',
  'doors/',
  'app.ts',
  'environment.ts',
  'helper/',
  'proxy/',
  'kubelet/',
  'agent/',
  'cli/',
  'clients/',
  'lease/',
  'health/',
  'trace.ts',
  'attach.ts',
  'attachment.ts',
  'images.ts',
  'resolver.ts',
  'fault.ts',
  'sources/',
  'request/',
  'registries/',
  'cloud/',
  'token/',
  'logins/',
  'vault/',
  'net/',
  'observe/',
  'config/',
  'cache/',
  'model/',
]

/** A file that needs more holds more than one concept. */
const MAX_LINES = 300

/** The one file that may know in which process it runs. */
const PROCESS_FILE = 'main.ts'

const COMMENT_OR_STRING =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
/** A quoted text with a space in it: an error message may speak of a process. */
const PROSE = /'(?:\\.|[^'\\\n])* (?:\\.|[^'\\\n])*'/g
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g
const PROCESS = /(?<![\w$-])(?:process|console)\s*[.[?]|['"](?:node:)?(?:process|console)['"]/

interface SourceFile {
  /** Relative to `src`. */
  readonly path: string
  readonly lines: number
  /** Without its comments. */
  readonly code: string
  /** The files it imports, relative to `src`. */
  readonly imports: readonly string[]
}

/**
 * Checks the layout of a tree of sources.
 *
 * @returns what is wrong, one sentence each; empty if nothing is.
 */
export function checkLayout(src: string): readonly string[] {
  const files = globSync('**/*.ts', { cwd: src })
    .sort()
    .map((path) => readSource(src, path))
  return [
    ...files.flatMap(checkSize),
    ...files.flatMap(checkProcess),
    ...files.flatMap(checkLayer),
    ...checkCycles(files),
  ]
}

function readSource(src: string, path: string): SourceFile {
  const text = readFileSync(join(src, path), 'utf8')
  const code = text.replace(COMMENT_OR_STRING, (token) => (token.startsWith('/') ? ' ' : token))
  const imports = [...code.matchAll(RELATIVE_IMPORT)].map(([, specifier = '']) =>
    posix.join(posix.dirname(path), specifier),
  )
  return { path, lines: text.split('\n').length - 1, code, imports }
}

function checkSize({ path, lines }: SourceFile): string[] {
  return lines > MAX_LINES ? [`${path} has ${lines} lines; ${MAX_LINES} are allowed`] : []
}

function checkProcess({ path, code }: SourceFile): string[] {
  if (path === PROCESS_FILE) return []
  const [found] = PROCESS.exec(code.replace(PROSE, "''")) ?? []
  if (found === undefined) return []
  return [
    `${path} uses ${found}: only ${PROCESS_FILE} may, everybody else is handed what they need`,
  ]
}

function checkLayer({ path, imports }: SourceFile): string[] {
  const own = rankOf(path)
  if (own === -1) return [`${path} is in no layer: scripts/layout.ts lists them`]
  return imports.flatMap((target) => {
    if (target.startsWith('../')) return [`${path} imports ${target}, which lies outside src`]
    const rank = rankOf(target)
    return rank === -1 || rank >= own ? [] : [`${path} imports ${target}, which lies above it`]
  })
}

function rankOf(path: string): number {
  return LAYERS.findIndex(
    (layer) => path === layer || (layer.endsWith('/') && path.startsWith(layer)),
  )
}

/** Finds each cycle once, by the first file of it that is met. */
function checkCycles(files: readonly SourceFile[]): string[] {
  const importsOf = new Map(files.map((file) => [file.path, file.imports]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      cycles.push(`imports go in a circle: ${[...trail.slice(start), path].join(' -> ')}`)
      return
    }
    if (done.has(path)) return
    for (const target of importsOf.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of files) visit(path, [])
  return cycles
}

if (import.meta.main) {
  const problems = checkLayout(join(import.meta.dirname, '../src'))
  for (const problem of problems) console.error(`layout: src/${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
