import { globSync, readFileSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Ended, Environment } from '../clients/child.ts'
import { startRegistry } from '../fakes/registry.ts'
import { openShipped, type Shipped } from './shipped.ts'

/** One for each place that a secret is in, so that what leaks tells whence. */
const CANARIES = {
  vault: 'canary7vault7secret',
  stored: 'canary7stored7secret',
  request: 'canary7request7secret',
  broken: 'canary7broken7secret',
  environment: 'canary7environment7secret',
} as const

const HOST = 'bearer.example'
const AUTH = { kind: 'bearer', username: 'captain', password: CANARIES.vault } as const

/** A request with a good credential, a broken one, and secrets that are none of ours. */
const REQUEST = JSON.stringify({
  image: 'quay.io/acme/app',
  image_credentials: JSON.stringify({
    registry: 'quay.io',
    type: 'basic',
    credentials: { USERNAME: 'captain', PASSWORD: CANARIES.request },
  }),
  build_options: {
    source_image: 'ghcr.io/acme/base',
    source_image_creds: `{"GITHUB_TOKEN": "${CANARIES.broken}"`,
  },
  env: [`DATABASE_URL=postgres://captain:${CANARIES.broken}@db`],
})

let shipped: Shipped
let env: Environment

beforeEach(async () => {
  shipped = await openShipped()
  env = { PURSER_LOG: 'debug', NGC_API_KEY: CANARIES.environment }
})

afterEach(() => shipped.stack.disposeAsync())

/** Every way in which a canary may be written: as it is, in base64 at each offset, in hex. */
function spellings(secret: string): readonly string[] {
  const inBase64 = [0, 1, 2].map((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    // The first and last characters depend on the neighbours.
    return shifted.toString('base64').slice(4, -4)
  })
  return [secret, ...inBase64, Buffer.from(secret).toString('hex')]
}

function expectNoCanary(where: string, bytes: Buffer | string): void {
  for (const [name, secret] of Object.entries(CANARIES)) {
    const found = spellings(secret).filter((spelling) => bytes.includes(spelling))
    expect(found, `${where} shows the secret of: ${name}`).toEqual([])
  }
}

/** Runs a command whose answer may hold a secret only if `answers` says so. */
async function run(ended: Promise<Ended>, title: string, answers = false): Promise<Ended> {
  const { status, stdout, stderr } = await ended
  if (!answers) expectNoCanary(`stdout of ${title}`, stdout)
  expectNoCanary(`stderr of ${title}`, stderr)
  return { status, stdout, stderr }
}

async function purser(line: string, input = '', more: Environment = {}): Promise<Ended> {
  const args = line.split(' ')
  const answers = args[0] === 'get' || args[0] === 'token'
  return run(shipped.purser(args, input, { ...env, ...more }), `purser ${line}`, answers)
}

async function helper(action: string, input: string, more: Environment = {}): Promise<Ended> {
  const ended = shipped.helper(action, input, { ...env, ...more })
  return run(ended, `the helper's ${action}`, action === 'get')
}

async function startUpstream(): Promise<readonly string[]> {
  const registry = await startRegistry({ auth: AUTH })
  shipped.stack.defer(() => registry.close())
  registry.putManifest('app', 'v1', Buffer.from('{}'))
  const connect = ['[connect]', `"${HOST}:80" = "${registry.host}"`]
  const realms = `realms = ["${registry.origin}"]`
  return ['[[upstream]]', `host = "${HOST}"`, 'tls = false', realms, ...connect]
}

