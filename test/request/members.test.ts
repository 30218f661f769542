import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { membersOf, repeatedName, setMembers } from '../../src/request/members.ts'

const set = (text: string, values: Readonly<Record<string, string>>) =>
  setMembers(text, new Map(Object.entries(values)))

describe('a member is set, and the rest stays', () => {
  test.each([
    ['in an empty object', '{}', '{"a":"x"}'],
    ['in an empty object with a line in it', '{\n}', '{"a":"x"\n}'],
    ['behind the last one', '{"b":1}', '{"b":1,"a":"x"}'],
    [
      'behind the last one, on a line of its own',
      '{\n  "b": 1\n}\n',
      '{\n  "b": 1,\n  "a": "x"\n}\n',
    ],
    ['in place of a string', '{"a":"y","b":1}', '{"a":"x","b":1}'],
    ['in place of null', '{"b":1,"a":null}', '{"b":1,"a":"x"}'],
    ['in place of an object', '{"a":{"a":[1,{"a":2}]},"b":1}', '{"a":"x","b":1}'],
    ['with white space around', '{ "a" : "" , "b" : 1 }', '{ "a" : "x" , "b" : 1 }'],
    ['but not one of the same name further down', '{"b":{"a":1}}', '{"b":{"a":1},"a":"x"}'],
    ['by a name that is escaped', '{"\\u0061":""}', '{"\\u0061":"x"}'],
    ['beside keys that look like numbers', '{"2":1,"1":2,"a":""}', '{"2":1,"1":2,"a":"x"}'],
    [
      'beside numbers that no float holds',
      '{"id":9007199254740993,"f":1.10,"e":1E400,"a":""}',
      '{"id":9007199254740993,"f":1.10,"e":1E400,"a":"x"}',
    ],
    [
      'beside strings that look like JSON',
      '{"b":"{\\"a\\":1},","c":"\\\\","a":""}',
      '{"b":"{\\"a\\":1},","c":"\\\\","a":"x"}',
    ],
  ])('%s', (_, text, expected) => {
    expect(set(text, { a: 'x' })).toBe(expected)
  })

  test('of any object, as a parser would have it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(undefined, 2),
        (object, name, value, indent) => {
          fc.pre(name !== '__proto__')
          const text = set(JSON.stringify(object, undefined, indent), { [name]: value })
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify({ ...object, [name]: value })))
        },
      ),
    )
  })
})

test('several are set at once', () => {
  expect(set('{"a":"","z":[{}]}', { b: '2', a: '1' })).toBe('{"a":"1","z":[{}],"b":"2"}')
})

test('strings and lists may be as long as a request', () => {
  const long = `"${'\\"a'.repeat(300_000)}"`
  const deep = '['.repeat(300_000) + ']'.repeat(300_000)
  expect(set(`{"x":${long},"a":"","y":${deep}}`, { a: 'x' })).toBe(
    `{"x":${long},"a":"x","y":${deep}}`,
  )
})

test('a name that stands there twice is found', () => {
  expect(repeatedName(membersOf('{"a":"","b":{"a":1},"c":["a"]}'))).toBeUndefined()
  expect(repeatedName(membersOf('{"a":"","b":1,"\\u0061":""}'))).toBe('a')
})
