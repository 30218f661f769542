import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { parseVaultUrl } from '../../../src/config/vault-url.ts'
import { openDatabase } from '../../../src/vault/postgres/database.ts'
import { reachOf } from '../../../src/vault/postgres/reach.ts'
import { describeWith } from '../../clients/programs.ts'
import { testAuthority } from '../../fakes/certificates.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { serverForFile } from './fleet.ts'

describeWith('the way to a database', POSTGRES, () => {
  const server = serverForFile()
  afterEach(() => vi.unstubAllEnvs())

  /** Asks who is logged in, and how. */
  async function ask(url: string, { ca = [] as readonly string[], password = '' } = {}) {
    const root = mkdtempSync(join(tmpdir(), 'purser-reach-'))
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    const file = join(root, 'password')
    writeFileSync(file, `${password || server().password}\n`, { mode: 0o600 })
    const place = parseVaultUrl(url.replace('PORT', String(server().port)), (path) => path)
    if (typeof place === 'string' || place.engine !== 'postgres') throw new Error('no such place')
    const vault = { place, key: 'env:KEY', password: `file:${file}` }
    const environment = { config: { vault, tls: { ca } }, env: {}, uid: process.geteuid?.() }
    const database = await openDatabase('v', reachOf(place, environment))
    onTestFinished(() => database.close())
    const { rows } = await database.query(
      `SELECT current_user AS user, ssl, current_setting('search_path') AS path
       FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
    )
    return rows[0]
  }

  const ca = [testAuthority().caFile]
  const stranger = testAuthority('somebody else').caFile

  test('is plain on loopback unless somebody says otherwise', async () => {
    const plain = { user: 'purser', ssl: false, path: 'pg_catalog' }
    expect(await ask('postgres://purser@127.0.0.1:PORT/postgres')).toEqual(plain)
    const url = 'postgres://purser@localhost:PORT/postgres?sslmode=verify-full'
    expect(await ask(url, { ca })).toEqual({ ...plain, ssl: true })
    expect(await ask(`${url}&sslrootcert=${ca[0]}`)).toEqual({ ...plain, ssl: true })
  })

  test('is by a socket too', async () => {
    const socket = encodeURIComponent(server().directory)
    expect(await ask(`postgres://purser@${socket}:PORT/postgres`)).toMatchObject({ ssl: false })
  })

  test.each([
    { name: 'an authority that nobody trusts', url: 'localhost', trusted: [] },
    { name: 'another authority than the one that is named', url: 'localhost', root: stranger },
    { name: 'another name', url: '127.0.0.1', trusted: ca },
  ])('is refused to a server with $name', async ({ url, trusted = ca, root }) => {
    const named = root === undefined ? '' : `&sslrootcert=${root}`
    const asked = ask(`postgres://purser@${url}:PORT/postgres?sslmode=verify-full${named}`, {
      ca: trusted,
    })
    await expect(asked).rejects.toMatchObject({
      code: 'vault-failed',
      message: 'cannot use the vault v: its server does not prove who it is',
      hint: 'name its authority: sslrootcert=FILE in [vault] url, or [tls] ca',
    })
  })

  test('of verify-ca is for any name of one authority', async () => {
    const url = `postgres://purser@127.0.0.1:PORT/postgres?sslmode=verify-ca&sslrootcert=${ca[0]}`
    expect(await ask(url)).toMatchObject({ ssl: true })
  })

  test('has words for a password that is wrong, and a database that is none', async () => {
    const url = 'postgres://purser@127.0.0.1:PORT'
    await expect(ask(`${url}/postgres`, { password: 'wrong' })).rejects.toMatchObject({
      message: 'cannot use the vault v: the password was refused',
    })
    await expect(ask(`${url}/none`)).rejects.toMatchObject({
      message: 'cannot use the vault v: there is no such database',
    })
  })

  test('is not what the environment says', async () => {
    const said = {
      ...{ PGHOST: 'h', PGPORT: '1', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'd' },
      ...{ PGOPTIONS: '-c search_path=evil', PGSSLMODE: 'disable', PGSSLNEGOTIATION: 'direct' },
      ...{ PGREPLICATION: 'database', PGAPPNAME: 'x', PGCLIENTENCODING: 'LATIN1' },
    }
    for (const [name, value] of Object.entries(said)) vi.stubEnv(name, value)
    const url = 'postgres://purser@localhost:PORT/postgres?sslmode=verify-full'
    expect(await ask(url, { ca })).toEqual({ user: 'purser', ssl: true, path: 'pg_catalog' })
  })
})
