import * as v from 'valibot'
import { createLru } from '../cache/lru.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { runSubprocess } from '../cloud/subprocess.ts'
import type { Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { tryParseJson } from '../model/json.ts'
import { NOT_FOUND } from '../model/login.ts'
import { ASKING } from './asking.ts'
import { credentialOf } from './auth-entry.ts'
import { findProgram, isOurs } from './helper-program.ts'

/** As long as a person may need for a key chain; docker waits for ever. */
const TIMEOUT_MS = 10_000
/** A pull asks for the same login a dozen times within seconds. */
const HOLDS_MS = 5_000
const CAPACITY = 1_000

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const answer = v.looseObject({ Username: v.string(), Secret: v.string() })

/** A question for another helper. */
export interface HelperQuestion {
  /** What stands behind `docker-credential-`. */
  readonly name: string
  /** The file that names it. */
  readonly namedIn: string
  /** Another one after each change of that file. */
  readonly state: string
  readonly serverUrl: string
}

/** Asks other credential helpers. */
export interface OtherHelpers {
  /**
   * @returns `undefined` if it has no login for the URL, or if it is ourselves
   * @throws `config-invalid` if there is no such helper; `exchange-failed` if it fails
   */
  get(question: HelperQuestion, signal: AbortSignal): Promise<Credential | undefined>
}

/** What other helpers are run with. */
export interface OtherHelpersOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What starts this program. */
  readonly command: readonly string[]
  /** Kills a process that leads a group, and its group. */
  killGroup(pid: number): void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Default: 10 s. */
  readonly timeoutMs?: number
}

/** Makes what asks them: one question at a time for each login, and for 5 seconds once. */
export function createOtherHelpers(options: OtherHelpersOptions): OtherHelpers {
  const { env, command, killGroup, now, timeoutMs = TIMEOUT_MS } = options
  // What a container's request brings is for no other program.
  const { PURSER_REQUEST: _, ...passed } = env
  const answers = createLru<{ readonly at: number; readonly credential: Credential | undefined }>(
    CAPACITY,
  )
  const flights = createSingleFlight<Credential | undefined>()

  async function ask(
    { name, namedIn, serverUrl }: HelperQuestion,
    signal: AbortSignal,
  ): Promise<Credential | undefined> {
    const program = `docker-credential-${name}`
    const path = findProgram(program, env)
    if (path === undefined) {
      throw new PurserError(
        'config-invalid',
        `${program}, which ${namedIn} names, is not in PATH`,
        {
          hint: 'install it, or take its line out of the file',
        },
      )
    }
    if (isOurs(path, command, env)) return undefined
    const what = `${program} get for ${quote(serverUrl)}`
    const fail: Fail = (why, details) =>
      new PurserError('exchange-failed', `${what} ${why}`, {
        hint: `run it by hand: echo ${serverUrl} | ${program} get`,
        ...details,
      })
    const { status, output } = await runSubprocess([path, 'get'], {
      env: { ...passed, [ASKING]: '1' },
      cwd: '/',
      input: serverUrl,
      timeoutMs,
      signal,
      killGroup,
      fail,
    })
    return read(status, output, what, fail)
  }

  return {
    async get(question, signal) {
      const { name, namedIn } = question
      if (!NAME.test(name)) {
        throw new PurserError('config-invalid', `${namedIn}: ${quote(name)} is no helper's name`)
      }
      const key = JSON.stringify(question)
      const known = answers.get(key)
      const ageMs = known === undefined ? HOLDS_MS : now() - known.at
      if (known !== undefined && ageMs >= 0 && ageMs < HOLDS_MS) return known.credential
      const credential = await flights.join(key, (shared) => ask(question, shared), signal)
      answers.set(key, { at: now(), credential })
      return credential
    },
  }
}

type Fail = (why: string, details?: { readonly cause: unknown }) => PurserError

function read(
  status: number | string,
  output: string,
  what: string,
  fail: Fail,
): Credential | undefined {
  if (status !== 0) {
    if (output.trim() === NOT_FOUND) return undefined
    throw fail(`ended with ${status}`)
  }
  const parsed = v.safeParse(answer, tryParseJson(output))
  if (!parsed.success) throw fail('printed no Username and Secret as JSON')
  const { Username: username, Secret: secret } = parsed.output
  // What some helpers say for "none", and clients take for that.
  if (username === '' && secret === '') return undefined
  return credentialOf(username, secret, `the answer of ${what}`)
}
