import { readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EcrApi, startEcr } from '../fakes/ecr.ts'
import { openShipped, type Shipped } from './shipped.ts'

const HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const SIGNER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'right' }
const NOT_FOUND = 'credentials not found in native keychain\n'
/** Asks no agent. */
const ALONE = { PURSER_SOCKET: '' }

let shipped: Shipped
let api: EcrApi
let config: readonly string[]

beforeEach(async () => {
  shipped = await openShipped()
  const expiresAt = new Date((Math.ceil(Date.now() / 1000) + 12 * 3600) * 1000)
  api = await startEcr({ hosts: ['api.ecr.us-east-1.amazonaws.com'], signer: SIGNER, expiresAt })
  shipped.stack.defer(() => api.close())
  const ca = join(shipped.folder, 'ca.pem')
  await writeFile(ca, api.ca, { mode: 0o600 })
  const connect = [...api.connect].map(([from, to]) => `"${from}" = "${to}"`)
  config = ['[connect]', ...connect, '[tls]', `ca = ["${ca}"]`]
  await mkdir(shipped.home, { mode: 0o700 })
  await writeFile(join(shipped.home, 'config.toml'), config.join('\n'))
})

afterEach(() => shipped.stack.disposeAsync())

async function logIn(secretAccessKey: string): Promise<void> {
  const keys = {
    AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  const login = ['login', HOST, '--from-env', Object.keys(keys).join(',')]
  expect(await shipped.purser(login, '', keys)).toMatchObject({ status: 0 })
}

/** The helper's answer to docker: a secret, or what it says instead. */
async function get(env = {}): Promise<string> {
  const { stdout } = await shipped.helper('get', HOST, env)
  return stdout.startsWith('{') ? String(JSON.parse(stdout).Secret) : stdout
}

describe('a login that was exchanged', () => {
  it('serves helpers without an agent, from a sealed file', async () => {
    await logIn('right')
    expect([await get(ALONE), await get(ALONE)]).toEqual([api.password, api.password])
    expect(api.calls).toHaveLength(1)
    expect(readdirSync(join(shipped.home, 'logins'))).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ])
  })

  it('is made once for 20 helpers that start together', async () => {
    await logIn('right')
    const secrets = await Promise.all(Array.from({ length: 20 }, () => get(ALONE)))
    expect(new Set(secrets)).toEqual(new Set([api.password]))
    expect(api.calls).toHaveLength(1)
  })

  it('is shared by the agent and those who do without', async () => {
    await logIn('right')
    await shipped.serve(config)
    expect([await get(), await get(ALONE)]).toEqual([api.password, api.password])
    expect(api.calls).toHaveLength(1)
  })

  it('counts no more from the moment on that its entry is changed, in every process', async () => {
    await logIn('right')
    const serving = await shipped.serve(config)
    expect([await get(), await get(ALONE)]).toEqual([api.password, api.password])
    await logIn('wrong')
    for (const env of [{}, ALONE]) expect(await get(env)).toContain('status 400')
    await logIn('right')
    const asked = api.calls.length
    expect([await get(), await get(ALONE)]).toEqual([api.password, api.password])
    expect(api.calls).toHaveLength(asked)
    expect((await shipped.purser(['logout', HOST])).status).toBe(0)
    expect([await get(), await get(ALONE)]).toEqual([NOT_FOUND, NOT_FOUND])
    expect(JSON.parse((await serving.status()).body)).toMatchObject({ logins: { cached: 1 } })
  })

  it('is gone with the key that it was sealed with', async () => {
    await logIn('right')
    await get(ALONE)
    expect((await shipped.purser(['key', 'rotate'])).status).toBe(0)
    expect(readdirSync(join(shipped.home, 'logins'))).toEqual([])
    expect([await get(ALONE), await get(ALONE)]).toEqual([api.password, api.password])
    expect(api.calls).toHaveLength(2)
  })

  it('stays in memory if it is told to', async () => {
    await logIn('right')
    const off = { ...ALONE, PURSER_CACHE: 'off' }
    expect([await get(off), await get(off)]).toEqual([api.password, api.password])
    expect(api.calls).toHaveLength(2)
    expect(readdirSync(shipped.home)).not.toContain('logins')
    const odd = await get({ ...ALONE, PURSER_CACHE: 'no' })
    expect(odd).toContain('PURSER_CACHE must be off, or not be set')
  })

  it('of a container’s request stays in memory too', async () => {
    const credentials = {
      AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: 'right',
      AWS_REGION: 'us-east-1',
    }
    const image = JSON.stringify({ registry: HOST, type: 'aws', credentials })
    const request = JSON.stringify({ image_credentials: image })
    expect(await get({ PURSER_REQUEST: request })).toBe(api.password)
    expect(readdirSync(shipped.home)).not.toContain('logins')
  })
})
