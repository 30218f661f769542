import { PurserError, systemCode } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { tryParseJson } from '../model/json.ts'
import { type Keyring, parseKeyring } from './key.ts'

/** A key service answers within a second or two, and whoever waits for a login waits for it. */
const TIMEOUT_MS = 15_000
/** 16 keys of 58 bytes, with room for blank lines. */
const MAX_OUTPUT_BYTES = 4_096

/** One that gave the wrong key is not asked again for each question. */
const REFRESH_INTERVAL_MS = 10_000

/** As a key source: `read` gives what `refresh` got last. */
export interface CommandSource {
  readonly name: string
  read(): Keyring | undefined
  readonly writer: undefined
  /** @throws `key-missing`, `key-invalid` */
  refresh(): Promise<void>
}

/**
 * A key that a program prints, such as a key service's: it is run when it is needed, and its answer is kept in
 * memory.
 *
 * @param text - words between spaces, or a JSON list of them; no shell reads it
 * @returns `undefined` if it names no program
 */
export function commandSource(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): CommandSource | undefined {
  const words = wordsOf(text)
  const [program] = words ?? []
  if (words === undefined || program === undefined || program === '') return undefined
  // Its arguments are nobody's business: a name of a key, or worse.
  const name = `command:${program}`
  let keys: Keyring | undefined
  let asking: Promise<void> | undefined
  let askedAt = Number.NEGATIVE_INFINITY

  async function ask(): Promise<void> {
    try {
      keys = parseKeyring(await run(words ?? [], env, name), name)
    } finally {
      asking = undefined
      askedAt = performance.now()
    }
  }

  return {
    name,
    read: () => keys,
    writer: undefined,
    async refresh() {
      if (keys !== undefined && performance.now() - askedAt < REFRESH_INTERVAL_MS) return
      asking ??= ask()
      await asking
    },
  }
}

function wordsOf(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return text.split(' ').filter((word) => word !== '')
  const list = tryParseJson(text)
  return Array.isArray(list) && list.every((word) => typeof word === 'string') ? list : undefined
}

async function run(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  name: string,
): Promise<string> {
  // Loaded by those alone who have such a key: every helper loads this file.
  const { spawn } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [output, complaint] = [collect(child.stdout), collect(child.stderr)]
    const settle = (error: PurserError | undefined) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      // What it has started may hold them open for long.
      child.stdout.destroy()
      child.stderr.destroy()
      if (error === undefined) resolve(output.text())
      else reject(error)
    }
    const fail = (what: string) =>
      settle(
        new PurserError('key-missing', `cannot get the key from ${name}: ${what}`, {
          hint: 'run the command of [vault] key by hand: it is to print purser-key-v1: and 43 characters',
        }),
      )
    const timer = setTimeout(() => fail(`no answer in ${TIMEOUT_MS / 1_000} s`), TIMEOUT_MS)
    output.full(() => fail(`it prints more than ${MAX_OUTPUT_BYTES} bytes`))
    child.once('error', (error) => {
      const code = systemCode(error)
      fail(code === 'ENOENT' ? 'there is no such program' : `it cannot be run (${code})`)
    })
    child.once('close', (code, signal) => {
      if (code === 0) return settle(undefined)
      const said = complaintOf(complaint.text())
      const end = code === null ? `it was ended by ${signal}` : `it ended with ${code}`
      fail(said === '' ? end : `${end}: ${said}`)
    })
  })
}

/** Keeps what a stream says, as far as it is wanted. */
function collect(stream: NodeJS.ReadableStream) {
  const chunks: Buffer[] = []
  let bytes = 0
  let tell: () => void = () => undefined
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk)
    else tell()
  })
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    full: (told: () => void) => {
      tell = told
    },
  }
}

/** A program may say what it was given: whatever could be a key or a token is left out. */
function complaintOf(text: string): string {
  const line = text.split('\n').find((each) => each.trim() !== '') ?? ''
  const redacted = line.trim().replace(/[A-Za-z0-9+/_=-]{20,}/g, '[...]')
  return redacted === '' ? '' : quote(redacted)
}
