import { describe, expect, test } from 'vitest'
import { AWS, basic, NOT_FOUND, openDoor, put } from './door.ts'

/** The forms that the system keychains' helpers are tested with. */
const FORMS = [
  'foobar.example.com',
  'foobar.example.com:2376',
  '//foobar.example.com:2376',
  'https://foobar.example.com:2376',
  'http://foobar.example.com:2376',
  'https://foobar.example.com:2376/some/path',
  'https://foobar.example.com:2376/some/other/path',
  'https://foobar.example.com:2376/some/other/path?foo=bar',
]

test('what is stored under eight spellings lies side by side', async () => {
  const door = await openDoor()
  for (const [i, url] of FORMS.entries()) await door.store(url, `user-${i}`, `secret-${i}`)
  for (const [i, url] of FORMS.entries()) {
    expect(await door.get(url), url).toBe(`user-${i}:secret-${i}`)
  }
  expect(await door.list()).toEqual(
    Object.fromEntries(FORMS.map((url, i) => [url, `user-${i}`] as const)),
  )
  for (const url of FORMS) await door.run('erase', url)
  expect(await door.list()).toEqual({})
})

test.each(FORMS)('stored as %s, it is listed, answered and erased as such', async (url) => {
  const door = await openDoor()
  await door.store(url, 'u', 's')
  expect(await door.list()).toEqual({ [url]: 'u' })
  expect(await door.get(url)).toBe('u:s')
  await door.run('erase', url)
  expect(await door.get(url)).toBe(NOT_FOUND)
})

describe('one spelling answers for another', () => {
  test.each([
    ['without the port', 'https://foobar.example.com:2376', 'https://foobar.example.com'],
    ['without scheme and port', 'https://foobar.example.com:2376', 'foobar.example.com'],
    [
      'without the path',
      'https://foobar.example.com:1234/one/two',
      'https://foobar.example.com:1234',
    ],
    ['with the scheme', 'foobar.example.com:2376', 'https://foobar.example.com:2376'],
    ['without the scheme', 'https://foobar.example.com:2376', 'foobar.example.com:2376'],
    ['relative', '//foobar.example.com', 'foobar.example.com'],
    ['in capitals', 'FOOBAR.example.com', 'foobar.EXAMPLE.com'],
    ['with the default port', 'foobar.example.com', 'foobar.example.com:443'],
    ['below the path', 'ghcr.io/org', 'ghcr.io/org/img'],
    ['with a query', 'https://foobar.example.com/p', 'https://foobar.example.com/p?foo=bar'],
    ['Docker Hub', 'https://index.docker.io/v1/', 'docker.io'],
    ['Docker Hub', 'registry-1.docker.io', 'https://index.docker.io/v1/'],
    ['Docker Hub', 'docker.io', 'index.docker.io/library/nginx'],
  ])('%s: %s answers %s', async (_name, stored, asked) => {
    const door = await openDoor()
    await door.store(stored, 'u', 's')
    expect(await door.get(asked)).toBe('u:s')
  })
})

