import { expect, test } from 'vitest'
import { judgeWish } from '../../src/proxy/policy.ts'
import { ask, errorOf, fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const wish = (repositories: readonly string[], repository: string, from?: string) =>
  judgeWish({ upstream: upstreamAt('ghcr.io', { repositories }), action: 'pull', repository, from })

test.each([
  { globs: [], repository: 'any/thing' },
  { globs: ['acme/app'], repository: 'acme/app' },
  { globs: ['acme/*'], repository: 'acme/app' },
  { globs: ['acme/**'], repository: 'acme/team/app' },
  { globs: ['acme/app-*'], repository: 'acme/app-1.2' },
  { globs: ['**/app'], repository: 'acme/team/app' },
  { globs: ['other', 'library/*'], repository: 'library/alpine' },
])('$globs serves $repository', ({ globs, repository }) => {
  expect(wish(globs, repository)).toBeUndefined()
})

test.each([
  { globs: ['acme/app'], repository: 'acme/app2' },
  { globs: ['acme/*'], repository: 'acme/team/app' },
  { globs: ['acme/**'], repository: 'acme' },
  { globs: ['acme/**'], repository: 'evil/acme/app' },
  { globs: ['a.c/app'], repository: 'abc/app' },
])('$globs does not serve $repository', ({ globs, repository }) => {
  expect(wish(globs, repository)).toMatchObject({ status: 403, code: 'DENIED' })
})

test('what is mounted from must be served too', () => {
  expect(wish(['acme/*'], 'acme/app', 'secret/app')).toMatchObject({
    message: '"secret/app" is not among the repositories of ghcr.io that are served',
  })
})

test('a pattern of many stars takes no time', () => {
  expect(wish(['a*a*a*a*a*a*a*a*'], `${'a'.repeat(250)}/b`)).toMatchObject({ status: 403 })
})

test('the registry is not asked for what is not served', async () => {
  const registry = await fakeRegistry()
  const { url } = await runProxy([
    upstreamAt(registry.host, { alias: 'corp', repositories: ['acme/*'] }),
  ])
  const answer = await ask(`${url}/v2/corp/other/app/manifests/1`)
  expect([answer.status, errorOf(answer).code]).toEqual([403, 'DENIED'])
  expect(registry.asked).toEqual([])
})
