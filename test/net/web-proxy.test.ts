import { describe, expect, test } from 'vitest'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'
import { findWebProxy, type WebProxySettings } from '../../src/net/web-proxy.ts'

const BY_ENVIRONMENT: WebProxySettings = {
  proxy: 'environment',
  login: undefined,
  exceptions: [],
}

const shown = (settings: Partial<WebProxySettings>, env: Record<string, string> = {}) => {
  const found = findWebProxy({ ...BY_ENVIRONMENT, ...settings }, env)
  if (found === undefined) return undefined
  const { hostname, port, secure, authorization } = found
  return `${secure ? 'https' : 'http'} ${hostname} ${port} ${authorization?.reveal() ?? '-'}`
}

const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`

test.each([
  { env: {}, found: undefined },
  { env: { HTTPS_PROXY: '' }, found: undefined },
  { env: { HTTP_PROXY: 'http://p:1', ALL_PROXY: 'http://p:1' }, found: undefined },
  { env: { HTTPS_PROXY: 'http://p:3128' }, found: 'http p 3128 -' },
  { env: { https_proxy: 'http://p:3128/' }, found: 'http p 3128 -' },
  { env: { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, found: 'http upper 80 -' },
  { env: { HTTPS_PROXY: '', https_proxy: 'http://lower' }, found: 'http lower 80 -' },
  { env: { HTTPS_PROXY: 'p.corp.example:3128' }, found: 'http p.corp.example 3128 -' },
  { env: { HTTPS_PROXY: 'https://p.corp.example' }, found: 'https p.corp.example 443 -' },
  { env: { HTTPS_PROXY: 'http://[2001:db8::1]:3128' }, found: 'http 2001:db8::1 3128 -' },
  { env: { HTTPS_PROXY: 'http://ann:p%40ss@p' }, found: `http p 80 ${basic('ann:p@ss')}` },
])('of the environment $env: $found', ({ env, found }) => {
  expect(shown({}, env)).toBe(found)
})

test('the configuration says it louder', () => {
  const env = { HTTPS_PROXY: 'http://env', NO_PROXY: 'ghcr.io' }
  expect(shown({ proxy: 'none' }, env)).toBeUndefined()
  expect(shown({ proxy: 'http://file:3128' }, env)).toBe('http file 3128 -')
  const login = new Secret('ann:secret')
  expect(shown({ proxy: 'http://file', login }, env)).toBe(`http file 80 ${basic('ann:secret')}`)
  expect(shown({ login }, env)).toBe(`http env 80 ${basic('ann:secret')}`)
})

describe('what is spared', () => {
  const spares = (settings: Partial<WebProxySettings>, env: Record<string, string>) => {
    const found = findWebProxy({ ...BY_ENVIRONMENT, ...settings }, env)
    return ['a.example', 'b.example'].filter((host) => found?.spares(host, 443))
  }
  const env = { HTTPS_PROXY: 'http://p', no_proxy: 'a.example' }

  test.each([
    { name: "is the environment's", settings: {}, spared: ['a.example'] },
    {
      name: "and the configuration's",
      settings: { exceptions: ['b.example'] },
      spared: ['a.example', 'b.example'],
    },
    {
      name: "or the configuration's alone, if that names the proxy",
      settings: { proxy: 'http://file', exceptions: ['b.example'] },
      spared: ['b.example'],
    },
  ])('$name', ({ settings, spared }) => {
    expect(spares(settings, env)).toEqual(spared)
  })
})

test.each([
  {
    env: { https_proxy: 'socks5://ann:hunter2@p:1080' },
    message: 'https_proxy is not the URL of an http or https proxy',
    hint: 'write it as http://proxy.corp.example:3128',
  },
  {
    env: { HTTPS_PROXY: 'http://' },
    message: 'HTTPS_PROXY is not the URL of an http or https proxy',
    hint: 'write it as http://proxy.corp.example:3128',
  },
  {
    env: { HTTPS_PROXY: 'http://ann:100%@p' },
    message: 'the login in HTTPS_PROXY has a % that escapes nothing',
    hint: 'write %25 for it',
  },
])('$message', ({ env, message, hint }) => {
  let error: unknown
  try {
    findWebProxy(BY_ENVIRONMENT, env)
  } catch (thrown) {
    error = thrown
  }
  expect([codeOf(error), describeError(error), hintOf(error)]).toEqual([
    'config-invalid',
    message,
    hint,
  ])
})
