import { writeSync } from 'node:fs'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import { basic, entryKey, vaultIn } from './files.ts'

// Usage: writer.ts ROOT NAME COUNT. Stores entries NAME/0, NAME/1, … and prints each one's number
// when the vault has acknowledged it.
const [root = '', name = '', count = '0'] = process.argv.slice(2)
const vault = await openVault(vaultIn(root))
for (let i = 0; i < Number(count); i++) {
  await vault.put(entryKey('registry.example', `${name}/${i}`), basic(`secret-${name}-${i}`))
  writeSync(1, `${i}\n`)
}
await vault.close()
