import { resolve } from 'node:path'
import type { App, Runtime } from '../app.ts'
import type { StorePlace } from '../cli/context.ts'
import { parseVaultUrl } from '../config/vault-url.ts'
import { PurserError } from '../model/errors.ts'
import { createStore, type Store } from '../vault/store.ts'

/** Opens a vault that a command names; a relative path is relative to where the command is run. */
export async function openStoreAt(
  { url, ...given }: StorePlace,
  app: App,
  { env, uid = 0, now }: Pick<Runtime, 'env' | 'uid' | 'now'>,
): Promise<Store> {
  const { paths } = app
  const usual = url === 'sqlite:default' ? `sqlite:${paths.vault}` : url
  const place = parseVaultUrl(usual, (path) => resolve(path))
  if (typeof place === 'string') throw new PurserError('usage', `the place of a vault ${place}`)
  const { vault, tls } = await app.config()
  const key = absolute(given.key === 'file:default' ? `file:${paths.key}` : given.key) ?? vault.key
  const password = absolute(given.password) ?? vault.password
  const config = { vault: { place, key, password }, tls }
  return createStore({ ...{ config, env, uid, now }, log: app.log, stays: false })
}

function absolute(named: string | undefined): string | undefined {
  return named?.startsWith('file:') ? `file:${resolve(named.slice('file:'.length))}` : named
}
