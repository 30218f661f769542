import { expect } from 'vitest'
import type { Ended } from './child.ts'
import type { Image } from './image.ts'
import type { Upstream } from './registry.ts'
import type { Sandbox } from './sandbox.ts'
import { type Held, pullByBuildah, pullBySkopeo, seed } from './straight.ts'

/** How a client is to reach a registry. */
export interface Way {
  /** Whether it insists on TLS, by a certificate that it trusts. Default: `false`. */
  readonly tls?: boolean
  /** `user:password` of its own. */
  readonly creds?: string
}

/** A program that pushes and pulls images, with a store of its own or none. */
export interface Client {
  readonly name: string
  /** Writes its file of credentials, with where it gets them. */
  configure(config: object): Promise<void>
  login(upstream: Pick<Upstream, 'host' | 'user' | 'password'>): Promise<string>
  logout(host: string): Promise<string>
  /** @returns what it tells of what it has pushed */
  push(name: string, image: Image, way?: Way): Promise<Partial<Held>>
  /** @returns what it tells of what it has got then, and keeps no longer */
  pull(name: string, way?: Way): Promise<Partial<Held>>
  /** Tries to read an image, whatever comes of it. */
  tryPull(name: string, way?: Way): Promise<Ended>
}

/** Pushes a new image as `name`, and compares what another client finds in the registry. */
export async function expectPush(
  sandbox: Sandbox,
  client: Client,
  { name, upstream, repository, way }: Passage,
): Promise<Held> {
  const { archive, ...digests } = await sandbox.makeImage(name)
  const told = await client.push(name, { archive, ...digests }, way)
  const read = client.name === 'skopeo' ? pullByBuildah : pullBySkopeo
  const held = await read(sandbox, upstream, repository)
  expect(held).toMatchObject({
    configDigest: digests.configDigest,
    diffIds: digests.diffIds,
    ...told,
  })
  return held
}

/** Pulls as `name` what another client has put there. */
export async function expectPull(
  sandbox: Sandbox,
  client: Client,
  { name, upstream, repository, way }: Passage,
): Promise<void> {
  const { archive, ...digests } = await sandbox.makeImage(name)
  await seed(sandbox, upstream, repository, archive)
  expect(digests).toMatchObject(await client.pull(name, way))
}

/** An image's name on the way and at its end. */
export interface Passage {
  /** As the client names it. */
  readonly name: string
  readonly upstream: Upstream
  /** As the registry knows it, with its tag. */
  readonly repository: string
  readonly way?: Way
}
