import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { PurserError } from '../../src/model/errors.ts'
import { type Home, homeAt, login, never, openHome } from './home.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** A home that goes away with the test. */
export function homeForTest() {
  const root = mkdtempSync(join(tmpdir(), 'purser-logins-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return homeAt(root)
}

/** A cloud that counts, and processes of one home that ask it. */
export function machine() {
  const home = homeForTest()
  let at = Date.now()
  let exchanges = 0
  let failure: PurserError | undefined
  const open = (options = {}) => openHome(home, { now: () => at, ...options })
  type Process = ReturnType<typeof open>
  const produce = async () => {
    exchanges++
    if (failure !== undefined) throw failure
    const expiresAt = new Date(at + 12 * HOUR)
    return { value: login(`minted-${exchanges}`, expiresAt), expiresAt }
  }
  return {
    home,
    open,
    produce,
    exchanges: () => exchanges,
    /** What a process answers, with or without the cloud. */
    ask: async (process: Process, key = 'slot') =>
      (await process.cache.get(key, produce, never))?.secret.reveal(),
    pass: (ms: number) => {
      at += ms
    },
    fail: (error: PurserError | undefined) => {
      failure = error
    },
  }
}

/** The one file of a home with one slot. */
export function slotFile({ directory }: Home): string {
  const [name, ...others] = readdirSync(directory)
  expect(others).toEqual([])
  return join(directory, name ?? '')
}

export const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8)
