import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { codeOf, describeError, hintOf, PurserError } from '../../src/model/errors.ts'

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

const noFile = thrownBy(() => readFileSync('/no/such/file'))
const badJson = thrownBy(() => JSON.parse('{"password": hunter2'))

describe('an error, described', () => {
  it.each([
    ['itself', new PurserError('network', 'cannot dial a.io'), 'cannot dial a.io'],
    [
      'with its causes',
      new PurserError('network', 'a', { cause: new PurserError('network', 'b') }),
      'a: b',
    ],
    [
      "with a system call's own words",
      new PurserError('config-invalid', 'cannot read it', { cause: noFile }),
      "cannot read it: ENOENT: no such file or directory, open '/no/such/file'",
    ],
    [
      'without what a foreign error quotes',
      new PurserError('request-invalid', 'it is not JSON', { cause: badJson }),
      'it is not JSON: SyntaxError',
    ],
    ['by its code, if foreign', Object.assign(new Error('s3cret'), { code: 'E_X' }), 'E_X'],
    ['not at all, if it is none', 's3cret', 'unknown error'],
  ])('is %s', (_, error, text) => {
    expect(describeError(error)).toBe(text)
  })

  it('ends, even if its causes do not', () => {
    const error = new PurserError('internal', 'again')
    Object.defineProperty(error, 'cause', { value: error })
    expect(describeError(error).split(': ')).toHaveLength(10)
    expect(hintOf(error)).toBeUndefined()
  })
})

describe('an error', () => {
  it('has the hint that is nearest to the surface', () => {
    const cause = new PurserError('network', 'b', { hint: 'deep' })
    expect(hintOf(new PurserError('network', 'a', { cause }))).toBe('deep')
    expect(hintOf(new PurserError('network', 'a', { cause, hint: 'near' }))).toBe('near')
    expect(hintOf(new Error('x'))).toBeUndefined()
  })

  it('has its code, and a foreign one is internal', () => {
    expect(codeOf(new PurserError('policy', 'a'))).toBe('policy')
    expect(codeOf(new Error('x'))).toBe('internal')
  })
})
