import type { Agent } from 'node:https'
import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { tryParseJson } from '../../model/json.ts'
import { Secret } from '../../model/secret.ts'
import { readTokenFile } from '../token-file.ts'
import { type Env, isLoopback } from './endpoint.ts'
import { createSdkHandler } from './handler.ts'
import type { AwsKeys } from './keys.ts'

/** ECS's agent. */
const ECS_ORIGIN = 'http://169.254.170.2'
/** It, and EKS's Pod Identity agent by either IP version: what a node runs for its containers. */
const AGENT_HOSTS = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]'])
/** An agent on the same machine answers in milliseconds, or it has to ask Amazon. */
const TIMEOUT_MS = 2_000

const text = v.pipe(v.string(), v.nonEmpty())
const answer = v.object({ AccessKeyId: text, SecretAccessKey: text, Token: text })

/** What the agent is asked with. */
interface Question {
  readonly env: Env
  readonly httpsAgent: Agent
  readonly signal: AbortSignal
}

/**
 * Asks the agent that the environment names for the identity of this container: ECS's, or that of
 * EKS Pod Identity.
 *
 * Not by the SDK, whose own client waits for an answer without end.
 *
 * @throws `exchange-failed` if it refuses; `network` if it does not answer; `policy` if it is
 * elsewhere and without TLS
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export async function askContainer({ env, httpsAgent, signal }: Question): Promise<AwsKeys> {
  const url = placeOf(env)
  const what = `asking ${quote(url.origin)} for the identity of this container`
  const authorization = await readAuthorization(env)
  const handler = createSdkHandler({
    httpsAgent,
    signal,
    timeoutMs: TIMEOUT_MS,
    allowsHttp: (hostname) => isLoopback(hostname) || AGENT_HOSTS.has(hostname),
  })
  try {
    const { response } = await handler.handle({
      method: 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { accept: 'application/json', ...(authorization && { authorization }) },
    })
    if (response.statusCode !== 200) throw refused(what, response.statusCode)
    return parseKeys(what, Buffer.from(response.body).toString('utf8'))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PurserError && error.code !== 'network') throw error
    throw new PurserError('network', what, { cause: error })
  }
}

function placeOf(env: Env): URL {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']
  const url = relative
    ? URL.parse(relative.startsWith('/') ? ECS_ORIGIN + relative : '')
    : URL.parse(env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '')
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  const name = relative ? 'RELATIVE' : 'FULL'
  throw new PurserError('config-invalid', `AWS_CONTAINER_CREDENTIALS_${name}_URI is not a URI`)
}

/** The file is read each time: Kubernetes puts a new token there within the hour. */
async function readAuthorization(env: Env): Promise<string | undefined> {
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']
  const token = file
    ? (await readTokenFile(file, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')).trim()
    : env['AWS_CONTAINER_AUTHORIZATION_TOKEN']
  if (token && !/^[ -~]+$/.test(token)) {
    throw new PurserError('exchange-failed', 'the token for the identity of this container', {
      cause: new PurserError('exchange-failed', 'it holds what no header can'),
    })
  }
  return token || undefined
}

function refused(what: string, status: number): PurserError {
  return new PurserError('exchange-failed', `${what}: status ${status}`, {
    hint: 'see whether the task, or the service account, has a role',
  })
}

function parseKeys(what: string, body: string): AwsKeys {
  const result = v.safeParse(answer, tryParseJson(body))
  if (!result.success) throw new PurserError('exchange-failed', `${what}: not keys, but other JSON`)
  const { AccessKeyId, SecretAccessKey, Token } = result.output
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: new Secret(SecretAccessKey),
    sessionToken: new Secret(Token),
  }
}
