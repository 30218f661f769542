import { codeOf, describeError, hintOf, PurserError } from '../model/errors.ts'
import { type Login, NOT_FOUND } from '../model/login.ts'
import type { HelperContext } from './context.ts'
import { eraseLogin } from './erase.ts'
import { getLogin } from './get.ts'
import { hasControlCharacter, type Input, readInput } from './input.ts'

const NAME = 'docker-credential-purser'
const USAGE = `Usage: ${NAME} <store|get|erase|list|version>`

/** A host has at most 253 characters, a repository 255: this is four times that. */
const MAX_SERVER_URL_BYTES = 2 * 1024
/** The longest known, an ECR password or a service account's key, are below 5 KiB. */
const MAX_STORE_BYTES = 1024 * 1024

/**
 * Speaks the Docker credential helper protocol: one action, its input and its answer.
 *
 * Errors are part of the answer: clients read them from stdout, and compare some word by word.
 *
 * @param openInput - called only by actions that have an input: a client that asks for the list may
 * leave its own terminal open as ours
 * @returns the exit code
 * @see https://github.com/docker/docker-credential-helpers/blob/master/credentials/credentials.go
 */
export async function runHelper(
  args: readonly string[],
  openInput: () => Input,
  write: (text: string) => void,
  context: HelperContext,
  signal: AbortSignal,
): Promise<0 | 1> {
  const [action = ''] = args
  if (args.length !== 1) {
    write(`${USAGE}\n`)
    return 1
  }
  try {
    write(await answer(action, openInput, context, signal))
    return 0
  } catch (error) {
    // docker tells nobody that a logout failed.
    if (action === 'erase') context.log.error('erase failed', { error: describeError(error) })
    // And takes any fault of a get for a miss, without a word; but it passes on what is on stderr.
    const isMiss = ['not-found', 'usage'].includes(codeOf(error))
    if (action === 'get' && !isMiss) context.complain('error', describeFault(error))
    write(renderFault(error))
    return 1
  }
}

async function answer(
  action: string,
  openInput: () => Input,
  context: HelperContext,
  signal: AbortSignal,
): Promise<string> {
  switch (action) {
    case 'get': {
      const serverUrl = await readServerUrl(openInput())
      return renderLogin(serverUrl, await getLogin(serverUrl, context, signal))
    }
    case 'store': {
      // Loaded when asked for: what `get` does not need shall not slow it down.
      const { storeLogin } = await import('./store.ts')
      await storeLogin(await readInput(openInput(), MAX_STORE_BYTES), context, signal)
      return ''
    }
    case 'erase':
      await eraseLogin(await readServerUrl(openInput()), context)
      return ''
    case 'list': {
      const { listLogins } = await import('./list.ts')
      return `${JSON.stringify(await listLogins(context, signal))}\n`
    }
    case 'version':
    case '--version':
    case '-v':
      return `${NAME} (purser) ${context.version}\n`
    case '--help':
    case '-h':
      return `${USAGE}\n`
    default:
      throw new PurserError('usage', `${NAME}: unknown action: ${action}`)
  }
}

async function readServerUrl(input: Input): Promise<string> {
  const serverUrl = await readInput(input, MAX_SERVER_URL_BYTES)
  // Helpers that drop a newline from the middle answer for another host than was asked for.
  if (serverUrl === '' || hasControlCharacter(serverUrl)) {
    throw new PurserError('usage', 'no credentials server URL')
  }
  return serverUrl
}

function renderLogin(serverUrl: string, login: Login | undefined): string {
  if (login === undefined) throw new PurserError('not-found', NOT_FOUND)
  const { username, secret } = login
  // Here the secret leaves for the client.
  const message = { ServerURL: serverUrl, Username: username, Secret: secret.reveal() }
  return `${JSON.stringify(message)}\n`
}

/** A fault as clients show it: one line, with the hint where there is one. */
export function renderFault(error: unknown): string {
  return lineOf(describeFault(error))
}

function describeFault(error: unknown): string {
  const hint = hintOf(error)
  return hint === undefined ? describeError(error) : `${describeError(error)} (${hint})`
}

/** What is said on stderr beside an answer, among lines of the client's own. */
export function renderComplaint(kind: 'warning' | 'error', text: string): string {
  return lineOf(`${NAME}: ${kind}: ${text}`)
}

function lineOf(text: string): string {
  return `${text.replace(/\p{Cc}+/gu, ' ')}\n`
}
