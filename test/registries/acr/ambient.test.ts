import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Credential } from '../../../src/model/credential.ts'
import { codeOf, describeError, hintOf } from '../../../src/model/errors.ts'
import { sendJson } from '../../fakes/http.ts'
import type { Misbehaviour } from '../../fakes/token-server.ts'
import {
  ACR_USER,
  AMBIENT,
  ASSERTION,
  CLIENT,
  failureOf,
  HEADER,
  HOST,
  OTHER_CLIENT,
  setUp,
  workloadIdentity,
} from './azure.ts'

describe('a federated identity', () => {
  test('shows its token, as the file has it now', async () => {
    const env = workloadIdentity()
    const { azure, exchange, asked } = await setUp({ env })
    expect(await exchange(AMBIENT)).toMatchObject({ username: ACR_USER })
    expect(asked()).toEqual(['entra login.microsoftonline.com', `exchange ${HOST}`])
    writeFileSync(env.AZURE_FEDERATED_TOKEN_FILE, 'another.token.x\n')
    expect(codeOf(await failureOf(exchange(AMBIENT)))).toBe('exchange-failed')
    expect(azure.calls.at(-1)?.params).toMatchObject({ client_assertion: 'another.token.x' })
  })

  test('may be in a variable', async () => {
    const { AZURE_FEDERATED_TOKEN_FILE: _, ...env } = workloadIdentity()
    const { exchange } = await setUp({ env: { ...env, AZURE_FEDERATED_TOKEN: ASSERTION } })
    expect(await exchange(AMBIENT)).toMatchObject({ username: ACR_USER })
  })

  test('may be that of another application', async () => {
    const env = { ...workloadIdentity(), AZURE_CLIENT_ID: OTHER_CLIENT }
    const { azure, exchange } = await setUp({ env })
    await exchange({ kind: 'ambient-azure', clientId: CLIENT })
    expect(azure.calls[0]?.params).toMatchObject({ client_id: CLIENT })
  })

  test.each<[string, Readonly<Record<string, string>>, string, string]>([
    [
      'without an application',
      { AZURE_CLIENT_ID: '' },
      'credential-incomplete',
      'AZURE_FEDERATED_TOKEN_FILE is set, and AZURE_CLIENT_ID is not',
    ],
    [
      'without a tenant',
      { AZURE_TENANT_ID: '' },
      'credential-incomplete',
      'AZURE_FEDERATED_TOKEN_FILE is set, and AZURE_TENANT_ID is not',
    ],
    [
      'without its file',
      { AZURE_FEDERATED_TOKEN_FILE: '/nonexistent/token' },
      'exchange-failed',
      'AZURE_FEDERATED_TOKEN_FILE: ENOENT',
    ],
    [
      'with a file of something else',
      { AZURE_FEDERATED_TOKEN_FILE: '/etc/passwd' },
      'exchange-failed',
      'AZURE_FEDERATED_TOKEN_FILE holds no token',
    ],
    [
      'with an endless file',
      { AZURE_FEDERATED_TOKEN_FILE: '/dev/zero' },
      'exchange-failed',
      'AZURE_FEDERATED_TOKEN_FILE: it is not a file',
    ],
    ...[
      'http://login.microsoftonline.com/',
      'https://login.microsoftonline.com.evil.example/',
      'https://login.microsoftonline.com@evil.example/',
      'https://login.microsoftonline.com:8443/',
      'https://user@login.microsoftonline.com/',
      'https://login.microsoftonline.com/evil',
      'https://login.microsoftonline.com/?x',
      'login.microsoftonline.com',
      'https://169.254.169.254/',
    ].map((authority): [string, Readonly<Record<string, string>>, string, string] => [
      `at ${authority}`,
      { AZURE_AUTHORITY_HOST: authority },
      'policy',
      'AZURE_AUTHORITY_HOST is not an authority of Microsoft Entra',
    ]),
  ])('%s is a fault, and nobody is asked', async (_name, more, code, message) => {
    const { exchange, asked } = await setUp({ env: { ...workloadIdentity(), ...more } })
    const error = await failureOf(exchange(AMBIENT))
    expect([codeOf(error), describeError(error)]).toEqual([code, message])
    expect(asked()).toEqual([])
  })
})