describe('one spelling does not answer for another', () => {
  test.each([
    ['https for http', 'https://foobar.example.com:2376', 'http://foobar.example.com:2376'],
    ['http for https', 'http://foobar.example.com:2376', 'https://foobar.example.com:2376'],
    ['http for none', 'http://foobar.example.com', 'foobar.example.com'],
    ['none for http', 'foobar.example.com', 'http://foobar.example.com'],
    ['http, another port', 'http://foobar.example.com', 'foobar.example.com:5678'],
    ['http, ports', 'http://foobar.example.com', 'http://foobar.example.com:443'],
    ['ports', 'https://foobar.example.com:1234', 'https://foobar.example.com:5678'],
    ['the default port', 'https://foobar.example.com:1234', 'https://foobar.example.com:443'],
    ['a port more', 'https://foobar.example.com', 'https://foobar.example.com:5678'],
    [
      'paths',
      'https://foobar.example.com:1234/one/two',
      'https://foobar.example.com:1234/five/six',
    ],
    ['half a component', 'ghcr.io/org', 'ghcr.io/organisation/img'],
    ['port and path', 'https://foobar.example.com:1234/one', 'foobar.example.com'],
    ['a port that purser login stored', 'foobar.example.com:2376', 'foobar.example.com'],
    ['a path that purser login stored', 'foobar.example.com/one', 'foobar.example.com'],
    ['a query', 'https://foobar.example.com?a=b', 'https://foobar.example.com'],
    ['a look-alike', 'foobar.example.com', 'foobar.example.com.evil.example'],
    ['a sub-domain', 'example.com', 'foobar.example.com'],
    ['a repository of Docker Hub', 'https://docker.io/acme', 'https://index.docker.io/v1/'],
    [
      'a cloud',
      'https://1.dkr.ecr.us-east-1.amazonaws.com:8443',
      '1.dkr.ecr.us-east-1.amazonaws.com',
    ],
  ])('%s: %s does not answer %s', async (_name, stored, asked) => {
    const door = await openDoor()
    expect(await door.store(stored, 'u', 's')).toEqual({ code: 0, stdout: '' })
    expect(await door.get(asked)).toBe(NOT_FOUND)
  })

  test('where two would do', async () => {
    const door = await openDoor()
    await door.store('https://h:1', 'u', 's')
    await door.store('https://h:2', 'v', 't')
    expect(await door.get('h')).toBe(NOT_FOUND)
  })

  test('what a cloud has to be asked for', async () => {
    const door = await openDoor()
    const key = { workspace: 'default', host: { name: 'h:1', hostname: 'h', port: 1 }, prefix: '' }
    await door.vault.put({ ...key, name: 'https://h:1' }, AWS)
    expect(await door.get('h')).toBe(NOT_FOUND)
  })
})

describe("Docker Hub's own tokens", () => {
  const HUB = 'https://index.docker.io/v1/'

  test('are nobody else’s', async () => {
    const door = await openDoor()
    await door.store(`${HUB}access-token`, 'u', 'at')
    await door.store(`${HUB}refresh-token`, 'u', 'rt..client')
    expect(await door.get(HUB)).toBe(NOT_FOUND)
    expect(await door.get('docker.io')).toBe(NOT_FOUND)
    expect(await door.get('docker.io/v1')).toBe(NOT_FOUND)
    expect(await door.get('docker.io/library/nginx')).toBe(NOT_FOUND)
    expect(await door.get(`${HUB}access-token`)).toBe('u:at')
    expect(await door.get(`${HUB}refresh-token`)).toBe('u:rt..client')
    expect(await door.list()).toEqual({ [`${HUB}access-token`]: 'u', [`${HUB}refresh-token`]: 'u' })
  })

  test('are not answered with the password', async () => {
    const door = await openDoor({ 'docker.io': basic('r', 'request') })
    await door.store(HUB, 'u', 'password')
    expect(await door.get(`${HUB}refresh-token`)).toBe(NOT_FOUND)
    await door.run('erase', `${HUB}refresh-token`)
    await door.run('erase', `${HUB}access-token`)
    expect(await door.list()).toEqual({ [HUB]: 'r' })
  })
})

test('docker logout leaves nothing of a host and everything of others', async () => {
  const door = await openDoor()
  for (const url of ['h:5000', 'https://h:5000', 'http://h:5000', 'h', 'h:5001']) {
    await door.store(url, 'u', url)
  }
  for (const url of ['h:5000', 'h:5000', 'http://h:5000', 'https://h:5000']) {
    expect(await door.run('erase', url)).toEqual({ code: 0, stdout: '' })
  }
  expect(await door.list()).toEqual({ h: 'u', 'h:5001': 'u' })
})

test('erasing another spelling of the same place erases it', async () => {
  const door = await openDoor()
  await door.store('https://h', 'u', 's')
  await door.run('erase', 'h')
  expect(await door.get('https://h')).toBe(NOT_FOUND)
  await put(door, 'h', basic('u', 's'))
  await door.run('erase', 'h/img')
  await door.run('erase', 'http://h')
  expect(await door.get('h')).toBe('u:s')
  await door.run('erase', '//h')
  expect(await door.get('h')).toBe(NOT_FOUND)
})
