import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeError, PurserError } from '../../src/model/errors.ts'
import { loadRequest } from '../../src/request/load.ts'
import { MAX_REQUEST_BYTES } from '../../src/request/request.ts'

const REQUEST = '{"image_credentials":"u:p"}'

function file(name: string, content?: string | Uint8Array): string {
  const dir = mkdtempSync(join(tmpdir(), 'purser-request-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, name)
  if (content !== undefined) writeFileSync(path, content)
  return path
}

/** Standard input, and how much of it was read. */
function input(...chunks: readonly (string | Uint8Array)[]) {
  let bytes = 0
  const stdin = async function* () {
    for (const chunk of chunks) {
      const next = Buffer.from(chunk)
      bytes += next.length
      yield next
    }
  }
  return { stdin, bytes: () => bytes }
}

const closed = {
  stdin() {
    throw new Error('nobody asked for standard input')
  },
}

async function load(where: string, { stdin }: { stdin(): AsyncIterable<Uint8Array> } = closed) {
  return (await loadRequest(where, { stdin })).imageCredentials?.reveal()
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('no error'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(PurserError)
      expect(error).toMatchObject({ code: 'request-invalid' })
      return describeError(error)
    },
  )

describe('a request is read', () => {
  test('from a file', async () => {
    expect(await load(file('request.json', REQUEST))).toBe('u:p')
  })

  test('from a file with a byte order mark', async () => {
    expect(await load(file('request.json', `\ufeff${REQUEST}`))).toBe('u:p')
  })

  test('from a file called like an option', async () => {
    expect(await load(file('-', REQUEST))).toBe('u:p')
  })

  test('as the JSON itself', async () => {
    expect(await load(REQUEST)).toBe('u:p')
    expect(await load(` \n${REQUEST}`)).toBe('u:p')
  })

  test('from standard input, in pieces', async () => {
    const bytes = Buffer.from('{"image_credentials":"u:p\u2603"}')
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte))
    expect(await load('-', input(...pieces))).toBe('u:p\u2603')
  })

  test('up to 1 MiB', async () => {
    const long = REQUEST.padEnd(MAX_REQUEST_BYTES)
    expect(await load(file('long.json', long))).toBe('u:p')
    expect(await load('-', input(long))).toBe('u:p')
  })
})

describe('a request is refused', () => {
  const tooLong = 'the request has more than 1 MiB'

  test('if it is longer', async () => {
    const long = REQUEST.padEnd(MAX_REQUEST_BYTES + 1)
    expect(await failureOf(load(file('long.json', long)))).toBe(tooLong)
    expect(await failureOf(load(long))).toBe(tooLong)
  })

  test('as soon as standard input is longer', async () => {
    const chunk = ' '.repeat(64 * 1024)
    const endless = input(...Array.from({ length: 1000 }, () => chunk))
    expect(await failureOf(load('-', endless))).toBe(tooLong)
    expect(endless.bytes()).toBeLessThanOrEqual(MAX_REQUEST_BYTES + chunk.length)
  })

  test('if there is no such file, of which it names none', async () => {
    expect(await failureOf(load(file('none.json')))).toBe("cannot read the request's file: ENOENT")
    expect(await failureOf(load('user:S3CRET'))).toBe("cannot read the request's file: ENOENT")
    const array = `[${'{"image_credentials":"u:S3CRET"},'.repeat(200)}]`
    expect(await failureOf(load(array))).toBe("cannot read the request's file: ENAMETOOLONG")
  })

  test("if it is standard input, where that is somebody else's", async () => {
    const reading = loadRequest('-', {})
    await expect(reading).rejects.toMatchObject({
      code: 'request-invalid',
      message: 'the request cannot be standard input here',
    })
  })

  test('if the path cannot be one', async () => {
    expect(await failureOf(load('x'.repeat(5000)))).toContain('ENAMETOOLONG')
    expect(await failureOf(load('a\0b'))).toBe(
      "cannot read the request's file: ERR_INVALID_ARG_VALUE",
    )
  })

  test('if it is a directory', async () => {
    expect(await failureOf(load(tmpdir()))).toBe('the request is not a file')
  })

  test('if it is a pipe, for whose writer nobody waits', async () => {
    const path = file('pipe')
    execFileSync('mkfifo', [path])
    expect(await failureOf(load(path))).toBe('the request is not a file')
  })

  test('if it is a device', async () => {
    expect(await failureOf(load('/dev/zero'))).toBe('the request is not a file')
  })

  test('if it is not UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"image_credentials":"u:'),
      Buffer.of(0xff, 0x22, 0x7d),
    ])
    expect(await failureOf(load(file('latin.json', bytes)))).toBe('the request is not UTF-8')
    expect(await failureOf(load('-', input(bytes)))).toBe('the request is not UTF-8')
  })

  test('if it is empty', async () => {
    expect(await failureOf(load(file('empty.json', '')))).toBe('the request is not JSON')
    expect(await failureOf(load('-', input()))).toBe('the request is not JSON')
  })
})
