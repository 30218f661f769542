import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { listen, stop } from '../fakes/http.ts'
import { type Program, start } from '../vault/sandbox.ts'
import { homeForTest } from './machine.ts'

const ASKER = new URL('./asker.ts', import.meta.url)

/** A cloud that takes its time: `minted-1`, `minted-2`, … or refusals. */
async function startCloud({ delayMs = 0, status = 200 }: { delayMs?: number; status?: number }) {
  let exchanges = 0
  const server = createServer(async (_, response) => {
    const text = `minted-${++exchanges}`
    await setTimeout(delayMs)
    response.writeHead(status).end(text)
  })
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return { url: `http://127.0.0.1:${port}`, exchanges: () => exchanges }
}

async function answers(programs: readonly Program[]): Promise<readonly string[]> {
  const outputs = await Promise.all(programs.map(({ output }) => output))
  return outputs.flatMap((output) => output.trim().split('\n'))
}

test('20 processes that ask at once make one exchange, from the first use on', async () => {
  const { root, directory } = homeForTest()
  const cloud = await startCloud({ delayMs: 300 })
  const programs = Array.from({ length: 20 }, () => start(ASKER, root, cloud.url))
  expect(await answers(programs)).toEqual(Array(20).fill('minted-1'))
  expect(cloud.exchanges()).toBe(1)
  expect(readdirSync(directory)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
}, 60_000)

test('of 20 processes that are refused together, few have asked', async () => {
  const { root } = homeForTest()
  const cloud = await startCloud({ delayMs: 1_500, status: 403 })
  const programs = Array.from({ length: 20 }, () => start(ASKER, root, cloud.url))
  expect(await answers(programs)).toEqual(Array(20).fill('error'))
  // One for all who waited for it; who starts later may ask again, three times in all.
  expect(cloud.exchanges()).toBeLessThanOrEqual(3)
}, 60_000)

test('a process that is killed while it exchanges holds up nobody', async () => {
  const { root } = homeForTest()
  const silent = await startCloud({ delayMs: 60_000 })
  const stuck = start(ASKER, root, silent.url)
  while (silent.exchanges() === 0) await setTimeout(10)
  const cloud = await startCloud({})
  const waiting = start(ASKER, root, cloud.url)
  await setTimeout(100)
  expect(cloud.exchanges()).toBe(0)
  stuck.child.kill('SIGKILL')
  expect(await waiting.output).toBe('minted-1\n')
  expect(await stuck.ended).toBe('SIGKILL')
}, 60_000)

test('a process that is killed at any moment leaves whole logins, or none', async () => {
  const { root, directory } = homeForTest()
  const cloud = await startCloud({})
  const SLOTS = '2000'
  for (let round = 0; round < 15; round++) {
    const program = start(ASKER, root, cloud.url, SLOTS)
    const lines = Math.floor(Math.random() * 40)
    for (let i = 0; i <= lines; i++) await once(program.child.stdout, 'data')
    // Somewhere between two answers: the work of a busy loop, not of a clock.
    for (let i = Math.random() * 1e6; i > 0; i--);
    program.child.kill('SIGKILL')
    expect(await program.ended).toBe('SIGKILL')
    const before = cloud.exchanges()
    const all = (await program.output).trim().split('\n')
    const told = all.filter((line) => /^minted-\d+$/.test(line))
    const again = await answers([start(ASKER, root, cloud.url, String(told.length))])
    expect(again).toEqual(told)
    // All that were told are there: the next process asks for none of them.
    expect(cloud.exchanges()).toBe(before)
  }
  const whole = readdirSync(directory).filter((name) => /^[0-9a-f]{64}$/.test(name))
  expect(whole.length).toBeGreaterThan(15)
}, 120_000)
