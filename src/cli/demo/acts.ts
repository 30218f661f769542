import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import { run, runUntilStopped } from './child.ts'
import { startRegistry } from './registry.ts'
import type { DemoLogin, Stage } from './stage.ts'

const HELPER = 'docker-credential-purser'

const helperAnswer = v.object({ Username: v.string(), Secret: v.string() })

/** Starts the registries, and writes the configuration by which Purser finds them. */
export async function startRegistries(stage: Stage, logins: readonly DemoLogin[]): Promise<void> {
  const lines = ['[proxy]', 'listen = ["127.0.0.1:0"]', '[connect]']
  for (const login of logins) {
    const { host, scheme } = login
    const wants = scheme === 'basic' ? 'a user name and password' : 'bearer tokens'
    await stage.checklist.step(`started ${host}, which wants ${wants}`, async () => {
      const registry = await startRegistry(login)
      stage.atEnd(registry.close)
      lines.push(`"${host}:80" = "127.0.0.1:${registry.port}"`)
      await expectRefusal(registry.port, stage.signal)
    })
  }
  for (const { host } of logins) lines.push('[[upstream]]', `host = "${host}"`, 'tls = false')
  await writeFile(join(stage.home, 'demo.toml'), `${lines.join('\n')}\n`)
}

async function expectRefusal(port: number, signal: AbortSignal): Promise<void> {
  const { status } = await fetch(`http://127.0.0.1:${port}/v2/`, { signal })
  if (status !== 401) throw new PurserError('internal', `the registry let a stranger in: ${status}`)
}

/** Puts a login into the vault; its secret goes in by stdin. */
export async function keepLogin(stage: Stage, login: DemoLogin): Promise<void> {
  const { host, username, password } = login
  const args = ['login', host, '--username', username, '--password-stdin']
  await stage.checklist.step(`purser login ${host} --username ${username} --password-stdin`, () =>
    run({ ...stage.purser(args), input: password.reveal() }),
  )
}

/** Asks as docker does: by another name of this program, with the host on stdin. */
export async function askHelper(stage: Stage, login: DemoLogin): Promise<void> {
  const { host, username, password } = login
  await stage.checklist.step(
    `echo ${host} | ${HELPER} get`,
    async () => {
      const answer = await run({ ...stage.purser(['get']), name: HELPER, input: host })
      const { Username, Secret } = v.parse(helperAnswer, JSON.parse(answer))
      if (Username === username && Secret === password.reveal()) return
      throw new PurserError('internal', `the helper gave another login for ${host}`)
    },
    () => `the login of ${username}`,
  )
}

/** Starts the proxy. @returns where the proxy is, as `localhost:PORT`. */
export async function startProxy(stage: Stage): Promise<string> {
  return stage.checklist.step(
    'purser serve --config demo.toml',
    async () => {
      const call = stage.purser(['serve', '--config', join(stage.home, 'demo.toml')])
      const serving = await runUntilStopped(call, /"address":"127\.0\.0\.1:([0-9]+)"/)
      stage.atEnd(serving.stop)
      return `localhost:${serving.announced}`
    },
    (proxy) => `listens on ${proxy}`,
  )
}

/** Looks for what the vault keeps in the bytes of its files. */
export async function searchVault(stage: Stage, logins: readonly DemoLogin[]): Promise<void> {
  const directory = stage.purserHome
  await stage.checklist.step(
    'the vault shows no secret, no user name and no host name',
    async () => {
      const names = (await readdir(directory)).filter((name) => name.startsWith('vault.db'))
      const bytes = Buffer.concat(
        await Promise.all(names.map((name) => readFile(join(directory, name)))),
      )
      const kept = logins.flatMap(({ host, username, password }) => [
        host,
        username,
        password.reveal(),
        Buffer.from(password.reveal()).toString('base64'),
      ])
      if (bytes.length === 0 || kept.some((text) => bytes.includes(text))) {
        throw new PurserError('internal', 'the vault shows what it should keep to itself')
      }
      return bytes.length
    },
    (length) => `${length} bytes searched`,
  )
}
