import type { Config } from '../config/config.ts'
import { nameOfVault, type VaultPlace } from '../config/vault-url.ts'
import { once } from '../model/once.ts'
import type { Log } from '../observe/log.ts'
import type { Archive } from './archive.ts'
import type { KeyInfo } from './key-info.ts'
import { type KeyEnvironment, type KeySource, openKeySource } from './key-source.ts'
import type { Database } from './postgres/database.ts'
import type { Vault } from './vault.ts'

/** A vault, its key and its database, each opened when it is first asked for. */
export interface Store {
  readonly place: VaultPlace
  keys(): Promise<KeySource>
  vault(): Promise<Vault>
  /** The database that a fleet shares; `undefined` of a vault in a file. */
  database(): Promise<Database | undefined>
  keeper(): Promise<KeyKeeper>
  /** The vault as a whole. */
  archive(): Promise<Archive>
  close(): Promise<void>
}

/** What is done to a vault's key as such. */
export interface KeyKeeper {
  /** Makes a key, unless there is one. @throws `key-missing` if a vault is there without its key */
  init(): Promise<KeyInfo & { readonly created: boolean }>
  show(): Promise<KeyInfo>
  /** Seals the vault with another key. @returns also how many entries there are */
  rotate(): Promise<KeyInfo & { readonly entries: number }>
}

/** Which vault it is, and who opens it. */
export interface StoreOptions extends KeyEnvironment {
  readonly config: Pick<Config, 'vault' | 'tls'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  log(): Promise<Log>
  /** Whether this process stays, and so is to be told of what others change. */
  readonly stays: boolean
}

/** Makes a store; of the two engines, only the one that is used is loaded. */
export function createStore(options: StoreOptions): Store {
  const { config, env, uid, now, log, stays } = options
  const { place, key } = config.vault
  const closers: (() => Promise<void>)[] = []

  const store: Store = {
    place,
    keys: once(async () => {
      const source = openKeySource(key, { env, uid })
      await source.refresh?.()
      return source
    }),
    vault: once(async () => {
      const keys = await store.keys()
      const vault = await openEngine(keys)
      closers.unshift(() => vault.close())
      return vault
    }),
    database: once(async () => {
      if (place.engine !== 'postgres') return undefined
      const { openDatabase } = await import('./postgres/database.ts')
      const { reachOf } = await import('./postgres/reach.ts')
      const database = openDatabase(nameOfVault(place), reachOf(place, { config, env, uid }))
      closers.push(async () => (await database).close())
      return database
    }),
    async keeper() {
      const keys = await store.keys()
      const { showKey } = await import('./key-info.ts')
      return { show: () => showKey(keys), ...(await openKeeper(keys)) }
    },
    async archive() {
      const keys = await store.keys()
      const database = await store.database()
      if (database !== undefined) {
        const { openPostgresArchive } = await import('./postgres/archive.ts')
        return openPostgresArchive(database, keys)
      }
      const { openSqliteArchive } = await import('./sqlite/archive.ts')
      return openSqliteArchive({ path: pathOf(place), keys, uid })
    },
    async close() {
      for (const close of closers.splice(0)) await close()
    },
  }

  async function openEngine(keys: KeySource): Promise<Vault> {
    const database = await store.database()
    if (database !== undefined) {
      const { openPostgresVault } = await import('./postgres/vault.ts')
      return openPostgresVault({ database, keys, now, log: await log(), stays })
    }
    const { openVault } = await import('./sqlite/vault.ts')
    const vault = await openVault({ path: pathOf(place), keys, uid, now })
    if (keys.refresh === undefined) return vault
    const { retryingByKey } = await import('./retrying.ts')
    return retryingByKey(vault, keys.refresh)
  }

  async function openKeeper(keys: KeySource): Promise<Pick<KeyKeeper, 'init' | 'rotate'>> {
    const database = await store.database()
    if (database !== undefined) {
      const { initFleetKey, rotateFleetKey } = await import('./postgres/key-rotation.ts')
      return {
        init: () => initFleetKey(database, keys),
        rotate: () => rotateFleetKey(database, keys),
      }
    }
    const { initKey, rotateKey } = await import('./sqlite/key-rotation.ts')
    const file = { path: pathOf(place), keys, uid }
    return { init: () => initKey(file), rotate: () => rotateKey(file) }
  }

  return store
}

/** The file of a vault that is one. */
function pathOf(place: VaultPlace): string {
  return place.engine === 'sqlite' ? place.path : nameOfVault(place)
}
