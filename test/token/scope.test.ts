import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeScopes, scopeKey, scopesOf } from '../../src/token/scope.ts'

describe('scopesOf', () => {
  test.each([
    ['pull', 'acme/app', ['repository:acme/app:pull']],
    ['push', 'acme/app', ['repository:acme/app:pull,push']],
    ['delete', 'acme/app', ['repository:acme/app:delete']],
    ['pull', undefined, []],
  ] as const)('%s of %s', (action, repository, expected) => {
    expect(scopesOf({ action, repository })).toEqual(expected)
  })
})

describe('mergeScopes', () => {
  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['none', [], []],
    ['one', ['repository:a:pull'], ['repository:a:pull']],
    ['actions in order', ['repository:a:push,pull'], ['repository:a:pull,push']],
    ['same repository', ['repository:a:pull', 'repository:a:push'], ['repository:a:pull,push']],
    ['twice', ['repository:a:pull', 'repository:a:pull'], ['repository:a:pull']],
    [
      'the first stays first',
      ['repository:z:pull', 'repository:a:pull', 'repository:z:push'],
      ['repository:z:pull,push', 'repository:a:pull'],
    ],
    [
      'a port in the name',
      ['repository:localhost:5000/a:pull'],
      ['repository:localhost:5000/a:pull'],
    ],
    ['catalog', ['registry:catalog:*'], ['registry:catalog:*']],
    ['class', ['repository(plugin):a:pull'], ['repository(plugin):a:pull']],
    ['empty actions', ['repository:a:,pull,,'], ['repository:a:pull']],
    ['no action', ['repository:a:', 'repository:a:,'], []],
    ['no name', ['repository::pull'], []],
    ['no scope at all', ['pull', '', ':::', 'a b:c:d'], []],
    ['white space', ['repository:a\nb:pull', 'repository:a b:pull'], []],
    ['quotes', ['repository:a"b:pull'], []],
    ['too long', [`repository:${'a'.repeat(512)}:pull`], []],
    [
      'too many',
      Array.from({ length: 20 }, (_, i) => `repository:r${i}:pull`),
      Array.from({ length: 16 }, (_, i) => `repository:r${i}:pull`),
    ],
  ])('%s', (_, scopes, expected) => {
    expect(mergeScopes(scopes)).toEqual(expected)
  })

  const scope = fc
    .tuple(fc.constantFrom('a', 'b/c', 'd'), fc.subarray(['pull', 'push', '*'], { minLength: 1 }))
    .map(([name, actions]) => `repository:${name}:${actions.join(',')}`)

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(scope, fc.string())), (scopes) => {
        const once = mergeScopes(scopes)
        expect(mergeScopes(once)).toEqual(once)
      }),
    )
  })

  test('one key for every order', () => {
    const orders = fc
      .array(scope, { maxLength: 8 })
      .chain((scopes) =>
        fc.tuple(
          fc.constant(scopes),
          fc.shuffledSubarray(scopes, { minLength: scopes.length, maxLength: scopes.length }),
        ),
      )
    fc.assert(
      fc.property(orders, ([one, other]) => {
        expect(scopeKey(one)).toBe(scopeKey(other))
      }),
    )
  })
})
