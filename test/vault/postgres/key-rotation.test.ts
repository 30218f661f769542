import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import { formatKeyring, generateKey } from '../../../src/vault/key.ts'
import { openKeySource } from '../../../src/vault/key-source.ts'
import { initFleetKey, rotateFleetKey } from '../../../src/vault/postgres/key-rotation.ts'
import { describeWith } from '../../clients/programs.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { basic, entryKey } from '../files.ts'
import { type Fleet, fleetForTest, serverForFile } from './fleet.ts'

const uid = process.geteuid?.()
const ghcr = parseHost('ghcr.io')

describeWith("the key of a fleet's vault", POSTGRES, () => {
  const server = serverForFile()
  const sourceOf = ({ keyPath }: Fleet) => openKeySource(`file:${keyPath}`, { env: {}, uid })

  test('is made once, with the vault', async () => {
    const fleet = await fleetForTest(server())
    const database = await fleet.connect()
    const made = await initFleetKey(database, sourceOf(fleet))
    expect(made).toMatchObject({ created: true, source: `file:${fleet.keyPath}` })
    expect(await initFleetKey(database, sourceOf(fleet))).toEqual({ ...made, created: false })
    const stranger = openKeySource(`file:${fleet.root}/other/key`, { env: {}, uid })
    await expect(initFleetKey(database, stranger)).rejects.toMatchObject({ code: 'key-missing' })
    await database.close()
  })

  test('is changed while agents go on, and opens nothing any more', async () => {
    const fleet = await fleetForTest(server())
    const agent = await fleet.open({ stays: true })
    for (let i = 0; i < 20; i++) await agent.put(entryKey(`r${i}.example`), basic('p'))
    await agent.put(entryKey('ghcr.io'), basic('p'))
    const database = await fleet.connect()
    await expect(rotateFleetKey(database, sourceOf(fleet))).rejects.toMatchObject({
      code: 'usage',
      message: `the vault has the first key of file:${fleet.keyPath} already`,
    })
    const old = readFileSync(fleet.keyPath, 'utf8')
    const next = generateKey()
    writeFileSync(fleet.keyPath, formatKeyring([next]) + old, { mode: 0o600 })
    // Before and after, every machine has both.
    expect(await agent.find('default', ghcr, undefined)).toHaveLength(1)
    expect(await (await fleet.open()).find('default', ghcr, 'a')).toHaveLength(1)
    const rotating = rotateFleetKey(database, sourceOf(fleet))
    const asked = await Promise.all(
      Array.from({ length: 50 }, (_, i) => agent.find('default', ghcr, `r${i}`)),
    )
    expect(asked.every((entries) => entries.length === 1)).toBe(true)
    expect(await rotating).toEqual({
      keyId: next.id,
      source: `file:${fleet.keyPath}`,
      entries: 21,
    })
    writeFileSync(fleet.keyPath, formatKeyring([next]))
    expect(await agent.list('default')).toHaveLength(21)
    expect(await agent.find('default', ghcr, 'new')).toHaveLength(1)
    const behind = `${fleet.root}/behind/key`
    mkdirSync(dirname(behind), { mode: 0o700 })
    writeFileSync(behind, old, { mode: 0o600 })
    const stale = await fleet.open({ key: `file:${behind}` })
    await expect(stale.list('default')).rejects.toMatchObject({ code: 'key-invalid' })
    await database.close()
  })
})
