import * as v from 'valibot'
import { type ErrorCode, PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { tryParseJson } from '../../model/json.ts'
import { Secret } from '../../model/secret.ts'
import { runSubprocess } from '../subprocess.ts'
import type { Env } from './endpoint.ts'
import type { AwsKeys } from './keys.ts'

/** Such programs ask a server of their own, or unlock a key chain; a client waits for them. */
const TIMEOUT_MS = 10_000

const HINT = 'run its credential_process by hand: it has to print keys as JSON, and soon'

const answer = v.object({
  Version: v.literal(1),
  AccessKeyId: v.pipe(v.string(), v.nonEmpty()),
  SecretAccessKey: v.pipe(v.string(), v.nonEmpty()),
  SessionToken: v.nullish(v.string()),
  Expiration: v.nullish(v.pipe(v.string(), v.isoTimestamp())),
})

/** What a program is run with. */
interface Run {
  readonly profile: string
  readonly env: Env
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly killGroup?: ((pid: number) => void) | undefined
  readonly timeoutMs?: number
}

/**
 * Runs a profile's `credential_process`, which the operator has written down as a shell's command.
 *
 * Not by the SDK: it has no limit of time, and takes a program that fails for one that is not there.
 *
 * @throws `exchange-failed` if it fails, or prints anything but keys; what it prints is in no error
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export async function runProgram(
  command: string,
  { profile, env, now, signal, killGroup, timeoutMs = TIMEOUT_MS }: Run,
): Promise<AwsKeys> {
  const faultOf = (why: string, code: ErrorCode = 'exchange-failed') =>
    new PurserError(code, `profile ${quote(profile)}: credential_process ${why}`, { hint: HINT })
  const fail = (why: string) => faultOf(why)
  // What is set for Purser, as the key of its vault may be, is for no other program.
  const passed = Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('PURSER_')),
  )
  const run = { env: passed, timeoutMs, signal, killGroup, fail }
  const { status, output } = await runSubprocess(command, run)
  if (status !== 0) throw fail(`ended with ${typeof status === 'number' ? 'status ' : ''}${status}`)
  const result = v.safeParse(answer, tryParseJson(output))
  if (!result.success) {
    const path = v.getDotPath(result.issues[0])
    throw fail(path === null ? 'printed no JSON' : `printed no valid ${path}`)
  }
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = result.output
  if (Expiration && Date.parse(Expiration) <= now()) {
    throw faultOf('printed keys that have expired', 'credential-expired')
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: new Secret(SecretAccessKey),
    sessionToken: SessionToken ? new Secret(SessionToken) : undefined,
  }
}
