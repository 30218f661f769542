import { PurserError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import { type Exceptions, parseExceptions } from './exceptions.ts'

/** A company's proxy, by which its network is left. */
export interface WebProxy {
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  /** Whether it is spoken to by TLS. */
  readonly secure: boolean
  /** The value of Proxy-Authorization. */
  readonly authorization: Secret | undefined
  readonly spares: Exceptions
}

/** What the configuration says of proxies. */
export interface WebProxySettings {
  /** A URL, or whether the environment names one. */
  readonly proxy: 'environment' | 'none' | (string & {})
  /** `user:password`, for a proxy whose URL has none. */
  readonly login: Secret | undefined
  /** What is reached without it, beside what the environment names if that names the proxy. */
  readonly exceptions: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds the proxy that is to be used.
 *
 * The environment's variables are those of docker, containerd, gh and aws, in upper or lower case; where
 * both are set, the upper one counts, as in Go's programs.
 *
 * @returns `undefined` if there is none
 * @throws `config-invalid` if what names it is no URL of a proxy: to go past one that somebody wants is
 * not for us to decide
 */
export function findWebProxy(
  { proxy, login, exceptions }: WebProxySettings,
  env: Environment,
): WebProxy | undefined {
  if (proxy === 'none') return undefined
  const named = variable(env, 'HTTPS_PROXY')
  const text = proxy === 'environment' ? named?.value : proxy
  if (text === undefined) return undefined
  const spared = proxy === 'environment' ? (variable(env, 'NO_PROXY')?.value ?? '') : ''
  const from = proxy === 'environment' ? (named?.name ?? '') : '[net] proxy'
  return { ...parseProxy(text, from, login), spares: parseExceptions([spared, ...exceptions]) }
}

function variable(env: Environment, name: string) {
  for (const each of [name, name.toLowerCase()]) {
    const value = env[each]?.trim()
    if (value !== undefined && value !== '') return { name: each, value }
  }
  return undefined
}

/** Never shows the text: it may hold a password. */
function parseProxy(
  text: string,
  from: string,
  login: Secret | undefined,
): Omit<WebProxy, 'spares'> {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PurserError('config-invalid', `${from} is not the URL of an http or https proxy`, {
      hint: 'write it as http://proxy.corp.example:3128',
    })
  }
  const secure = url.protocol === 'https:'
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 443 : 80)),
    secure,
    authorization: basic(loginOf(url, from) ?? login),
  }
}

function loginOf({ username, password }: URL, from: string): Secret | undefined {
  if (username === '' && password === '') return undefined
  try {
    return new Secret(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  } catch {
    throw new PurserError('config-invalid', `the login in ${from} has a % that escapes nothing`, {
      hint: 'write %25 for it',
    })
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc7617 */
function basic(login: Secret | undefined): Secret | undefined {
  return login && new Secret(`Basic ${Buffer.from(login.reveal()).toString('base64')}`)
}
