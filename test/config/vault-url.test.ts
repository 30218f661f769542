import { expect, test } from 'vitest'
import { parseVaultUrl } from '../../src/config/vault-url.ts'

const parse = (parameters: string, host = 'db.example') =>
  parseVaultUrl(`postgres://purser@${host}/purser${parameters}`, (path) => `/c/${path}`)

test.each([
  ['', 'names, by public authorities', { names: true, rootCert: undefined }],
  ['?sslmode=verify-full', 'the same', { names: true, rootCert: undefined }],
  ['?sslrootcert=ca', 'names, by one authority', { names: true, rootCert: '/c/ca' }],
  ['?sslmode=verify-ca&sslrootcert=ca', 'one authority', { names: false, rootCert: '/c/ca' }],
])('%j checks %s', (parameters, _, tls) => {
  expect(parse(parameters)).toMatchObject({ engine: 'postgres', tls })
})

test.each([
  ['?sslmode=verify-ca', 'must have sslrootcert with sslmode=verify-ca'],
  ['?sslmode=require', 'must have sslmode=verify-full or verify-ca: the others prove nothing'],
  ['?sslmode=prefer', 'must have sslmode=verify-full or verify-ca: the others prove nothing'],
  ['?sslmode=', 'must have sslmode=verify-full or verify-ca: the others prove nothing'],
  ['?sslmode=disable', 'must have sslmode=verify-full: the database is on another machine'],
  ['?ssl=false', expect.stringContaining('must have no parameters beside')],
  ['?options=-csearch_path=evil', expect.stringContaining('must have no parameters beside')],
])('%j lets anybody answer, and is refused', (parameters, why) => {
  expect(parse(parameters)).toEqual(why)
})

test.each(['127.0.0.1.evil.example', 'localhost.evil.example', '127.evil.example', '128.0.0.1'])(
  '%s is not this machine',
  (host) => {
    expect(parse('?sslmode=disable', host)).toContain('on another machine')
  },
)
