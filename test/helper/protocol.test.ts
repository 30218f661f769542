import { describe, expect, test } from 'vitest'
import { readInput } from '../../src/helper/input.ts'
import { Secret } from '../../src/model/secret.ts'
import { basic, NOT_FOUND, openDoor, put } from './door.ts'

const USAGE = 'Usage: docker-credential-purser <store|get|erase|list|version>\n'

describe('without input', () => {
  test.each([
    ['', 1, USAGE],
    ['get ghcr.io', 1, USAGE],
    ['--help', 0, USAGE],
    ['-h', 0, USAGE],
    ['version', 0, 'docker-credential-purser (purser) 1.2.3\n'],
    ['--version', 0, 'docker-credential-purser (purser) 1.2.3\n'],
    ['-v', 0, 'docker-credential-purser (purser) 1.2.3\n'],
    ['list', 0, '{}\n'],
    ['login', 1, 'docker-credential-purser: unknown action: login\n'],
    ['GET', 1, 'docker-credential-purser: unknown action: GET\n'],
    ['a\nb', 1, 'docker-credential-purser: unknown action: a b\n'],
  ])('%j', async (args, code, stdout) => {
    const door = await openDoor()
    expect(await door.run(args)).toEqual({ code, stdout })
  })
})

describe('a missing part is told in the words that clients know', () => {
  test.each([
    ['get', '', 'no credentials server URL\n'],
    ['get', ' \r\n', 'no credentials server URL\n'],
    ['get', 'evil\nhost', 'no credentials server URL\n'],
    ['get', 'ghcr.io\0', 'no credentials server URL\n'],
    ['get', 'ghcr.io\u001b[2J', 'no credentials server URL\n'],
    ['get', 'ghcr.io\u0085', 'no credentials server URL\n'],
    ['erase', '', 'no credentials server URL\n'],
    ['erase', 'a\rb', 'no credentials server URL\n'],
    ['store', '{}', 'no credentials server URL\n'],
    ['store', '{"ServerURL":"","Username":"u","Secret":"s"}', 'no credentials server URL\n'],
    ['store', '{"ServerURL":"a\\nb","Username":"u","Secret":"s"}', 'no credentials server URL\n'],
    ['store', '{"ServerURL":"h"}', 'no credentials username\n'],
    ['store', '{"ServerURL":"h","Username":"","Secret":"s"}', 'no credentials username\n'],
    ['store', '{"ServerURL":"h","Username":"u\\nv","Secret":"s"}', 'no credentials username\n'],
    ['store', '{"ServerURL":"h","Username":"u"}', 'no credentials secret\n'],
  ])('%s %j', async (action, input, stdout) => {
    const door = await openDoor()
    expect(await door.run(action, input)).toEqual({ code: 1, stdout })
  })
})

describe('input that is no message', () => {
  test.each([
    [
      'store',
      '{"ServerURL":"h","Username":"u","Secret":"\\ud800"}',
      'cannot store: the login is not Unicode text\n',
    ],
    ['store', '', 'cannot store: the input is not JSON: SyntaxError\n'],
    ['store', 'secret words', 'cannot store: the input is not JSON: SyntaxError\n'],
    ['store', '[]', 'no credentials server URL\n'],
    ['store', 'null', 'cannot store: the input is not what the protocol says\n'],
    ['store', '{"ServerURL":7}', 'cannot store: ServerURL is not what the protocol says\n'],
    [
      'store',
      '{"ServerURL":"ftp://h","Username":"u","Secret":"s"}',
      'cannot store for "ftp://h": not a registry\'s URL\n',
    ],
    [
      'store',
      new Uint8Array([0x22, 0xff, 0x22]),
      'the input is not UTF-8: ERR_ENCODING_INVALID_ENCODED_DATA\n',
    ],
    ['store', 'x'.repeat(1024 * 1024 + 3), 'the input has more than 1048576 bytes\n'],
    ['get', 'x'.repeat(2 * 1024 + 3), 'the input has more than 2048 bytes\n'],
    ['erase', 'x'.repeat(200_000), 'the input has more than 2048 bytes\n'],
  ])('%s, case %#', async (action, input, stdout) => {
    const door = await openDoor()
    expect(await door.run(action, input)).toEqual({ code: 1, stdout })
  })
})

