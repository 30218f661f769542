import { expect, test } from 'vitest'
import { ACCOUNT, FILES, machine, seen } from './machine.ts'

const OAUTH2 = { host: 'oauth2.googleapis.com', path: '/token' }

test('a service account logs in with an assertion that it signs', async () => {
  const at = await machine()
  expect(await seen(at, at.exchange(FILES.serviceAccount))).toEqual({
    user: 'oauth2accesstoken',
    principal: ACCOUNT.email,
    lifeS: 3600,
  })
  expect(at.google.calls).toEqual([
    { ...OAUTH2, grant: 'urn:ietf:params:oauth:grant-type:jwt-bearer' },
  ])
})
