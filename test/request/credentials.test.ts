import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { parseCredentials } from '../../src/request/credentials.ts'
import vectors from '../vectors/credentials.json' with { type: 'json' }

const FIELD = 'request.image_credentials'

interface Readable {
  readonly name: string
  readonly value: string
  readonly registry?: string
  readonly keys: Readonly<Record<string, string | undefined>>
  /** The value of `__proto__`, which cannot stand in a table. */
  readonly prototype?: string
}

const readable: readonly Readable[] = vectors.read

describe('a value that says nothing is no credential', () => {
  test.each(vectors.nothing)('$name', ({ value }) => {
    expect(parseCredentials(value, FIELD)).toBeUndefined()
  })
})

describe('a value is read', () => {
  test.each(readable)('$name', ({ value, registry, keys, prototype }) => {
    const read = parseCredentials(value, FIELD)
    const own = prototype === undefined ? [] : [['__proto__', prototype]]
    expect(read?.registry).toBe(registry)
    expect(Object.entries(read?.keys ?? {}).toSorted()).toEqual(
      [...Object.entries(keys), ...own].toSorted(),
    )
  })
})

describe('a value is refused, and not shown', () => {
  test.each(vectors.refused)('$name', ({ value, message }) => {
    const error = failureOf(value)
    expect(error).toMatchObject({
      code: 'request-invalid',
      message: message.replace('FIELD', FIELD),
    })
    expect(error.cause).toBeUndefined()
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('S3CRET')
  })

  test('if half of a character is in it', () => {
    expect(failureOf('user:S3CRET\ud800').message).toBe(`${FIELD} has half of a character`)
  })

  test('however deep it is', () => {
    const deep = `{"credentials":${'['.repeat(400_000)}`
    expect(failureOf(deep).message).toBe(`${FIELD} begins like JSON and is none`)
    const closed = `{"labels":${'['.repeat(400_000)}${']'.repeat(400_000)},"NGC_API_KEY":"k"}`
    expect(parseCredentials(closed, FIELD)?.keys).toEqual({ NGC_API_KEY: 'k' })
  })
})

test('JSON in JSON is unpacked three times and no more', () => {
  const wrap = (text: string) => JSON.stringify({ PASSWORD: text })
  const three = wrap(wrap(wrap('{"NGC_API_KEY":"k"}')))
  expect(parseCredentials(three, FIELD)?.keys).toEqual({ NGC_API_KEY: 'k' })
  expect(Object.keys(parseCredentials(wrap(three), FIELD)?.keys ?? {})).toEqual(['PASSWORD'])
})

test('nothing that begins like JSON becomes a user and a password', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const value = `{${text}`
      try {
        JSON.parse(value)
      } catch {
        expect(() => parseCredentials(value, FIELD)).toThrow(PurserError)
      }
    }),
  )
})

test('every pair comes back whole', () => {
  const username = fc.stringMatching(/^[!#-9;-Z\\-z|~][ -9;-~]{0,20}$/)
  const password = fc.string({ minLength: 1 }).filter((text) => !/[\r\n]$/.test(text))
  fc.assert(
    fc.property(username, password, (USERNAME, PASSWORD) => {
      expect(parseCredentials(`${USERNAME}:${PASSWORD}`, FIELD)?.keys).toEqual({
        USERNAME,
        PASSWORD,
      })
    }),
  )
})

function failureOf(value: string): PurserError {
  try {
    parseCredentials(value, FIELD)
  } catch (error) {
    if (error instanceof PurserError) return error
  }
  throw new Error('no error of ours')
}
