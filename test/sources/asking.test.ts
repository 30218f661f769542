import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { answering, type Machine, openMachine } from './machine.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const NOT_FOUND = 'credentials not found in native keychain\n'

/** A machine that asks what lies around, and whose helper `me` is a script around this program. */
function openWrapped(): Machine & { readonly self: string } {
  const machine = openMachine()
  mkdirSync(`${machine.home}/purser`, { mode: 0o700 })
  machine.write(
    'purser/config.toml',
    '[ambient]\nenabled = true\nsources = ["docker", "containers"]\n',
  )
  mkdirSync(`${machine.home}/self`)
  const self = `${machine.home}/self/docker-credential-purser`
  symlinkSync(process.execPath, self)
  machine.write(
    'bin/docker-credential-me',
    `#!/bin/sh\necho "me $1" >> "$RUNS"\nexec "${self}" "${MAIN}" "$@"\n`,
    0o755,
  )
  machine.helper('other', answering('ann', 's'))
  machine.write('.docker/config.json', {
    credHelpers: { 'me.example': 'me', 'other.example': 'other' },
  })
  return { ...machine, self }
}

async function get(machine: ReturnType<typeof openWrapped>, host: string, more = {}) {
  const env = { ...machine.env, PURSER_HOME: `${machine.home}/purser`, ...more }
  const child = spawn(machine.self, [MAIN, 'get'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(host)
  return text(child.stdout)
}

test('a script around ourselves is run once, and does not ask itself', async () => {
  const machine = openWrapped()
  expect(await get(machine, 'me.example')).toBe(NOT_FOUND)
  expect(machine.runs()).toEqual(['me get'])
})

test('who is asked by another helper asks none', async () => {
  const machine = openWrapped()
  expect(await get(machine, 'other.example', { PURSER_ASKING: '1' })).toBe(NOT_FOUND)
  expect(machine.runs()).toEqual([])
  expect(await get(machine, 'other.example')).toContain('"Username":"ann"')
  expect(machine.runs()).toEqual(['other get other.example'])
})
