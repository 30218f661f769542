import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What is exchanged: nothing is the machine's own identity. */
export interface Question {
  readonly file: object | undefined
  readonly ca: string
  readonly connect: readonly (readonly [string, string])[]
}

/** What came of it: a token, or an error in one line. */
interface Outcome {
  readonly told: string
  readonly tookMs: number
  /** What the process said beside it. */
  readonly stderr: string
}

/** Exchanges in a process that has these variables, and no others. */
export async function exchangeElsewhere(
  question: Question,
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', SCRIPT, JSON.stringify(question)],
    { timeout: 30_000, env: { PATH: process.env['PATH'], ...env } },
  )
  return { ...JSON.parse(stdout), stderr }
}

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url))
