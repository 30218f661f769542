import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { serve } from '../../src/doors/serve.ts'

/** `purser serve` in this very process, whose clock a test can set. */
export interface Here {
  /** `http://127.0.0.1:PORT` of the proxy. */
  readonly url: string
}

/** Starts it in a home, where the configuration is; it ends with the test. */
export async function serveHere(home: string): Promise<Here> {
  const stop = new AbortController()
  let told = ''
  const running = serve(
    { listen: [] },
    {
      version: '0',
      args: ['serve'],
      command: ['false'],
      env: { PURSER_HOME: home, PURSER_CACHE: 'off' },
      pid: 1,
      uid: process.geteuid?.(),
      now: () => Date.now(),
      readInput: () => [],
      stdin: () => process.stdin,
      stdinIsTerminal: () => false,
      stdoutIsTerminal: () => false,
      stderrIsTerminal: () => false,
      writeOut() {},
      writeError: (text) => {
        told += text
      },
      killGroup() {},
      signal: stop.signal,
      hurry: stop.signal,
      onHangup() {},
      passSignals() {},
    },
  )
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  let failure: unknown
  running.catch((error: unknown) => {
    failure = error
  })
  for (;;) {
    if (failure !== undefined) throw failure
    const address = /"address":"([^"]+)","msg":"proxy listening"/.exec(told)?.[1]
    if (address !== undefined) return { url: `http://${address}` }
    await delay(10)
  }
}
