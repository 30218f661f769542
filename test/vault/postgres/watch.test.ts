import { expect, test } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import type { Vault } from '../../../src/vault/vault.ts'
import { describeWith } from '../../clients/programs.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { basic, entryKey } from '../files.ts'
import { fleetForTest, serverForFile } from './fleet.ts'

async function passwordIn(vault: Vault): Promise<string | undefined> {
  const [entry] = await vault.find('default', parseHost('ghcr.io'), undefined)
  return entry?.credential.kind === 'basic' ? entry.credential.password.reveal() : undefined
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 3_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Whoever may connect to a database may tell what he likes on any channel of it. */
describeWith('what is told by somebody else', POSTGRES, () => {
  const server = serverForFile()

  async function open() {
    const fleet = await fleetForTest(server())
    const writer = await fleet.open()
    await writer.put(entryKey('ghcr.io'), basic('old'))
    const reader = await fleet.open({ stays: true })
    await until(async () => reader.revision?.() !== undefined)
    const revision = async () => {
      const [row] = await fleet.ask('SELECT revision::int FROM purser.vault')
      return Number(row?.['revision'])
    }
    const tell = async (text: string | number) => {
      const before = reader.revision?.()
      await fleet.ask(`SELECT pg_notify('purser_vault', '${text}')`)
      return before
    }
    return { writer, reader, revision, tell }
  }

  test('of a change that was before: what was found then is not given again', async () => {
    const { writer, reader, revision, tell } = await open()
    const old = await revision()
    expect(await passwordIn(reader)).toBe('old')
    const mark = reader.revision?.()
    await writer.put(entryKey('ghcr.io'), basic('new'))
    await until(async () => reader.revision?.() !== mark)
    const told = await tell(old)
    await until(async () => reader.revision?.() !== told)
    expect(await passwordIn(reader)).toBe('new')
  })

  test('of a change that is to come: it is heard of all the same when it comes', async () => {
    const { writer, reader, revision, tell } = await open()
    const told = await tell((await revision()) + 1)
    await until(async () => reader.revision?.() !== told)
    expect(await passwordIn(reader)).toBe('old')
    await writer.put(entryKey('ghcr.io'), basic('new'))
    await until(async () => (await passwordIn(reader)) === 'new')
  })

  test.each(['9'.repeat(19), '9'.repeat(7_000), '-1', '1e3', ''])(
    'what is no revision: nothing comes of it',
    async (text) => {
      const { writer, reader, tell } = await open()
      expect(await passwordIn(reader)).toBe('old')
      await tell(text)
      await writer.put(entryKey('ghcr.io'), basic('new'))
      await until(async () => (await passwordIn(reader)) === 'new')
    },
  )
})
