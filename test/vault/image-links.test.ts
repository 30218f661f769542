import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { parseReference } from '../../src/model/reference.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import type { ImageLink } from '../../src/vault/vault.ts'
import { basic, entryKey } from './files.ts'
import { openForTest, sandbox } from './sandbox.ts'

const entry = { host: parseHost('ghcr.io'), prefix: 'acme', name: 'default' }

function link(image: string, more: Partial<ImageLink> = {}): Omit<ImageLink, 'updatedAt'> {
  return {
    workspace: 'default',
    image,
    entry,
    reference: parseReference('ghcr.io/acme/app:1'),
    pushed: undefined,
    ...more,
  }
}

const pushed = parseReference('registry.example:5000/builds/app:i1')

describe('the link of an image', () => {
  test.each([
    { name: 'whole', given: link('i1', { pushed }) },
    { name: 'that was not pushed', given: link('i1') },
    { name: 'without an entry', given: link('i1', { entry: undefined }) },
    { name: 'without a reference', given: link('i1', { reference: undefined, pushed }) },
  ])('$name comes back, after a restart too', async ({ given }) => {
    const options = sandbox()
    await (await openForTest(options)).linkImage(given)
    const again = await openForTest(options)
    const updatedAt = new Date(options.now())
    expect(await again.image('default', 'i1')).toEqual({ ...given, updatedAt })
    expect(await again.images('default')).toHaveLength(1)
  })

  test('is made together with its entry', async () => {
    const vault = await openForTest(sandbox())
    await vault.linkImage(link('i1'), basic('one'))
    expect(await vault.list('default')).toMatchObject([entryKey('ghcr.io', 'acme')])
    await vault.linkImage(link('i1', { pushed }), basic('two'))
    expect(await vault.list('default')).toMatchObject([{ credential: { username: 'ada' } }])
    expect(await vault.images('default')).toMatchObject([{ image: 'i1', pushed }])
  })

  test('is no entry, and no entry is one', async () => {
    const vault = await openForTest(sandbox())
    await vault.linkImage(link('i1'), basic('one'))
    await vault.put(entryKey('nvcr.io'), basic('two'))
    expect(await vault.list('default')).toHaveLength(2)
    expect(await vault.images('default')).toHaveLength(1)
    expect(await vault.unlinkImage('default', 'i1')).toBe(true)
    expect(await vault.unlinkImage('default', 'i1')).toBe(false)
    expect(await vault.list('default')).toHaveLength(2)
  })

  test('is its workspace’s alone', async () => {
    const vault = await openForTest(sandbox())
    await vault.linkImage(link('i1', { workspace: 'a', pushed }))
    expect(await vault.image('b', 'i1')).toBeUndefined()
    expect(await vault.images('b')).toEqual([])
    expect(await vault.pushedTo('b', pushed.host, pushed.repository)).toEqual([])
    expect(await vault.unlinkImage('b', 'i1')).toBe(false)
    expect(await vault.image('a', 'i1')).toMatchObject({ image: 'i1' })
  })

  test('survives a rotation of the key, and is found as before', async () => {
    const options = sandbox()
    const vault = await openForTest(options)
    await vault.linkImage(link('i1', { pushed }), basic('one'))
    expect(await rotateKey(options)).toMatchObject({ entries: 1 })
    expect(await vault.image('default', 'i1')).toMatchObject({ pushed })
    expect(await vault.pushedTo('default', pushed.host, pushed.repository)).toHaveLength(1)
  })
})

test('where an image was pushed to is an exact host and repository', async () => {
  let now = Date.UTC(2026, 0, 1)
  const vault = await openForTest({ ...sandbox(), now: () => now })
  await vault.linkImage(link('i1', { pushed }))
  now += 1_000
  await vault.linkImage(link('i2', { pushed: { ...pushed, tag: 'i2' } }))
  await vault.linkImage(link('i3', { pushed: parseReference('registry.example:5000/other:i3') }))
  const imagesAt = async (host: string, repository: string) =>
    (await vault.pushedTo('default', parseHost(host), repository)).map(({ image }) => image)
  expect(await imagesAt('registry.example:5000', 'builds/app')).toEqual(['i2', 'i1'])
  for (const [host, repository] of [
    ['registry.example', 'builds/app'],
    ['registry.example.evil.example:5000', 'builds/app'],
    ['registry.example:5000', 'builds/app2'],
    ['registry.example:5000', 'builds'],
  ] as const) {
    expect(await imagesAt(host, repository)).toEqual([])
  }
})

test('the vault’s file names no image', async () => {
  const options = sandbox()
  const vault = await openForTest(options)
  await vault.linkImage(link('0123456789abcdef', { pushed }))
  await vault.close()
  const bytes = readFileSync(options.path).toString('latin1')
  for (const text of ['0123456789abcdef', 'registry.example', 'builds', 'acme']) {
    expect(bytes).not.toContain(text)
  }
})
