import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { openVault, type VaultOptions } from '../../src/vault/sqlite/vault.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { vaultIn } from './files.ts'

/** A vault's files in a directory of their own, which goes away with the test. */
export function sandbox(): VaultOptions & { readonly root: string; readonly keyPath: string } {
  const root = mkdtempSync(join(tmpdir(), 'purser-vault-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return { root, ...vaultIn(root) }
}

/** Opens a vault that is closed with the test. */
export async function openForTest(options: VaultOptions): Promise<Vault> {
  const vault = await openVault(options)
  onTestFinished(() => vault.close())
  return vault
}

/** A script, run by this Node; killed with the test at the latest. */
export interface Program {
  readonly child: ChildProcessByStdio<null, Readable, null>
  /** What it has said, when it has ended. */
  readonly output: Promise<string>
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

export function start(script: URL, ...args: readonly string[]): Program {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const output = child.stdout.setEncoding('utf8').reduce((all, chunk) => `${all}${chunk}`, '')
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, output, ended }
}
