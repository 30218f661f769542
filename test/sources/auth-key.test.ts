import { describe, expect, test } from 'vitest'
import { parseAuthKey } from '../../src/sources/auth-key.ts'

describe('a key of an auth file', () => {
  test.each([
    ['ghcr.io', 'ghcr.io', ''],
    ['ghcr.io/', 'ghcr.io', ''],
    ['GHCR.io', 'ghcr.io', ''],
    ['https://ghcr.io', 'ghcr.io', ''],
    ['https://ghcr.io/', 'ghcr.io', ''],
    ['https://ghcr.io/v1/', 'ghcr.io', ''],
    ['https://ghcr.io/v2/', 'ghcr.io', ''],
    ['http://r.example:5000', 'r.example:5000', ''],
    ['r.example:443', 'r.example', ''],
    ['[::1]:5000', '[::1]:5000', ''],
    ['https://index.docker.io/v1/', 'docker.io', ''],
    ['index.docker.io', 'docker.io', ''],
    ['registry-1.docker.io', 'docker.io', ''],
    ['docker.io', 'docker.io', ''],
    ['docker.io/library', 'docker.io', 'library'],
    ['quay.io/acme/app', 'quay.io', 'acme/app'],
  ])('%s is %s, %j', (key, host, prefix) => {
    expect(parseAuthKey(key)).toMatchObject({ host: { name: host }, prefix })
  })

  test.each([
    '',
    '/',
    'https://',
    'https:///v1/',
    'https://index.docker.io/v1/access-token',
    'https://index.docker.io/v1/refresh-token',
    'ftp://ghcr.io',
    'ghcr.io@evil.example',
    'ann:secret@ghcr.io',
    'ghcr.io?x',
    'ghcr.io#',
    'ghcr.io\\evil',
    ' ghcr.io',
    'ghcr.io ',
    '*.ghcr.io',
    'ghcr.io/../x',
    'ghcr.io//x',
    'ghcr.io/A',
  ])('%j is none', (key) => {
    expect(parseAuthKey(key)).toBeUndefined()
  })
})
