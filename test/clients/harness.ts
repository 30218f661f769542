import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './child.ts'
import { type Client, expectPull, expectPush } from './client.ts'
import { describeWith } from './programs.ts'
import { askHelper, type Serving, serve } from './purser.ts'
import {
  AUTHS,
  type Auth,
  REGISTRY_PROGRAMS,
  startRegistries,
  type Upstream,
  type Upstreams,
} from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'

/** What a client is tested in; it is there once the tests run, not while they are defined. */
export interface Stage<C extends Client = Client> {
  readonly sandbox: Sandbox
  readonly upstreams: Upstreams
  readonly client: C
}

/**
 * Describes a client in a sandbox of its own, before a registry of each kind; skipped where it is not
 * installed.
 *
 * @param needs programs beside what every client's tests need
 */
export function describeClient<C extends Client>(
  title: string,
  needs: readonly string[],
  create: (sandbox: Sandbox) => Promise<C>,
  define: (stage: Stage<C>) => void,
): void {
  describeWith(
    title,
    [...needs, 'skopeo', 'root', 'setpriv', 'unshare', ...REGISTRY_PROGRAMS],
    () => {
      let made: Stage<C> | undefined
      const stage = () => {
        if (made === undefined) throw new Error('the stage is set before the first test')
        return made
      }
      beforeAll(async () => {
        const sandbox = await withLocalNames(await openSandbox())
        made = { sandbox, upstreams: await startRegistries(sandbox), client: await create(sandbox) }
      })
      afterAll(() => made?.sandbox.stack.disposeAsync())
      define({
        get sandbox() {
          return stage().sandbox
        },
        get upstreams() {
          return stage().upstreams
        },
        get client() {
          return stage().client
        },
      })
    },
  )
}

/** Tests a client of containers/image with the helper: it keeps logins, and asks for them. */
export function testHelper(stage: Stage, auth: Auth): void {
  const upstream = () => stage.upstreams[auth]

  beforeAll(() => stage.client.configure({ credHelpers: { [upstream().host]: 'purser' } }))

  it('logs in, pushes and pulls', async () => {
    expect(await stage.client.login(upstream())).toContain('Login Succeeded')
    await expectRoundTrip(stage, upstream(), upstream().host, 'straight/a')
  })

  it('logs out, and is refused from then on', async () => {
    const { client, sandbox } = stage
    await client.login(upstream())
    expect(await client.logout(upstream().host)).toContain('Removed login credentials')
    const list = await askHelper(sandbox, 'list', '')
    expect(JSON.parse(list.stdout)).not.toHaveProperty([upstream().host])
    const refused = await client.tryPull(`${upstream().host}/straight/a:pushed`)
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toMatch(/unauthorized/)
  })

  it('survives a log-out of what was never logged in', async () => {
    const { client, sandbox } = stage
    const { status } = await run(client.name, ['logout', upstream().host], sandbox)
    // Its own recursion without end is exit 2; what a helper answers must not lead there.
    expect(status).not.toBe(2)
  })
}

/** How an image is named through the proxy, by what that way in is called. */
type Names = Readonly<Record<string, (serving: Serving, upstream: Upstream) => string>>

/** Those that every client can take; who needs more than a name has tests of its own. */
const NAMES: Names = {
  'the registry in the path': ({ host }, { pathHost }) => `${host}/${pathHost}`,
  'its alias in the path': ({ host }, { auth }) => `${host}/${auth}`,
  'a port of its own': ({ hostOf }, upstream) => hostOf(upstream),
  'a name below localhost': ({ host }, { auth }) => `${auth}.${host}`,
}

/** Where the resolver of the machine does not know that such names are loopback's. */
async function withLocalNames(sandbox: Sandbox): Promise<Sandbox> {
  const hosts = join(await sandbox.makeFolder('etc'), 'hosts')
  const names = ['localhost', ...AUTHS.map((auth) => `${auth}.localhost`)]
  await writeFile(hosts, `127.0.0.1 ${names.join(' ')}\n`)
  return { ...sandbox, hosts }
}

/** Tests a client through the proxy, by each way in that it can take. */
export function testProxy(stage: Stage, serving: () => Serving): void {
  describe.each(AUTHS)('to a registry with %s', (auth) => {
    it.each(Object.entries(NAMES))('pushes and pulls by %s', async (how, nameOf) => {
      const upstream = stage.upstreams[auth]
      const name = nameOf(serving(), upstream)
      await expectRoundTrip(stage, upstream, name, `proxied/${how.replaceAll(' ', '-')}`)
    })
  })
}

/** Tests that what a client brings along to the proxy gets no further. */
export function testStowaway(stage: Stage, serving: () => Serving): void {
  it.each(AUTHS)('leaves its own credentials behind at a registry with %s', async (auth) => {
    const upstream = stage.upstreams[auth]
    const way = { creds: 'stowaway:not-aboard' }
    const name = `${serving().host}/${upstream.pathHost}`
    await expectRoundTrip(stage, upstream, name, 'proxied/own-creds', way)
    expect(upstream.log().includes('stowaway')).toBe(false)
    expect(upstream.tokens?.accounts() ?? []).not.toContain('stowaway')
  })
}

/** The proxy and the agent before the stage's registries, started before the first test. */
export function useServing(stage: Stage, deletable: readonly Auth[] = []): () => Serving {
  let serving: Serving | undefined
  beforeAll(async () => {
    serving = await serve(stage.sandbox, stage.upstreams, deletable)
  })
  return () => {
    if (serving === undefined) throw new Error('the proxy is started before the first test')
    return serving
  }
}

/** Pushes an image and pulls another, as `place/repository` and two tags. */
async function expectRoundTrip(
  { sandbox, client }: Stage,
  upstream: Upstream,
  place: string,
  repository: string,
  way?: { readonly creds: string },
): Promise<void> {
  const passage = (tag: string) => ({
    name: `${place}/${repository}:${tag}`,
    upstream,
    repository: `${repository}:${tag}`,
    ...(way && { way }),
  })
  await expectPush(sandbox, client, passage('pushed'))
  await expectPull(sandbox, client, passage('pulled'))
}
