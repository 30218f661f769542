import type { PostgresPlace } from '../../src/config/vault-url.ts'
import type { Archive } from '../../src/vault/archive.ts'
import { copyVault, refuseLoss } from '../../src/vault/copy.ts'
import { generateKey, parseKeyring } from '../../src/vault/key.ts'
import { keyCheckOf } from '../../src/vault/key-check.ts'
import { openKeySource } from '../../src/vault/key-source.ts'
import { openDatabase } from '../../src/vault/postgres/database.ts'
import { faultOf } from '../../src/vault/postgres/fault.ts'
import { createKeys } from '../../src/vault/postgres/keys.ts'
import { reachOf } from '../../src/vault/postgres/reach.ts'
import { parseMeta } from '../../src/vault/postgres/schema.ts'
import { openRow } from '../../src/vault/row.ts'
import { createSealer } from '../../src/vault/seal.ts'
import type { Provocations } from './stage.ts'

const NAME = 'postgres://db.example/purser'
const TEXT = `purser-key-v1:${Buffer.alloc(32, 7).toString('base64url')}`
const [key] = parseKeyring(TEXT, 'test')

/** What the database's library throws, with a message that is not for everybody. */
function answered(code: string) {
  return () => {
    throw faultOf(NAME, Object.assign(new Error('it quotes what it was sent'), { code }))
  }
}

function askPassword(password: string | undefined, env = {}) {
  const place: PostgresPlace = {
    engine: 'postgres',
    ...{ host: 'localhost', port: 5432, user: 'u', database: 'd', tls: undefined },
  }
  const config = { vault: { place, key: 'env:KEY', password }, tls: { ca: [] } }
  return reachOf(place, { config, env, uid: process.geteuid?.() }).password()
}

function copy(from: string, to: string) {
  const archive = (name: string): Archive => ({
    name,
    read: async () => undefined,
    replace: async () => undefined,
  })
  return copyVault({
    from: archive(from),
    to: archive(to),
    overwrite: false,
    begin: () => undefined,
    advance: () => undefined,
  })
}

/** What goes wrong with a vault that a fleet shares. */
export const FLEET: Provocations = {
  'its password is refused': answered('28P01'),
  'its user is refused': answered('28000'),
  'it is not there': answered('3D000'),
  'it is not the user’s': answered('42501'),
  'it is full': answered('53300'),
  'it is busy': answered('57014'),
  'it answers something else': answered('42P07'),
  'it proves nothing': answered('SELF_SIGNED_CERT_IN_CHAIN'),
  'nobody is there': async () => {
    const nobody = { host: '127.0.0.1', port: 1, user: 'u', database: 'd', ssl: false }
    const database = await openDatabase(NAME, { ...nobody, password: async () => 'S3CRET' })
    return database.query('SELECT 1')
  },
  'its password is nowhere': () => askPassword(undefined),
  'its password is empty': () => askPassword('env:DB', {}),
  'its password is for others to read': ({ put }) =>
    askPassword(`file:${put('password', 'S3CRET', 0o644)}`),
  'it is none': () => parseMeta({}),
  'it is a newer purser’s': () =>
    parseMeta({ format: 99, revision: '1', key_id: key.id, key_check: keyCheckOf(key) }),
  'a row is none': () => openRow(createSealer(key), {}),
  'its key is another’s': () => {
    const keys = createKeys(openKeySource('env:KEY', { env: { KEY: TEXT }, uid: 0 }), NAME)
    const other = generateKey()
    return keys.of({ keyId: other.id, keyCheck: keyCheckOf(other), revision: 1n })
  },
  'its key’s program is none': () =>
    openKeySource('command:/nowhere/kms decrypt S3CRET', { env: {}, uid: 0 }).refresh?.(),
  'it is copied onto itself': () => copy('/v.db', '/v.db'),
  'nothing is there to copy': () => copy('/v.db', NAME),
  'a copy would replace it': () => refuseLoss(NAME, 3, false),
}
