import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { AWS, basic, NOT_FOUND, openDoor, put } from './door.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const GAR = 'us-docker.pkg.dev'

describe('with a request', () => {
  test('it goes before what is stored, however that is spelled', async () => {
    const door = await openDoor({ 'ghcr.io': basic('r', 'request') })
    for (const url of ['ghcr.io', 'https://ghcr.io', '//ghcr.io']) {
      await door.store(url, 'u', 'stored')
      expect(await door.get(url)).toBe('r:request')
    }
    expect(await door.list()).toMatchObject({ 'ghcr.io': 'r' })
  })

  test('it does not answer for plain http', async () => {
    const door = await openDoor({ 'ghcr.io': basic('r', 'request') })
    expect(await door.get('http://ghcr.io')).toBe(NOT_FOUND)
  })

  test('the list has what it can answer, and asks no cloud', async () => {
    const door = await openDoor({
      'docker.io': basic('r', 'request'),
      'ghcr.io': 'fault',
      [ECR]: AWS,
    })
    await put(door, GAR, { kind: 'gcp-token', token: new Secret('t') })
    expect(await door.list()).toEqual({
      'https://index.docker.io/v1/': 'r',
      [ECR]: 'AWS',
      [GAR]: 'oauth2accesstoken',
    })
    expect(door.exchanges()).toBe(0)
  })
})

describe('storing back what was handed out', () => {
  test.each([
    ['of a request', ECR, { [ECR]: AWS }],
    ['of the vault', ECR, {}],
  ])('changes nothing: an ECR password %s', async (_name, host, request) => {
    const door = await openDoor(request)
    if (Object.keys(request).length === 0) await put(door, host, AWS)
    const before = await door.vault.list('default')
    for (const url of [host, `https://${host}`]) {
      const [username = '', secret = ''] = (await door.get(url)).split(':')
      const { exchanges } = door
      const asked = exchanges()
      expect(await door.store(url, username, secret)).toEqual({ code: 0, stdout: '' })
      expect(exchanges()).toBe(asked)
    }
    expect(await door.vault.list('default')).toEqual(before)
  })

  test('changes nothing: the login of a request', async () => {
    const door = await openDoor({ 'ghcr.io': basic('r', 'request') })
    await door.store('ghcr.io', 'r', 'request')
    expect(await door.vault.list('default')).toEqual([])
    await door.store('ghcr.io', 'r', 'another')
    expect(await door.vault.list('default')).toHaveLength(1)
  })

  test('changes nothing: a token of the vault', async () => {
    const door = await openDoor()
    await put(door, GAR, { kind: 'gcp-token', token: new Secret('ya29') })
    const before = await door.vault.list('default')
    await door.store(GAR, 'oauth2accesstoken', 'ya29')
    expect(await door.vault.list('default')).toEqual(before)
  })

  test("but another user's login is stored, and replaces", async () => {
    const door = await openDoor()
    await put(door, ECR, AWS)
    await door.store(ECR, 'somebody', 'else')
    expect(await door.get(ECR)).toBe('somebody:else')
  })

  test('a login stored under a second spelling outlives the first', async () => {
    const door = await openDoor()
    await door.store('h', 'u', 's')
    await door.store('https://h', 'u', 's')
    await door.run('erase', 'h')
    expect(await door.get('https://h')).toBe('u:s')
  })
})
