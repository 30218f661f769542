import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemCode } from '../../src/model/errors.ts'

/** A home with what clients leave there, and helpers that are real programs. */
export interface Machine {
  readonly home: string
  readonly bin: string
  readonly env: Readonly<Record<string, string>>
  /** Writes a file below the home. @returns its path */
  write(path: string, content: unknown, mode?: number): string
  /** Makes `docker-credential-NAME` of a shell script. @returns its path */
  helper(name: string, script: string): string
  /** How often helpers were run, and with what. */
  runs(): readonly string[]
}

export function openMachine(): Machine {
  const home = mkdtempSync(join(tmpdir(), 'purser-ambient-'))
  const bin = join(home, 'bin')
  const log = join(home, 'runs')
  mkdirSync(bin)
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))

  function write(path: string, content: unknown, mode = 0o600): string {
    const full = join(home, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, typeof content === 'string' ? content : JSON.stringify(content))
    chmodSync(full, mode)
    return full
  }

  return {
    home,
    bin,
    env: { HOME: home, PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin`, RUNS: log },
    write,
    helper: (name, script) =>
      write(
        `bin/docker-credential-${name}`,
        `#!/bin/sh\nURL=$(cat)\necho "${name} $1 $URL" >> "$RUNS"\n${script}\n`,
        0o755,
      ),
    runs() {
      try {
        return readFileSync(log, 'utf8').split('\n').slice(0, -1)
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return []
        throw error
      }
    },
  }
}

/** What a helper prints that knows a login. */
export function answering(username: string, secret: string): string {
  return `cat <<END\n${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}\nEND`
}

/** `user:password` as `auth` has it. */
export function auth(text: string): { readonly auth: string } {
  return { auth: Buffer.from(text).toString('base64') }
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}