describe('a managed identity', () => {
  const METADATA = 'metadata 169.254.169.254'

  test('is that of the machine', async () => {
    const { azure, exchange, asked } = await setUp({ managed: [CLIENT] })
    expect(await exchange(AMBIENT)).toMatchObject({ username: ACR_USER })
    expect(asked()).toEqual([METADATA, METADATA, `exchange ${HOST}`])
    expect(azure.calls[1]?.params).not.toHaveProperty('client_id')
    expect(azure.calls[2]?.params).not.toHaveProperty('tenant')
  })

  test.each<[string, Credential, Readonly<Record<string, string>>]>([
    ['the credential', { kind: 'ambient-azure', clientId: OTHER_CLIENT }, {}],
    ['the environment', AMBIENT, { AZURE_CLIENT_ID: OTHER_CLIENT }],
  ])('is the one that %s names', async (_name, credential, env) => {
    const { azure, exchange } = await setUp({ managed: [CLIENT, OTHER_CLIENT], env })
    expect(await exchange(credential)).toMatchObject({ username: ACR_USER })
    expect(azure.calls[1]?.params).toMatchObject({ client_id: OTHER_CLIENT })
  })

  test('is that of the app, if its platform has an endpoint', async () => {
    const env = { IDENTITY_ENDPOINT: '', IDENTITY_HEADER: HEADER }
    const { azure, exchange, asked } = await setUp({ managed: [CLIENT], env })
    env.IDENTITY_ENDPOINT = azure.identityEndpoint
    expect(await exchange(AMBIENT)).toMatchObject({ username: ACR_USER })
    expect(asked()).toEqual([`app ${new URL(azure.identityEndpoint).host}`, `exchange ${HOST}`])
  })

  test.each<[string, Misbehaviour | undefined]>([
    ['no identity is assigned', undefined],
    ['it is another cloud', (_, res) => void res.writeHead(404).end('<html>')],
    ['it is a server of no cloud', (_, res) => void res.writeHead(200).end('{"ok":true}')],
    ['nobody answers', () => undefined],
    ['it hangs up', (req) => void req.socket.destroy()],
  ])('is a miss where there is none: %s', async (_name, misbehave) => {
    const { azure, exchange, asked } = await setUp()
    azure.misbehave('metadata', misbehave)
    expect(await exchange(AMBIENT)).toBeUndefined()
    expect(new Set(asked())).toEqual(new Set([METADATA]))
  })

  test('is a miss where there is no such service', async () => {
    const { exchange } = await setUp({ metadata: 'nobody' })
    expect(await exchange(AMBIENT)).toBeUndefined()
  })

  test('is a miss where there is no such service, whatever the environment names', async () => {
    const { exchange } = await setUp({ metadata: 'nobody', env: { AZURE_CLIENT_ID: CLIENT } })
    expect(await exchange(AMBIENT)).toBeUndefined()
  })

  test('that the environment names and is not there is a fault', async () => {
    const { exchange } = await setUp({ managed: [CLIENT], env: { AZURE_CLIENT_ID: OTHER_CLIENT } })
    expect(describeError(await failureOf(exchange(AMBIENT)))).toMatch(
      /invalid_request, status 400$/,
    )
  })

  test('that is named, on a machine of another cloud, is a fault', async () => {
    const { azure, exchange } = await setUp()
    azure.misbehave('metadata', (_, res) => void res.writeHead(404).end('<html>'))
    const error = await failureOf(exchange({ kind: 'ambient-azure', clientId: CLIENT }))
    expect(describeError(error)).toMatch(/: status 404$/)
  })

  test('that is named and not there is a fault', async () => {
    const { exchange } = await setUp({ managed: [CLIENT] })
    const error = await failureOf(exchange({ kind: 'ambient-azure', clientId: OTHER_CLIENT }))
    expect(describeError(error)).toBe(
      `asking 169.254.169.254 for a token of managed identity "${OTHER_CLIENT}" of this machine: invalid_request, status 400`,
    )
    expect(hintOf(error)).toMatch(/^see whether the identity is assigned/)
  })

  test('that is named, where there is no such service, is a fault', async () => {
    const { exchange } = await setUp({ metadata: 'nobody' })
    const error = await failureOf(exchange({ kind: 'ambient-azure', clientId: CLIENT }))
    expect(codeOf(error)).toBe('network')
    expect(describeError(error)).toContain(`managed identity "${CLIENT}" of this machine: GET`)
  })

  test('is a fault if its own service is in trouble', async () => {
    const { azure, exchange, pauses } = await setUp({ managed: [CLIENT] })
    azure.misbehave('metadata', (_, res) => sendJson(res, 503, { error: 'server_error' }))
    const error = await failureOf(exchange(AMBIENT))
    expect(describeError(error)).toMatch(/: server_error, status 503$/)
    expect(pauses.slice(0, 2)).toEqual([1_000, 2_000])
  })

  test.each([
    'http://evil.example/msi/token',
    'http://10.0.0.1/msi/token',
    'http://169.254.169.254.evil.example/',
    'ftp://127.0.0.1/',
    'token',
  ])('is asked for on this machine or by https, not at %s', async (endpoint) => {
    const { exchange, asked } = await setUp({
      env: { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: HEADER },
    })
    expect(await failureOf(exchange(AMBIENT))).toMatchObject({
      code: 'policy',
      message: 'IDENTITY_ENDPOINT is neither https nor on this machine',
    })
    expect(asked()).toEqual([])
  })
})
