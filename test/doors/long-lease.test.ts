import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Environment } from '../clients/child.ts'
import { ACCOUNT, FILES } from '../cloud/google/machine.ts'
import { startCloud } from '../fakes/aws/cloud.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { mintPassword } from '../fakes/ecr.ts'
import { startGoogle } from '../fakes/google/cloud.ts'
import { askAgent, type OpenedLease, openLease, showing } from './agent.ts'
import { serveHere } from './here.ts'
import { GOOGLE, startMintedRegistries } from './minted.ts'
import { purser } from './serving.ts'

const MINUTE = 60_000
const HOURS = 72
/** The leases are for longer, so that what ends is what they hold. */
const TERMS = `?workspace=team&life=${100 * 3600}`

const ecrOf = (account: string) => `${account}.dkr.ecr.us-east-1.amazonaws.com`
const BUILDS = ecrOf('111111111111')
const IMAGES = ecrOf('222222222222')
const NOBODYS = ecrOf('333333333333')
const API = 'api.ecr.us-east-1.amazonaws.com'
const BUILDER = { accessKeyId: 'AKIABUILDER', secretAccessKey: 'builder-secret' }
const OWNER = { accessKeyId: 'AKIAOWNER', secretAccessKey: 'owner-secret' }

const keysOf = ({ accessKeyId, secretAccessKey }: typeof OWNER): Environment => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_REGION: 'us-east-1',
})
const fromEnv = (keys: Environment) => ['--from-env', Object.keys(keys).join(',')]

/** A node whose vault holds the identities of a build registry and of two images. */
async function openNode(renew = 'renew = true') {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const cloud = await startCloud({ users: [BUILDER, OWNER], names: [API] })
  const google = await startGoogle({ accounts: [ACCOUNT] })
  const registries = await startMintedRegistries(
    [BUILDS, IMAGES, NOBODYS],
    (token) => google.principalOf(token) !== undefined,
  )
  const home = mkdtempSync(join(tmpdir(), 'purser-l-'))
  onTestFinished(async () => {
    await Promise.all([cloud.close(), google.close(), registries.close()])
    rmSync(home, { recursive: true })
  })
  const connect = [...cloud.connect, ...google.connect, ...registries.connect]
  const config = [
    ...['[proxy]', 'listen = ["127.0.0.1:0"]', 'client_auth = "lease"'],
    ...['[build_registry]', `host = "${BUILDS}"`, 'repository = "builds"', renew],
    ...['[tls]', `ca = ["${testAuthority().caFile}"]`, '[connect]'],
    ...connect.map(([from, to]) => `"${from}" = "${to}"`),
  ]
  writeFileSync(join(home, 'config.toml'), config.join('\n'))
  const run = async (args: readonly string[], input = '', env: Environment = {}) => {
    const { status, stderr } = await purser(home, args, input, env)
    if (status !== 0) throw new Error(stderr)
  }
  await run(['login', BUILDS, ...fromEnv(keysOf(BUILDER))], '', keysOf(BUILDER))
  const account = JSON.stringify(FILES.serviceAccount)
  await run(['login', GOOGLE, '--workspace', 'team', '--json', '-'], account)
  const image = ['--image', 'image-2', '--reference', `${IMAGES}/acme/app:1`, '--workspace', 'team']
  await run(['image', 'link', ...image, ...fromEnv(keysOf(OWNER))], '', keysOf(OWNER))
  const { url } = await serveHere(home)
  const proxy = new Pool(url)
  onTestFinished(() => proxy.destroy())
  return {
    ...{ home, cloud, google, registries },
    /** Reads a manifest as a lease. @returns the status */
    async read({ secret }: OpenedLease, image: string): Promise<number> {
      const path = `/v2/${image}/manifests/1`
      const answer = await proxy.request({ path, method: 'GET', headers: showing(secret) })
      await answer.body.dump()
      return answer.statusCode
    },
    /** Gets a login as a lease's helper does. @returns the secret; nothing if it is refused */
    async get({ id }: OpenedLease, host: string): Promise<string> {
      const vault = join(home, 'vault.db')
      const question = { vault, lease: id, workspace: 'team', host, action: 'pull' }
      const { body } = await askAgent(home, 'POST', '/v1/login', JSON.stringify(question))
      return JSON.parse(body).secret
    },
    async metrics() {
      const answer = await proxy.request({ path: '/metrics', method: 'GET' })
      return answer.body.text()
    },
    pass: (minutes: number) => vi.setSystemTime(Date.now() + minutes * MINUTE),
  }
}

const named = (registry: string, USERNAME: string, PASSWORD: string) =>
  JSON.stringify({ registry, credentials: { USERNAME, PASSWORD } })