describe('a secret is in no output and no file', () => {
  it('whatever is done with the vault', async () => {
    const config = await startUpstream()
    const serving = await shipped.serve(config, env)
    const configured = { PURSER_CONFIG: join(shipped.folder, 'config.toml') }

    const stored = await purser(`login ${HOST} --username captain --password-stdin`, CANARIES.vault)
    expect(stored.status).toBe(0)
    expect((await purser('login nvcr.io --from-env NGC_API_KEY')).status).toBe(0)
    const login = { ServerURL: 'quay.io', Username: 'captain', Secret: CANARIES.stored }
    expect((await helper('store', JSON.stringify(login))).status).toBe(0)

    for (const line of [
      'list',
      'list --json',
      `explain ${HOST}/app`,
      'explain nvcr.io/app --json',
    ]) {
      expect((await purser(line)).status, line).toBe(0)
    }
    expect((await purser(`get ${HOST}`)).stdout).toContain(CANARIES.vault)
    expect((await helper('get', 'nvcr.io')).stdout).toContain(CANARIES.environment)
    expect((await helper('list', '')).status).toBe(0)
    expect((await helper('get', 'registry.example')).status).toBe(1)

    const minted = await purser(`token ${HOST}/app`, '', configured)
    expect(minted).toMatchObject({ status: 0, stderr: '' })
    const token = minted.stdout.trim()
    expect(token).not.toBe('')
    expect(await serving.get(`/v2/${HOST}/app/manifests/v1`)).toMatchObject({ status: 200 })
    expect(await serving.get(`/v2/${HOST}/none/manifests/v1`)).toMatchObject({ status: 404 })
    for (const line of ['key show', 'key rotate', 'key init', 'list']) {
      expect((await purser(line)).status, line).toBe(0)
    }
    for (const path of globSync(join(shipped.home, '**'))) {
      if (statSync(path).isFile()) expectNoCanary(path, readFileSync(path))
    }
    expect(serving.output()).toContain('"level":"debug"')
    expectNoCanary('the log of serve', serving.output())
    expect(serving.output()).not.toContain(token)

    expect((await helper('erase', 'quay.io')).status).toBe(0)
    expect((await purser(`logout ${HOST}`)).status).toBe(0)
  })

  it('whatever is done with a request', async () => {
    const file = join(shipped.folder, 'request.json')
    await writeFile(file, REQUEST)
    for (const given of [file, REQUEST]) {
      const request = { PURSER_REQUEST: given }
      expect((await purser('get quay.io/acme/app', '', request)).stdout).toContain(CANARIES.request)
      expect((await purser('explain quay.io/acme/app', '', request)).status).toBe(0)
      expect((await purser('explain ghcr.io/acme/base --json', '', request)).status).toBe(1)
      expect((await helper('get', 'quay.io', request)).stdout).toContain(CANARIES.request)
      const fault = await helper('get', 'ghcr.io', request)
      expect(fault.status).toBe(1)
      expectNoCanary('the answer to a broken credential', fault.stdout)
      expect((await helper('list', '', request)).status).toBe(0)
    }
    const serving = await shipped.serve(await startUpstream(), {
      ...env,
      PURSER_REQUEST: REQUEST,
      PURSER_SOCKET: join(shipped.home, 'agent.sock'),
    })
    expect(await serving.get('/v2/ghcr.io/acme/base/manifests/v1')).toMatchObject({ status: 502 })
    expectNoCanary('the log of serve', serving.output())
  })

  it.each([
    ['a login that is no JSON', 'store', `{"ServerURL":"ghcr.io","Secret":"${CANARIES.stored}"`],
    ['a login without a user', 'store', `{"ServerURL":"ghcr.io","Secret":"${CANARIES.stored}"}`],
    [
      'a secret with a line end',
      'store',
      `{"ServerURL":"ghcr.io","Username":"c","Secret":"${CANARIES.stored}\\n"}`,
    ],
    ['a user and password in the URL', 'get', `https://captain:${CANARIES.stored}@ghcr.io`],
  ])('when the helper refuses %s', async (_name, action, input) => {
    const { stdout } = await helper(action, input)
    expectNoCanary(`the helper's ${action}`, stdout)
  })

  it.each([
    ['a request that is no JSON', `{"image_credentials": "${CANARIES.request}"`],
    ['a request with white space before it', `\n {"image_credentials": "c:${CANARIES.request}"}`],
    ['a list of requests', `[{"image_credentials": "c:${CANARIES.request}"}]`],
    [
      'a credential of another kind',
      `{"image":"ghcr.io/a","image_credentials":{"x":"${CANARIES.request}"}}`,
    ],
  ])('when it refuses %s', async (_name, request) => {
    const { status, stdout } = await purser('get ghcr.io', '', { PURSER_REQUEST: request })
    expect(status).not.toBe(0)
    expectNoCanary('purser get', stdout)
  })

  it('when it refuses a credential to store', async () => {
    const json = `{"GITHUB_TOKN": "${CANARIES.broken}"}`
    expect((await purser('login ghcr.io --json -', json)).status).not.toBe(0)
    expect((await purser('login ghcr.io --json -', json.slice(0, -1))).status).not.toBe(0)
    expect((await purser(`login ghcr.io --pasword ${CANARIES.broken}x`)).status).toBe(2)
  })
})
