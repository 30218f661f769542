import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { startAgent } from '../../src/agent/server.ts'
import { createApp, type Runtime } from '../../src/app.ts'
import { openAttach } from '../../src/doors/attach.ts'
import { runCliDoor } from '../../src/doors/cli.ts'
import { runHelperDoor } from '../../src/doors/helper.ts'
import { silentLog } from '../../src/observe/log.ts'

/** What a door said to a request. */
export interface Told {
  readonly failed: boolean
  /** All that it wrote. */
  readonly text: string
}

/** The doors by which container requests come in, in one home without credentials. */
export interface Doors {
  /** By what they are called. */
  readonly doors: Readonly<Record<string, (body: Buffer) => Promise<Told>>>
  close(): Promise<void>
}

/** Opens every door that takes requests; those that log in are asked for one host. */
export async function openDoors(host: string, config: readonly string[]): Promise<Doors> {
  const home = mkdtempSync(join(tmpdir(), 'purser-r-'))
  writeFileSync(join(home, 'config.toml'), config.join('\n'))
  const file = join(home, 'request.json')
  const env = { PURSER_HOME: home, PURSER_SOCKET: '', PURSER_CACHE: 'off' }

  async function run(
    door: (runtime: Runtime) => Promise<number>,
    { args, input = '', env: more = {} }: Program,
  ): Promise<Told> {
    let told = ''
    const code = await door({
      ...{
        version: '0',
        args,
        command: ['purser'],
        env: { ...env, ...more },
        pid: 1,
        now: Date.now,
      },
      uid: process.geteuid?.(),
      readInput: () => [Buffer.from(input)],
      stdin: () => Readable.from([Buffer.from(input)]) as unknown as NodeJS.ReadStream,
      stdinIsTerminal: () => false,
      stdoutIsTerminal: () => false,
      stderrIsTerminal: () => false,
      writeOut: (written) => {
        told += written
      },
      writeError: (written) => {
        told += written
      },
      killGroup() {},
      signal: new AbortController().signal,
      hurry: new AbortController().signal,
      onHangup() {},
      passSignals() {},
    })
    return { failed: code !== 0, text: told }
  }
  const helper = (where: string) =>
    run(runHelperDoor, { args: ['get'], input: `${host}\n`, env: { PURSER_REQUEST: where } })

  const uid = process.geteuid?.() ?? 0
  const socketPath = join(home, 'agent.sock')
  const app = createApp({
    ...{ env, uid, now: Date.now, command: ['purser'], signal: new AbortController().signal },
    stdin: () => process.stdin,
    stdinIsTerminal: () => false,
    stdoutIsTerminal: () => false,
    stderrIsTerminal: () => false,
    writeError() {},
    killGroup() {},
  })
  const agent = await startAgent({
    ...{ socket: socketPath, uid, vault: 'v', log: silentLog, status: () => ({}) },
    resolver: await app.ownResolver(),
    attach: await openAttach(app),
  })
  return {
    doors: {
      'the helper, by PURSER_REQUEST of a file': (body) => {
        writeFileSync(file, body)
        return helper(file)
      },
      'the helper, by PURSER_REQUEST': (body) => {
        const json = body.toString('utf8')
        // What is no JSON there is a path, and what is no text or too long no system passes on.
        const isPassed = json.trimStart().startsWith('{') && Buffer.from(json).equals(body)
        if (isPassed) return helper(json)
        writeFileSync(file, body)
        return helper(file)
      },
      'get --request': (body) =>
        run(runCliDoor, { args: ['get', host, '--request', '-'], input: body }),
      attach: (body) => run(runCliDoor, { args: ['attach'], input: body }),
      'POST /v1/attach': (body) => post(socketPath, '/v1/attach', body),
    },
    async close() {
      await agent.close()
      await app.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

interface Program {
  readonly args: readonly string[]
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
}

/** Sends a request to an agent. */
export function post(socketPath: string, path: string, body: Buffer): Promise<Told> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method: 'POST', path, agent: false })
    asked.once('error', reject).once('response', async (response) => {
      const told = await text(response)
      resolve({
        failed: (response.statusCode ?? 500) >= 400,
        text: `${told} ${response.headers['purser-fields'] ?? ''}`,
      })
    })
    asked.end(body)
  })
}