test('too much input is read to its end', async () => {
  let read = 0
  async function* chunks() {
    for (; read < 40; read++) yield Buffer.alloc(64 * 1024, 'x')
  }
  await expect(readInput(chunks(), 2048)).rejects.toMatchObject({
    code: 'usage',
    message: 'the input has more than 2048 bytes',
  })
  expect(read).toBe(40)
})

describe('get', () => {
  test('answers in one line, for the URL as it was sent', async () => {
    const door = await openDoor()
    await put(door, 'ghcr.io', basic('u', 'p'))
    expect(await door.run('get', ' GHCR.io\r\n')).toEqual({
      code: 0,
      stdout: '{"ServerURL":"GHCR.io","Username":"u","Secret":"p"}\n',
    })
  })

  test.each(['ghcr.io', 'unknown.example:5000', 'https://index.docker.io/v1/', 'ghcr.io.', 'é'])(
    'a miss is one string and nothing else: %s',
    async (serverUrl) => {
      const door = await openDoor()
      expect(await door.run('get', serverUrl)).toEqual({ code: 1, stdout: NOT_FOUND })
    },
  )

  test('a fault is another string, in one line', async () => {
    const door = await openDoor({ 'ghcr.io': 'fault' })
    await put(door, 'ghcr.io', basic('u', 'p'))
    expect(await door.run('get', 'ghcr.io')).toEqual({ code: 1, stdout: 'cannot read it\n' })
    expect(door.complaints).toEqual(['error: cannot\nread it'])
  })

  test('a miss is nothing to complain of', async () => {
    const door = await openDoor()
    for (const input of ['ghcr.io', '']) await door.run('get', input)
    expect(door.complaints).toEqual([])
  })

  test('a fault is a miss where on_fault says so, and a warning beside it', async () => {
    const door = await openDoor({ 'ghcr.io': 'fault' }, ['ghcr.io'])
    await put(door, 'ghcr.io', basic('u', 'p'))
    expect(await door.run('get', 'ghcr.io')).toEqual({ code: 1, stdout: NOT_FOUND })
    expect(door.complaints).toEqual([
      'warning: cannot\nread it; going on without, as on_fault of ghcr.io says',
    ])
  })

  test('a fault is not made good by an entry of another port', async () => {
    const door = await openDoor({ 'reg.example': 'fault' }, ['reg.example'])
    await door.store('https://reg.example:2376', 'ann', 'other-port')
    expect(await door.get('reg.example')).toBe(NOT_FOUND)
  })

  test.each([basic('', 'p'), basic('u', '')])('an empty login is none', async (credential) => {
    const door = await openDoor({ 'ghcr.io': credential })
    expect(await door.get('ghcr.io')).toBe(NOT_FOUND)
  })
})

describe('store, then get', () => {
  test.each([
    ['a password with everything', 'u', '"\\ \t:\n{}<>&'],
    ['a key of several lines', '_json_key', '{\n  "type": "service_account"\n}\n'],
    ['white space around it', 'u', '  p  '],
    ['another script', 'пользователь', '密码🔑'],
    ['70 KiB', 'u', 'x'.repeat(70 * 1024)],
    ['nearly 1 MiB', 'u', 'é'.repeat(500_000)],
  ])('%s', async (_name, username, secret) => {
    const door = await openDoor()
    expect(await door.store('h', username, secret)).toEqual({ code: 0, stdout: '' })
    expect(await door.get('h')).toBe(`${username}:${secret}`)
  })

  test('an identity token, as docker escapes it', async () => {
    const door = await openDoor()
    const input = '{"ServerURL":"h","Username":"\\u003ctoken\\u003e","Secret":"rt","More":1}\n'
    expect(await door.run('store', input)).toEqual({ code: 0, stdout: '' })
    expect(await door.get('h')).toBe('<token>:rt')
    const [entry] = await door.vault.list('default')
    expect(entry?.credential).toEqual({ kind: 'identity-token', token: new Secret('rt') })
  })
})

describe('erase', () => {
  test.each(['unknown.example', 'https://index.docker.io/v1/refresh-token', 'not a host', 'a.'])(
    'does not mind that there is nothing: %s',
    async (serverUrl) => {
      const door = await openDoor()
      expect(await door.run('erase', serverUrl)).toEqual({ code: 0, stdout: '' })
    },
  )
})
