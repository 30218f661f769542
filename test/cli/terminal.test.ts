import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const SCRIPT = '/usr/bin/script'
const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** Runs purser at a terminal of its own, and answers each question when it is asked. */
async function atTerminal(args: readonly string[], answers: Readonly<Record<string, string>>) {
  const home = mkdtempSync(join(tmpdir(), 'purser-t-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const command = [process.execPath, '--no-warnings', MAIN, ...args].join(' ')
  const child = spawn(SCRIPT, ['-qefc', command, '/dev/null'], {
    env: { PURSER_HOME: home, NO_COLOR: '1', PATH: '/usr/bin:/bin', SHELL: '/bin/sh' },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let shown = ''
  const open = new Map(Object.entries(answers))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    for (const [question, answer] of open) {
      if (!shown.includes(question)) continue
      open.delete(question)
      child.stdin.write(answer)
    }
  })
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, shown }
}

test.skipIf(!existsSync(SCRIPT))('a password typed at a terminal is not shown', async () => {
  const login = await atTerminal(['login', 'quay.io'], {
    'Username: ': 'captain\r',
    'Password: ': 'canary\r',
  })
  expect(login.shown.replaceAll('\r', '')).toBe(
    'Username: captain\nPassword: \npurser: stored a basic credential for quay.io in workspace default\n',
  )
  expect(login.code).toBe(0)
})
