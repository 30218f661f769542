import { describeError, PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { tryParseJson } from '../../model/json.ts'
import { ask, type Way } from './ask.ts'
import type { ExternalSource } from './external-source.ts'
import { readGoogleFile } from './file.ts'

/** Who gives a machine its tokens is on the machine, or its link. */
const TIMEOUT_MS = 5_000

type TokenSource = Exclude<ExternalSource, { readonly kind: 'aws' }>

/**
 * Reads the proof of an identity of another cloud, anew each time: it changes within the hour.
 *
 * By ourselves, as the SDK lets its users: its own readers take files and answers of any length, and
 * know no end to waiting.
 *
 * @throws `exchange-failed` if it cannot be read; `network` if nobody answers
 */
export async function readSubjectToken(source: TokenSource, way: Way): Promise<string> {
  const text = source.kind === 'file' ? await readToken(source.path) : await askFor(source, way)
  const token = source.field === undefined ? text : fieldOf(text, source.field)
  if (token !== undefined && token.trim() !== '') return token
  const field = source.field === undefined ? 'nothing' : `no ${quote(source.field)}`
  throw new PurserError('exchange-failed', `there is ${field} in ${nameSource(source)}`, {
    hint: 'see credential_source of the credential file',
  })
}

/** Where a proof comes from, for people. */
function nameSource(source: TokenSource): string {
  return source.kind === 'file' ? `file ${quote(source.path)}` : quote(source.url.origin)
}

function readToken(path: string): Promise<string> {
  const hint = 'credential_source of the credential file names it: see whether it is there'
  return readGoogleFile(path, hint)
}

async function askFor(source: TokenSource & { readonly kind: 'url' }, way: Way): Promise<string> {
  const { url, headers } = source
  const what = `asking ${quote(url.origin)} for the proof`
  const hint = 'credential_source of the credential file names it: see whether this machine may ask'
  try {
    const { status, body } = await ask(
      { method: 'GET', url, headers },
      { ...way, timeoutMs: TIMEOUT_MS },
    )
    if (status === 200) return body
    throw new PurserError('exchange-failed', `${what}: status ${status}`, { hint })
  } catch (error) {
    way.signal.throwIfAborted()
    if (error instanceof PurserError && error.code === 'exchange-failed') throw error
    throw new PurserError('network', `${what}: ${describeError(error)}`, { hint })
  }
}

function fieldOf(text: string, field: string): string | undefined {
  const value = tryParseJson(text)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return undefined
  const found: unknown = Reflect.get(value, field)
  return typeof found === 'string' ? found : undefined
}
