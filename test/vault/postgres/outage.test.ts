import { createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import { openDatabase } from '../../../src/vault/postgres/database.ts'
import { describeWith } from '../../clients/programs.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { basic, entryKey } from '../files.ts'
import { fleetForTest, passwordIn, serverForFile } from './fleet.ts'

const ghcr = parseHost('ghcr.io')
const HOUR = 60 * 60_000

describeWith('a database that is away', POSTGRES, () => {
  const server = serverForFile()

  test.each(['fast', 'immediate'] as const)(
    'leaves what was found, refuses the rest, and is found back (%s)',
    async (how) => {
      const fleet = await fleetForTest(server())
      let now = Date.UTC(2026, 0, 1)
      const agent = await fleet.open({ stays: true, now: () => now })
      await agent.put(entryKey('ghcr.io'), basic('one'))
      expect(await passwordIn(agent)).toBe('one')
      expect(await agent.find('default', parseHost('other.example'), undefined)).toEqual([])
      server().halt(how)
      try {
        expect(await passwordIn(agent)).toBe('one')
        expect(await agent.find('default', parseHost('other.example'), undefined)).toEqual([])
        const refusal = {
          code: 'vault-failed',
          message: expect.stringMatching(/^cannot reach the vault postgres:\/\/127\.0\.0\.1:\d+\//),
          hint: 'see whether the database runs; until it does, logins that are kept go on',
        }
        await expect(agent.find('default', ghcr, 'new/one')).rejects.toMatchObject(refusal)
        await expect(agent.list('default')).rejects.toMatchObject(refusal)
        await expect(agent.put(entryKey('ghcr.io'), basic('two'))).rejects.toMatchObject(refusal)
        while (agent.revision?.() !== undefined) await setTimeout(2)
        now += 13 * HOUR
        await expect(passwordIn(agent)).rejects.toMatchObject(refusal)
        now -= 13 * HOUR
      } finally {
        server().resume()
      }
      const back = () => fleet.said.some((line) => line.includes('can be reached again'))
      while (!back()) await setTimeout(20)
      expect(fleet.said.filter((line) => line.includes('cannot be reached'))).toHaveLength(1)
      expect(await passwordIn(agent)).toBe('one')
      await agent.put(entryKey('ghcr.io'), basic('two'))
      expect(await passwordIn(agent)).toBe('two')
      // It listens again.
      await (await fleet.open()).put(entryKey('ghcr.io'), basic('three'))
      while ((await passwordIn(agent)) !== 'three') await setTimeout(2)
    },
  )

  test('that cuts every connection costs no question', async () => {
    const fleet = await fleetForTest(server())
    const [agent, helper] = [await fleet.open({ stays: true }), await fleet.open()]
    await agent.put(entryKey('ghcr.io'), basic('one'))
    for (let i = 0; i < 5; i++) {
      await fleet.ask(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'purser' AND datname = current_database()`,
      )
      const password = `p${i}`
      await helper.put(entryKey('ghcr.io'), basic(password))
      expect(await passwordIn(helper)).toBe(password)
      while ((await passwordIn(agent)) !== password) await setTimeout(2)
    }
  })

  test('and silent is waited for once', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket))
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => {
        const address = silent.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const reach = { host: '127.0.0.1', port, user: 'u', database: 'd', ssl: false }
    const database = await openDatabase('v', { ...reach, password: async () => 'p' })
    const refused = {
      code: 'vault-failed',
      message: expect.stringMatching(/^cannot reach the vault v/),
    }
    await expect(database.query('SELECT 1')).rejects.toMatchObject(refused)
    const connections = sockets.length
    await Promise.all(
      Array.from({ length: 20 }, () =>
        expect(database.query('SELECT 1')).rejects.toMatchObject(refused),
      ),
    )
    expect(sockets.length).toBe(connections)
    await database.close()
  })
})
