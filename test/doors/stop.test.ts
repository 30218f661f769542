import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask, fakeRegistry } from '../proxy/harness.ts'
import { serve } from './serving.ts'

const PROXY = ['[proxy]', 'listen = ["127.0.0.1:0"]']
const DIGEST = `sha256:${'0'.repeat(64)}`

/** A proxy with a transfer that stands in its middle until it is let go on. */
async function set(config: readonly string[] = [], flags: readonly string[] = []) {
  const goOn = Promise.withResolvers<void>()
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(200, { 'Content-Length': '8' }).write('half')
      void goOn.promise.then(() => res.end('more'))
      return true
    },
  })
  onTestFinished(() => goOn.resolve())
  const upstream = ['[[upstream]]', `host = "${registry.host}"`, 'tls = false']
  const serving = await serve([...PROXY, ...config, ...upstream], { flags })
  const url = `${serving.url}/v2/${registry.host.replace(':', '_')}/a/blobs/${DIGEST}`
  const req = request(url, { agent: false }).end()
  const [response] = await once(req, 'response')
  let text = ''
  const ended = new Promise<string>((resolve) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => resolve(text)).on('error', () => resolve(`${text}, broken`))
  })
  return { ...serving, goOn: goOn.resolve, ended }
}

test('one that is to stop lets nobody in, and transfers go on to their end', async () => {
  const { pid, url, goOn, ended, heard, exited, home } = await set()
  process.kill(pid, 'SIGTERM')
  await heard('stopping')
  const refused = connect(Number(new URL(url).port), '127.0.0.1')
  const [error] = await once(refused, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  goOn()
  expect(await ended).toBe('halfmore')
  expect(await exited).toBe(143)
  expect(existsSync(join(home, 'agent.sock'))).toBe(false)
})

test.each([
  { name: 'as the configuration says', config: ['drain_seconds = 0.2'], flags: [] },
  { name: 'as a flag says louder', config: ['drain_seconds = 600'], flags: ['--drain', '0'] },
])('but for so long $name', async ({ config, flags }) => {
  const { pid, ended, exited } = await set(config, flags)
  process.kill(pid, 'SIGTERM')
  expect(await ended).toBe('half, broken')
  expect(await exited).toBe(143)
})

test('a second signal ends it at once, and nothing is left behind', async () => {
  const { pid, ended, heard, exited, home } = await set(['drain_seconds = 600'])
  process.kill(pid, 'SIGTERM')
  await heard('stopping')
  process.kill(pid, 'SIGINT')
  expect(await ended).toBe('half, broken')
  expect(await exited).toBe(130)
  expect(existsSync(join(home, 'agent.sock'))).toBe(false)
})

test('what it is told to do in the middle of a reload, it does', async () => {
  const { pid, goOn, exited, url } = await set()
  expect((await ask(`${url}/livez`)).status).toBe(200)
  process.kill(pid, 'SIGHUP')
  process.kill(pid, 'SIGHUP')
  process.kill(pid, 'SIGTERM')
  goOn()
  expect(await exited).toBe(143)
})

test('one that is told to in the middle of a transfer of the last configuration', async () => {
  const { pid, ended, exited, heard, reload } = await set(['drain_seconds = 0'])
  await reload(...PROXY, 'drain_seconds = 0')
  process.kill(pid, 'SIGTERM')
  await heard('stopping')
  expect(await ended).toBe('half, broken')
  expect(await exited).toBe(143)
})
