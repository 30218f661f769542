import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PurserError } from '../../model/errors.ts'
import { askHelper, keepLogin, searchVault, startProxy, startRegistries } from './acts.ts'
import { createChecklist, type Screen } from './checklist.ts'
import { type ImageClient, nameOf, type Reference } from './client.ts'
import { makeImage } from './image.ts'
import { createOwnClient } from './own-client.ts'
import { findPrograms } from './programs.ts'
import { createLogins, type Stage } from './stage.ts'

/** What the demo is run with. */
export interface DemoDeps extends Screen {
  /** The program and leading arguments that start this very program again. */
  readonly command: readonly [string, ...string[]]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
}

/**
 * Shows on this machine, without network or account, what Purser does: logins in the vault, the
 * helper, and an image pushed and pulled through the proxy. Leaves nothing behind.
 *
 * @throws `internal` if a step does not do what it shows
 */
export async function runDemo(deps: DemoDeps): Promise<void> {
  const startedAt = deps.now()
  const closers: (() => Promise<void>)[] = []
  try {
    // buildah makes an image's name of the path, so it must be one: mkdtemp writes upper case too.
    const home = join(tmpdir(), `purser-demo-${randomBytes(8).toString('hex')}`)
    await mkdir(home, { mode: 0o700 })
    closers.unshift(() => rm(home, { recursive: true, force: true }))
    const purserHome = join(home, 'purser')
    const [program, ...leading] = deps.command
    const stage: Stage = {
      checklist: createChecklist(deps),
      home,
      purserHome,
      env: deps.env,
      signal: deps.signal,
      purser: (args) => ({
        program,
        args: [...leading, ...args],
        env: { PURSER_HOME: purserHome },
        signal: deps.signal,
      }),
      atEnd: (close) => closers.unshift(close),
    }
    await play(stage)
  } finally {
    for (const close of closers) await close()
  }
  const seconds = ((deps.now() - startedAt) / 1000).toFixed(1)
  deps.writeOut(`Done in ${seconds} s, and nothing is left behind.\n`)
}

async function play(stage: Stage): Promise<void> {
  const logins = createLogins()
  const { heading } = stage.checklist

  heading('Two registries on this machine')
  await startRegistries(stage, logins)

  heading('The vault, and the helper that docker asks')
  for (const login of logins) await keepLogin(stage, login)
  for (const login of logins) await askHelper(stage, login)

  heading('The proxy, for clients that know no login')
  const proxy = await startProxy(stage)
  for (const client of await findClients(stage)) {
    for (const { host } of logins) {
      await pushAndPull(stage, client, { proxy, repository: `${host}/hello`, tag: client.name })
    }
  }

  heading('What is on disk')
  await searchVault(stage, logins)
}

async function findClients(stage: Stage): Promise<readonly ImageClient[]> {
  const { checklist, home: directory, signal, env } = stage
  const image = makeImage('Purser keeps the papers.\n')
  return checklist.step(
    'looked for clients',
    async () => {
      const programs = await findPrograms({ directory, image, env, signal })
      for (const { close } of programs) stage.atEnd(close)
      return programs.length > 0 ? programs : [createOwnClient(image, signal)]
    },
    (clients) => clients.map(({ name }) => name).join(', '),
  )
}

async function pushAndPull(
  { checklist }: Stage,
  client: ImageClient,
  reference: Reference,
): Promise<void> {
  const name = nameOf(reference)
  const pushed = await checklist.step(`${client.name} pushed ${name}`, () => client.push(reference))
  await checklist.step(
    `${client.name} pulled it again, and got the same`,
    async () => {
      const pulled = await client.pull(reference)
      if (pulled === pushed) return pulled
      throw new PurserError('internal', `${name} came back as another image`)
    },
    (digest) => digest.replace(/^(?:sha256:)?(.{12}).*$/, '$1'),
  )
}
