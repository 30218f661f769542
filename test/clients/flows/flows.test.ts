import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../programs.ts'
import { REGISTRY_PROGRAMS } from '../registry.ts'
import { openSandbox, type Sandbox } from '../sandbox.ts'
import { openPlatform, type Platform } from './platform.ts'
import {
  BUILD_HOST,
  ECR,
  GHCR,
  type Registries,
  startRegistries,
  USER_REGISTRIES,
} from './registries.ts'
import { startWorker, WAYS } from './worker.ts'

const NEEDS = ['buildah', 'skopeo', 'unshare', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

/** What a container's request has beside its image, as a scheduler writes it. */
const CONTAINER = {
  container_id: 'c-1',
  entry_point: ['python', '-m', 'runner'],
  env: ['BETA9_TOKEN=canary-env'],
  cpu: 1000,
  retry_count: 9_007_199_254_740_991,
  gpu_request: [],
  workspace: { signing_key: 'sk_canary' },
  checkpoint: null,
}

/** In none of what is said or logged may any of these be. */
const SECRETS = /canary/

describeWith('from a list of variables to a layer', NEEDS, () => {
  let sandbox: Sandbox
  let registries: Registries
  let platform: Platform

  beforeAll(async () => {
    sandbox = await openSandbox()
    registries = await startRegistries(sandbox)
    platform = await openPlatform(sandbox, registries, ECR)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const minted = () => registries.ecr.calls.length

  it.each(USER_REGISTRIES)(
    'an image of $host is kept with its credential, and read with it when it runs',
    async (registry) => {
      const repository = `project/from-registry/${registry.host.replaceAll('.', '-')}`
      const image = await registries.fill(sandbox, `${repository}:1`)
      const reference = `${registry.host}/${repository}:1`
      const id = `v1-${registry.host}`
      await platform.link(id, reference, registry)
      const { text, request, told } = await platform.attach({ ...CONTAINER, image_id: id })
      expect(told).not.toMatch(SECRETS)
      expect(JSON.parse(String(request['image_credentials']))).toMatchObject({
        registry: registry.host,
        credentials: registry.variables,
      })
      const worker = await startWorker(sandbox, registries, text, [registry.host])
      for (const way of WAYS) {
        expect(await worker.inspect(reference, way)).toEqual(image.layerDigests)
        expect(await worker.copy(reference, way)).toEqual(image.layerDigests)
        expect(await worker.pull(reference, way)).toEqual(image.diffIds)
      }
      expect(worker.log()).not.toMatch(SECRETS)
      expect(registries.front.arrived(registry.host).strangers).toEqual([])
    },
  )

  it('a credential that is changed counts for the next container, and the former one no more', async () => {
    const image = await registries.fill(sandbox, 'acme/rotated:1')
    const reference = `${GHCR.host}/acme/rotated:1`
    const stale = { ...GHCR, variables: { ...GHCR.variables, GITHUB_TOKEN: 'ghp_old-canary' } }
    await platform.link('rotated', reference, stale)
    const before = await platform.attach({ ...CONTAINER, image_id: 'rotated' })
    const refused = await startWorker(sandbox, registries, before.text, [GHCR.host])
    await expect(refused.copy(reference, 'the helper')).rejects.toThrow(/unauthorized|denied/i)
    await platform.link('rotated', reference, GHCR)
    const after = await platform.attach({ ...CONTAINER, image_id: 'rotated' })
    const worker = await startWorker(sandbox, registries, after.text, [GHCR.host])
    for (const way of WAYS) expect(await worker.copy(reference, way)).toEqual(image.layerDigests)
  })

  it('what is built is pushed, indexed and read with one token, minted when it is scheduled', async () => {
    const base = await registries.fill(sandbox, 'acme/base:1')
    const from = `${GHCR.host}/acme/base:1`
    const built = `${BUILD_HOST}/userimages:built-1`
    const before = minted()
    // What a build brings for its base is a login already.
    const login = Object.values(GHCR.variables).join(':')
    const build = {
      ...CONTAINER,
      image_id: 'built-1',
      build_options: { source_image: from, source_image_creds: login, build_secrets: ['A=canary'] },
    }
    const scheduled = await platform.attach(build)
    const token = String(scheduled.request['build_registry_credentials'])
    expect(token).toBe(`AWS:${registries.ecr.password}`)
    const builder = await startWorker(sandbox, registries, scheduled.text, [GHCR.host, BUILD_HOST])
    await builder.build(from, built, 'the helper')
    await builder.push(built, '--creds')
    await platform.linkPushed('built-1', built)
    const layers = await builder.inspect(built, '--creds')
    expect(layers).toHaveLength(base.layerDigests.length + 1)
    const run = await platform.attach({ ...CONTAINER, image_id: 'built-1' })
    expect(run.request['build_registry_credentials']).toBe(token)
    const runner = await startWorker(sandbox, registries, run.text, [BUILD_HOST])
    for (const way of WAYS) {
      expect(await runner.copy(built, way)).toEqual(layers)
      expect((await runner.pull(built, way)).slice(0, -1)).toEqual(base.diffIds)
    }
    // The platform is one command after the other: what it has minted is kept between them.
    expect(minted() - before).toBeLessThanOrEqual(1)
    expect(registries.front.arrived(BUILD_HOST).strangers).toEqual([])
  })

  it('an image is found by its id alone, by its own workspace alone', async () => {
    const image = await registries.fill(sandbox, 'acme/private:1')
    const reference = `${ECR.host}/acme/private:1`
    await platform.link('private', reference, ECR)
    const schedule = { ...CONTAINER, image_id: 'private' }
    const { text, request } = await platform.attach(schedule)
    const { image_credentials: _, build_registry_credentials: __, ...others } = request
    expect(others).toEqual(schedule)
    const worker = await startWorker(sandbox, registries, text, [ECR.host])
    for (const way of WAYS) expect(await worker.copy(reference, way)).toEqual(image.layerDigests)
    const stranger = await platform.attach(schedule, 'another')
    expect(stranger.request['image_credentials']).toBeUndefined()
    expect(stranger.told).toContain('image "private" has no link in workspace another')
    const other = await startWorker(sandbox, registries, stranger.text, [ECR.host])
    for (const way of ['the helper', '--no-creds, by the proxy'] as const) {
      await expect(other.copy(reference, way)).rejects.toThrow(
        /unauthorized|denied|is not an upstream/i,
      )
    }
  })

  it('every container gets the login of the build registry, to build with and to run with', async () => {
    const base = await registries.fill(sandbox, 'library/every:1')
    const from = 'docker.io/library/every:1'
    const built = `${BUILD_HOST}/userimages/every:built-2`
    const hub = USER_REGISTRIES.find(({ host }) => host === 'docker.io') ?? GHCR
    await platform.link('built-2', from, hub)
    const build = await platform.attach({
      ...CONTAINER,
      image_id: 'built-2',
      build_options: { source_image: from },
      build_registry_creds: '',
    })
    expect(build.request['build_registry_creds']).toMatch(/^AWS:/)
    const builder = await startWorker(sandbox, registries, build.text, ['docker.io', BUILD_HOST])
    await builder.build(from, built, '--no-creds, by the proxy')
    await builder.publish(built, 'the helper')
    await platform.linkPushed('built-2', built)
    const found = await platform.pushedTo(`${BUILD_HOST}/userimages/every:any`)
    expect(JSON.parse(found.stdout)).toMatchObject([{ image: 'built-2', pushed: built }])
    for (const elsewhere of ['userimages/ever', 'userimages/every/more', 'every']) {
      expect((await platform.pushedTo(`${BUILD_HOST}/${elsewhere}:built-2`)).status).toBe(3)
    }
    const run = await platform.attach({ ...CONTAINER, image_id: 'built-2', stub_id: 's' })
    const runner = await startWorker(sandbox, registries, run.text, ['docker.io', BUILD_HOST])
    for (const way of WAYS) {
      const layers = await runner.inspect(built, way)
      expect(await runner.copy(built, way)).toEqual(layers)
      expect((await runner.pull(built, way)).slice(0, -1)).toEqual(base.diffIds)
      expect(await runner.copy(from, way)).toEqual(base.layerDigests)
    }
  })
})
