import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** How a program of a script is started. */
export interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly argv0?: string
}

export interface ScriptOptions {
  /** An empty directory: the script's files, `$WORK`, and where its programs run. */
  readonly work: string
  /** By the name that scripts call them by. */
  readonly programs: Readonly<Record<string, Program>>
  /** A program that has not ended by then is stuck. */
  readonly timeoutMs: number
}

interface State {
  readonly options: ScriptOptions
  readonly env: Record<string, string>
  input: string
  stdout: string
  stderr: string
  code: number | null
}

/** What a line says, without its `!`. */
type Line = (state: State, args: readonly string[], negated: boolean) => Promise<void> | void

const COMMANDS: Readonly<Record<string, Line>> = {
  env(state, args) {
    for (const pair of args) {
      const equals = pair.indexOf('=')
      state.env[pair.slice(0, equals)] = pair.slice(equals + 1)
    }
  },
  stdin(state, [file = '']) {
    state.input = readFileSync(join(state.options.work, file), 'utf8')
  },
  async exec(state, [name = '', ...args], negated) {
    const program = state.options.programs[name] ?? { file: name, args: [] }
    await execute(state, program, args)
    if ((state.code === 0) === negated) throw new Error(`it ended with ${state.code}`)
  },
  code(state, [expected = '']) {
    if (state.code !== Number(expected)) throw new Error(`it ended with ${state.code}`)
  },
  stdout: (state, [pattern = ''], negated) => match(state.stdout, pattern, negated),
  stderr: (state, [pattern = ''], negated) => match(state.stderr, pattern, negated),
  cmp(state, [what = '', file = '']) {
    const expected = readFileSync(join(state.options.work, file), 'utf8')
    const actual = what === 'stderr' ? state.stderr : state.stdout
    if (actual !== expected) throw new Error(`${what} is not ${file}`)
  },
  exists(state, files, negated) {
    for (const file of files) {
      if (existsSync(join(state.options.work, file)) === negated) throw new Error(file)
    }
  },
  grep(state, [pattern = '', file = ''], negated) {
    match(readFileSync(join(state.options.work, file), 'latin1'), pattern, negated)
  },
  chmod(state, [mode = '', file = '']) {
    chmodSync(join(state.options.work, file), Number.parseInt(mode, 8))
  },
  rm(state, files) {
    for (const file of files) rmSync(join(state.options.work, file))
  },
}

/**
 * Runs a text script: a command a line, and files below `-- name --` lines.
 *
 * `exec` runs a program, `! exec` one that has to fail; `stdout 'regex'` and `stderr 'regex'` look
 * at what it wrote, `! stdout .` that it wrote nothing; `code 3` is how it ended; `stdin file` is for
 * the next `exec`.
 *
 * @see https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript for where this style is from
 */
export async function runScript(text: string, options: ScriptOptions): Promise<void> {
  const [script = '', ...files] = text.split(/^-- (.+) --\n/m)
  for (let i = 0; i < files.length; i += 2) {
    const path = join(options.work, files[i] ?? '')
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, files[i + 1] ?? '', { mode: 0o600 })
  }
  const env = {
    HOME: options.work,
    PATH: '/usr/bin:/bin',
    PURSER_HOME: join(options.work, 'purser'),
    WORK: options.work,
  }
  const state: State = { options, env, input: '', stdout: '', stderr: '', code: null }
  for (const [i, line] of script.split('\n').entries()) {
    await runLine(state, line, i + 1)
  }
}

async function runLine(state: State, line: string, number: number): Promise<void> {
  const words = split(line, state.env)
  const negated = words[0] === '!'
  const [name, ...args] = negated ? words.slice(1) : words
  if (name === undefined) return
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  try {
    if (command === undefined) throw new Error('no such command')
    await command(state, args, negated)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const { code, stdout, stderr } = state
    throw new Error(
      `line ${number}: ${line}\n${reason}\n[code] ${code}\n[stdout]\n${stdout}\n[stderr]\n${stderr}`,
      { cause },
    )
  }
}

/** Words as a shell splits them: `'…'` is literal, `$NAME` is a variable, `#` starts a comment. */
function split(line: string, env: Readonly<Record<string, string>>): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [token] of line.matchAll(/'(?:[^']|'')*'|\$\w+|\s+|#.*|[^\s'$#]+|./g)) {
    if (/^\s/.test(token) || token.startsWith('#')) {
      if (word !== undefined) words.push(word)
      word = undefined
      if (token.startsWith('#')) break
    } else {
      word = (word ?? '') + expand(token, env)
    }
  }
  return word === undefined ? words : [...words, word]
}

function expand(token: string, env: Readonly<Record<string, string>>): string {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'")
  return token.startsWith('$') ? (env[token.slice(1)] ?? '') : token
}

function match(text: string, pattern: string, negated: boolean): void {
  if (new RegExp(pattern, 'm').test(text) === negated) {
    throw new Error(negated ? `${pattern} matches` : `${pattern} does not match`)
  }
}

function execute(state: State, program: Program, args: readonly string[]): Promise<void> {
  const { env, input } = state
  state.input = ''
  state.stdout = ''
  state.stderr = ''
  return new Promise((resolve, reject) => {
    const child = spawn(program.file, [...program.args, ...args], {
      ...(program.argv0 === undefined ? {} : { argv0: program.argv0 }),
      cwd: state.options.work,
      env,
      timeout: state.options.timeoutMs,
      killSignal: 'SIGKILL',
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      state.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      state.stderr += text
    })
    // A program that does not read what it is given has gone away: that is its affair.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code) => {
      state.code = code
      resolve()
    })
  })
}