test('a container of 72 hours reads each minute, whatever was minted for it', {
  timeout: 180_000,
}, async () => {
  const { home, cloud, google, registries, read, get, pass } = await openNode()
  const builds = await openLease(
    home,
    { build_registry_credentials: `AWS:${registries.mintPassword()}` },
    TERMS,
  )
  const images = await openLease(
    home,
    { image_id: 'image-2', image_credentials: named(IMAGES, 'AWS', registries.mintPassword()) },
    TERMS,
  )
  const tokens = { GCP_ACCESS_TOKEN: registries.mintToken() }
  const ofGoogle = await openLease(
    home,
    { image_credentials: JSON.stringify({ registry: GOOGLE, credentials: tokens }) },
    TERMS,
  )
  // What a scheduler has minted is used for as long as it lasts.
  expect([cloud.calls, google.calls]).toEqual([[], []])

  const failed: string[] = []
  for (let minute = 0; minute < HOURS * 60; minute++) {
    const statuses = await Promise.all([
      read(builds, `${BUILDS}/builds/app`),
      read(images, `${IMAGES}/acme/app`),
      read(ofGoogle, `${GOOGLE}/acme/images/app`),
    ])
    if (statuses.join() !== '200,200,200') failed.push(`minute ${minute}: ${statuses}`)
    if (minute % 60 === 0) {
      const { expiration } = JSON.parse(Buffer.from(await get(builds, BUILDS), 'base64').toString())
      expect(expiration * 1000).toBeGreaterThan(Date.now())
    }
    pass(1)
  }
  expect(failed).toEqual([])

  // 12 hours less 10 minutes by what was brought; then each for its life less a tenth, and less the
  // 5 minutes that a clock is not trusted which runs ahead of the machine's uptime, as this one does.
  const exchanges = (id: string) => cloud.calls.filter((call) => call.includes(id)).length
  const ofAmazon = Math.ceil((HOURS * 60 - (12 * 60 - 10)) / (12 * 60 * 0.9 - 5))
  expect([exchanges(BUILDER.accessKeyId), exchanges(OWNER.accessKeyId)]).toEqual([
    ofAmazon,
    ofAmazon,
  ])
  // A token that does not say when it ends is believed for half an hour, less 10 minutes.
  const tokensMinted = (HOURS * 60 - 20) / (60 * 0.9 - 5)
  expect(google.calls.length).toBeGreaterThan(tokensMinted * 0.9)
  expect(google.calls.length).toBeLessThan(tokensMinted * 1.1)
})

test('what nobody can mint anew is good until its end, which is told ahead', {
  timeout: 60_000,
}, async () => {
  const { home, cloud, google, registries, read, pass, metrics } = await openNode()
  const mintedAt = Date.now()
  const nobodys = await openLease(
    home,
    { image_credentials: named(NOBODYS, 'AWS', registries.mintPassword()) },
    TERMS,
  )
  const token = { GCP_ACCESS_TOKEN: registries.mintToken() }
  const stranger = await openLease(
    home,
    { image_credentials: JSON.stringify({ registry: GOOGLE, credentials: token }) },
    `?workspace=elsewhere&life=${100 * 3600}`,
  )
  const builds = await openLease(
    home,
    { build_registry_credentials: `AWS:${registries.mintPassword()}` },
    TERMS,
  )

  const { leases } = JSON.parse((await askAgent(home, 'GET', '/v1/status')).body)
  const mintedOf = ({ id }: OpenedLease) =>
    leases.find((lease: { readonly id: string }) => lease.id === id).minted
  const endsAt = Math.floor(mintedAt / 1000) * 1000 + 12 * 60 * MINUTE
  const source = 'request.image_credentials'
  expect(mintedOf(nobodys)).toEqual([
    { source, host: NOBODYS, expiresAt: new Date(endsAt).toISOString(), renewable: false },
  ])
  expect(mintedOf(stranger)).toEqual([{ source, host: GOOGLE, expiresAt: null, renewable: false }])
  expect(mintedOf(builds)).toMatchObject([{ host: BUILDS, renewable: true }])
  const gauge = 'purser_lease_credential_expiry_timestamp_seconds'
  const lines = (await metrics()).split('\n').filter((line) => line.startsWith(gauge))
  expect(lines).toEqual([`${gauge}{lease="${nobodys.id}",host="${NOBODYS}"} ${endsAt / 1000}`])

  let [lastOfNobodys, lastOfStranger] = [0, 0]
  for (let minute = 0; minute < 13 * 60; minute++) {
    const at = Date.now()
    if ((await read(nobodys, `${NOBODYS}/acme/app`)) === 200) lastOfNobodys = at
    if ((await read(stranger, `${GOOGLE}/acme/app`)) === 200) lastOfStranger = at
    pass(1)
  }
  expect((endsAt - lastOfNobodys) / MINUTE).toBeLessThanOrEqual(1)
  expect(lastOfNobodys).toBeLessThan(endsAt)
  // Of the registry's own token, which it has until then, 5 minutes are left.
  expect((lastOfStranger - mintedAt) / MINUTE).toBeGreaterThanOrEqual(59)
  expect((lastOfStranger - mintedAt) / MINUTE).toBeLessThanOrEqual(65)
  expect([cloud.calls, google.calls]).toEqual([[], []])
})

test('whoever makes a password up gets no login of the build registry', {
  timeout: 60_000,
}, async () => {
  const { home, cloud, registries, get, pass } = await openNode('')
  const open = (password: string) =>
    openLease(home, { build_registry_credentials: `AWS:${password}` }, TERMS)
  const ended = await open(mintPassword(new Date(Date.now() - MINUTE)))
  const madeUp = await open('made-up')
  const good = await open(registries.mintPassword())
  expect(await get(ended, BUILDS)).toBeUndefined()
  pass(13 * 60)
  expect(await get(madeUp, BUILDS)).toBe('made-up')
  expect(await get(good, BUILDS)).toBeUndefined()
  expect(cloud.calls).toEqual([])
})
