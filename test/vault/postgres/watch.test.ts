import { expect, test } from 'vitest'
import { describeWith } from '../../clients/programs.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { basic, entryKey } from '../files.ts'
import { fleetForTest, passwordIn, serverForFile, until } from './fleet.ts'

/** How long a change may take to be told. */
const WITHIN_MS = 3_000

/** Whoever may connect to a database may tell what he likes on any channel of it. */
describeWith('what is told by somebody else', POSTGRES, () => {
  const server = serverForFile()

  async function open() {
    const fleet = await fleetForTest(server())
    const writer = await fleet.open()
    await writer.put(entryKey('ghcr.io'), basic('old'))
    const reader = await fleet.open({ stays: true })
    await until(WITHIN_MS, async () => reader.revision?.() !== undefined)
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
    await until(WITHIN_MS, async () => reader.revision?.() !== mark)
    const told = await tell(old)
    await until(WITHIN_MS, async () => reader.revision?.() !== told)
    expect(await passwordIn(reader)).toBe('new')
  })

  test('of a change that is to come: it is heard of all the same when it comes', async () => {
    const { writer, reader, revision, tell } = await open()
    const told = await tell((await revision()) + 1)
    await until(WITHIN_MS, async () => reader.revision?.() !== told)
    expect(await passwordIn(reader)).toBe('old')
    await writer.put(entryKey('ghcr.io'), basic('new'))
    await until(WITHIN_MS, async () => (await passwordIn(reader)) === 'new')
  })

  test.each(['9'.repeat(19), '9'.repeat(7_000), '-1', '1e3', ''])(
    'what is no revision: nothing comes of it',
    async (text) => {
      const { writer, reader, tell } = await open()
      expect(await passwordIn(reader)).toBe('old')
      await tell(text)
      await writer.put(entryKey('ghcr.io'), basic('new'))
      await until(WITHIN_MS, async () => (await passwordIn(reader)) === 'new')
    },
  )
})
