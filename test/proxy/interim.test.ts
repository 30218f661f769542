import { createServer } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { listen, stop } from '../fakes/http.ts'
import { ask, errorOf, runProxy, upstreamAt } from './harness.ts'

/** Reads of a registry that says so many times that it is about to answer. */
async function readAfter(times: number) {
  let told = 0
  const server = createServer((_, res) => {
    const tell = () => {
      if (res.destroyed) return
      if (told++ === times) res.end('{}')
      else res.writeEarlyHints({ link: '</x>; rel=preload' }, () => setImmediate(tell))
    }
    tell()
  })
  const port = await listen(server)
  onTestFinished(() => stop(server))
  const own = upstreamAt(`127.0.0.1:${port}`)
  const proxy = await runProxy([own], { own })
  return { told: () => told, answer: await ask(`${proxy.url}/v2/acme/app/manifests/v1`) }
}

test('a registry may say for a while that it is about to answer', async () => {
  expect((await readAfter(100)).answer).toMatchObject({ status: 200 })
})

test('and is not waited for if it says so for ever', async () => {
  const { answer, told } = await readAfter(5_000)
  expect(answer.status).toBe(502)
  expect(errorOf(answer).message).toContain('no answer from 127.0.0.1')
  expect(told()).toBeLessThan(5_000)
})
