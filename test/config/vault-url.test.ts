import { describe, expect, test } from 'vitest'
import { nameOfVault, parseVaultUrl } from '../../src/config/vault-url.ts'

const locate = (path: string) => `/c/${path}`
const parse = (url: string) => parseVaultUrl(url, locate)

const full = { names: true, rootCert: undefined, cert: undefined, key: undefined }
const place = { engine: 'postgres', host: 'db.example', port: 5432, user: 'u', database: 'd' }

describe('the URL of a vault', () => {
  test.each([
    ['sqlite:v.db', { engine: 'sqlite', path: '/c/v.db' }],
    ['postgres://u@db.example/d', { ...place, tls: full }],
    ['postgresql://u@DB.example:6432/d', { ...place, host: 'DB.example', port: 6432, tls: full }],
    [
      'postgres://u%40corp@db.example/d%20e',
      { ...place, user: 'u@corp', database: 'd e', tls: full },
    ],
    [
      'postgres://u@db.example/d?sslmode=verify-ca&sslrootcert=ca.pem',
      { ...place, tls: { ...full, names: false, rootCert: '/c/ca.pem' } },
    ],
    [
      'postgres://u@db.example/d?sslrootcert=ca.pem&sslcert=c.pem&sslkey=k.pem',
      {
        ...place,
        tls: { names: true, rootCert: '/c/ca.pem', cert: '/c/c.pem', key: '/c/k.pem' },
      },
    ],
    ['postgres://u@127.0.0.1/d', { ...place, host: '127.0.0.1', tls: undefined }],
    ['postgres://u@localhost/d?sslmode=verify-full', { ...place, host: 'localhost', tls: full }],
    ['postgres://u@[::1]/d', { ...place, host: '::1', tls: undefined }],
    ['postgres://u@[2001:db8::1]/d', { ...place, host: '2001:db8::1', tls: full }],
    ['postgres://u@%2Frun%2Fpostgresql/d', { ...place, host: '/run/postgresql', tls: undefined }],
    [
      'postgres:///d?host=/run/postgresql&user=u',
      { ...place, host: '/run/postgresql', tls: undefined },
    ],
  ])('%s', (url, expected) => {
    expect(parse(url)).toEqual(expected)
  })

  test.each([
    ['', 'must be sqlite:PATH or postgres://…'],
    ['sqlite:', 'must be sqlite:PATH or postgres://…'],
    ['mysql://u@h/d', 'must be sqlite:PATH or postgres://…'],
    ['postgres://', 'must be as postgres://user@host/database'],
    ['postgres://db.example/d', 'must be as postgres://user@host/database'],
    ['postgres://u@db.example', 'must be as postgres://user@host/database'],
    ['postgres://u@db.example/d/e', 'must be as postgres://user@host/database'],
    ['postgres://u@a,b/d', 'must be as postgres://user@host/database'],
    ['postgres://u@db.example/d#x', 'must be as postgres://user@host/database'],
    ['postgres://u@%ff/d', 'must be as postgres://user@host/database'],
    [
      'postgres://u:hunter2@db.example/d',
      'must be without a password: [vault] password says where it is',
    ],
    [
      'postgres://u@db.example/d?options=-csearch_path=evil',
      'must have no parameters beside host, user, sslmode, sslrootcert, sslcert, sslkey',
    ],
    [
      'postgres://u@db.example/d?sslmode=disable',
      'must have sslmode=verify-full: the database is on another machine',
    ],
    [
      'postgres://u@localhost.example/d?sslmode=disable',
      'must have sslmode=verify-full: the database is on another machine',
    ],
    ['postgres://u@db.example/d?sslmode=verify-ca', 'must have sslrootcert with sslmode=verify-ca'],
    ...['require', 'prefer', ''].map((mode) => [
      `postgres://u@db.example/d?sslmode=${mode}`,
      'must have sslmode=verify-full or verify-ca: the others prove nothing',
    ]),
    ['postgres://u@db.example/d?sslcert=c', 'must have sslcert and sslkey, or neither'],
  ])('not %s', (url, expected) => {
    expect(parse(url)).toBe(expected)
  })
})

test.each(['127.0.0.1.evil.example', 'localhost.evil.example', '127.evil.example', '128.0.0.1'])(
  '%s is not this machine',
  (host) => {
    expect(parse(`postgres://u@${host}/d?sslmode=disable`)).toContain('on another machine')
  },
)

test.each([
  ['sqlite:v.db', '/c/v.db'],
  ['postgres://user@db.example/d', 'postgres://db.example/d'],
  ['postgres://user@db.example:6432/d%20e', 'postgres://db.example:6432/d%20e'],
  ['postgres://user@[2001:db8::1]/d', 'postgres://[2001:db8::1]/d'],
  ['postgres://user@%2Frun%2Fpg/d', 'postgres://%2Frun%2Fpg/d'],
])('%s is told without its user', (url, name) => {
  const parsed = parse(url)
  expect(typeof parsed === 'string' ? parsed : nameOfVault(parsed)).toBe(name)
})
