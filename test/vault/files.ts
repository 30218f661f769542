import { join } from 'node:path'
import type { BasicCredential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { openKeySource } from '../../src/vault/key-source.ts'
import type { VaultOptions } from '../../src/vault/sqlite/vault.ts'
import { DEFAULT_ENTRY, type EntryKey } from '../../src/vault/vault.ts'

/** Where tests and the programs that they start expect a vault. */
export function vaultIn(root: string): VaultOptions & { readonly keyPath: string } {
  const keyPath = join(root, 'config', 'key')
  const uid = process.getuid?.()
  return {
    path: join(root, 'data', 'vault.db'),
    keyPath,
    keys: openKeySource(`file:${keyPath}`, { env: {}, uid }),
    uid,
    now: () => Date.UTC(2026, 0, 1),
  }
}

export function entryKey(host: string, prefix = '', more: Partial<EntryKey> = {}): EntryKey {
  return { workspace: 'default', host: parseHost(host), prefix, name: DEFAULT_ENTRY, ...more }
}

export function basic(password: string): BasicCredential {
  return { kind: 'basic', username: 'ada', password: new Secret(password) }
}
