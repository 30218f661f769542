import { writeSync } from 'node:fs'
import type { Keyring } from '../../src/vault/key.ts'
import type { KeySource } from '../../src/vault/key-source.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { vaultIn } from './files.ts'

// Usage: rotator.ts ROOT COUNT [MOMENT]. Rotates COUNT times, printing each new key's id; or is
// killed at a moment such as `before-1` or `after-2`: around a write of the key file.
const [root = '', count = '1', moment = ''] = process.argv.slice(2)
const vault = vaultIn(root)

let writes = 0
const dieAt = (now: string) => {
  if (now === moment) process.kill(process.pid, 'SIGKILL')
}
const mortal = (writer: NonNullable<KeySource['writer']>) => ({
  ...writer,
  replace(keys: Keyring) {
    writes++
    dieAt(`before-${writes}`)
    writer.replace(keys)
    dieAt(`after-${writes}`)
  },
})
const keys = { ...vault.keys, writer: vault.keys.writer && mortal(vault.keys.writer) }
for (let i = 0; i < Number(count); i++) {
  const { keyId } = await rotateKey({ ...vault, keys })
  writeSync(1, `${keyId}\n`)
}
