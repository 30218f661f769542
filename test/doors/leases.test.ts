import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ask, BASIC, errorOf, fakeRegistry } from '../proxy/harness.ts'
import { askAgent, closeLease, openLease, requestFor, showing } from './agent.ts'
import { purser, serve } from './serving.ts'

const BYTES = Buffer.alloc(64 * 1024, 'x')

/** A proxy for leases alone, before a registry whose `slow` blob comes by halves. */
async function open() {
  const { promise: go, resolve: finish } = Promise.withResolvers<void>()
  const halves = (req: IncomingMessage, res: ServerResponse) => {
    if (!req.url?.includes('/slow/blobs/')) return false
    res.writeHead(200, { 'Content-Length': 2 * BYTES.length }).write(BYTES)
    void go.then(() => res.end(BYTES))
    return true
  }
  const registry = await fakeRegistry({ auth: BASIC, override: halves })
  const { host } = registry
  const digest = registry.putBlob('acme/app', BYTES)
  const serving = await serve([
    ...['[proxy]', 'listen = ["127.0.0.1:0"]', 'client_auth = "lease"'],
    ...['[[upstream]]', `host = "${host}"`, 'tls = false'],
  ])
  const container = requestFor({ host, user: BASIC.username, password: BASIC.password })
  const at = (repository: string) =>
    `${serving.url}/v2/${host.replace(':', '_')}/${repository}/blobs/${digest}`
  return { ...serving, container, at, finish, digest, registry }
}

/** Begins to read the slow blob, and stops in its middle. */
async function begin(url: string, secret: string) {
  const asked = request(url, { headers: showing(secret), agent: false }).end()
  const [response]: IncomingMessage[] = await once(asked, 'response')
  if (response === undefined) throw new Error('once has a response')
  return { read: () => sizeOf(response) }
}

async function sizeOf(response: IncomingMessage): Promise<number | string> {
  let size = 0
  try {
    for await (const chunk of response) size += chunk.length
    return size
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'broken'
  }
}

describe('a lease that is closed', () => {
  it('opens nothing from then on, and leaves no file', async () => {
    const { home, at, container } = await open()
    const url = at('acme/app')
    const { id, secret, directory } = await openLease(home, container)
    expect(await ask(url, { headers: showing(secret) })).toMatchObject({ status: 200, body: BYTES })
    expect(existsSync(directory)).toBe(true)
    await closeLease(home, id)
    const late = await ask(url, { headers: showing(secret) })
    expect(late.status).toBe(401)
    expect(late.headers['www-authenticate']).toBe('Basic realm="purser", charset="UTF-8"')
    expect(errorOf(late).message).toContain('the lease whose secret was shown has ended')
    expect(existsSync(directory)).toBe(false)
    expect(await askAgent(home, 'DELETE', `/v1/leases/${id}`)).toMatchObject({ status: 404 })
    expect(JSON.parse((await askAgent(home, 'GET', '/v1/leases')).body)).toEqual([])
  })

  it('lets a transfer end that is under way', async () => {
    const { home, at, container, finish, heard } = await open()
    const { id, secret } = await openLease(home, container)
    const { read } = await begin(at('slow'), secret)
    await closeLease(home, id)
    expect(await heard('lease ended')).toMatchObject({ lease: id, transfers: 'drain' })
    finish()
    expect(await read()).toBe(2 * BYTES.length)
  })

  it('breaks it if asked to, and nobody else’s', async () => {
    const { home, at, container, finish } = await open()
    const lease = await openLease(home, container)
    const other = await openLease(home, container)
    const [broken, whole] = [
      await begin(at('slow'), lease.secret),
      await begin(at('slow'), other.secret),
    ]
    await closeLease(home, lease.id, '?transfers=cut')
    expect(await broken.read()).toBe('ECONNRESET')
    finish()
    expect(await whole.read()).toBe(2 * BYTES.length)
  })

  it('has an upload go no further', async () => {
    const { home, url, registry, container } = await open()
    const { id, secret } = await openLease(home, container)
    const uploads = `${url}/v2/${registry.host.replace(':', '_')}/acme/app/blobs/uploads/`
    const begun = await ask(uploads, { method: 'POST', headers: showing(secret) })
    expect(begun.status).toBe(202)
    await closeLease(home, id)
    const part = { method: 'PATCH', headers: showing(secret), body: BYTES }
    expect(await ask(`${url}${begun.headers.location}`, part)).toMatchObject({ status: 401 })
    expect(registry.asked.filter(({ method }) => method === 'PATCH')).toEqual([])
  })
})

describe('a proxy for leases alone', () => {
  it('asks who comes without one to log in, and does not ask a health check', async () => {
    const { home, url, at, container } = await open()
    const { id } = await openLease(home, container)
    for (const headers of [{}, showing(id), showing('secret'), showing('purser_lease_guessed')]) {
      expect(await ask(at('acme/app'), { headers })).toMatchObject({ status: 401 })
      expect(await ask(`${url}/v2/`, { headers })).toMatchObject({ status: 401 })
    }
    expect(await ask(`${url}/livez`)).toMatchObject({ status: 200 })
  })

  it('gives whoever asks as a lease what the agent has for it', async () => {
    const { home, container, registry } = await open()
    const { environment, id } = await openLease(home, container)
    const get = () => purser(home, ['get', registry.host, '--json'], '', environment)
    expect(JSON.parse((await get()).stdout)).toMatchObject({
      username: BASIC.username,
      secret: BASIC.password,
    })
    await closeLease(home, id)
    const late = await get()
    expect(late.status).toBe(1)
    expect(late.stderr).toContain('there is no such lease, or it has ended')
  })

  it('says how to log in to the workspace of the lease', async () => {
    const { home, at, registry } = await open()
    const { secret } = await openLease(home, {}, '?workspace=team-a')
    const { host } = registry
    const answer = await ask(at('acme/app'), { headers: showing(secret) })
    expect(errorOf(answer).message).toBe(
      `purser: no credential for ${host} in workspace team-a; run: purser login ${host} --workspace team-a`,
    )
  })

  it('closes none of which it is not said how its transfers are to end', async () => {
    const { home, container } = await open()
    const { id } = await openLease(home, container)
    const { status, body } = await askAgent(home, 'DELETE', `/v1/leases/${id}?transfers=off`)
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({
      code: 'request-invalid',
      message: 'transfers must be cut or drain',
    })
    expect(JSON.parse((await askAgent(home, 'GET', '/v1/leases')).body)).toMatchObject([{ id }])
  })

  it.each(['soon', '0', ''])('opens none of which the life is %j', async (life) => {
    const { home } = await open()
    const { status, body } = await askAgent(home, 'POST', `/v1/leases?life=${life}`, '{}')
    expect({ status, ...JSON.parse(body) }).toMatchObject({
      status: 400,
      code: 'request-invalid',
      message: 'life must be a number of seconds, as in life=3600',
    })
  })
})
