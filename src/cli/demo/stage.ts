import { randomBytes } from 'node:crypto'
import { Secret } from '../../model/secret.ts'
import type { Checklist } from './checklist.ts'
import type { Call } from './child.ts'
import type { GateOptions } from './gate.ts'

/** The demo while it runs. */
export interface Stage {
  readonly checklist: Checklist
  /** A directory of its own, which goes when the demo ends. */
  readonly home: string
  /** Purser's own home, in it. */
  readonly purserHome: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** This very program, with arguments. */
  purser(args: readonly string[]): Call
  /** Is done when the demo ends, however it does; the latest first. */
  atEnd(close: () => Promise<void>): void
}

/** A login made up for one run, and the registry that wants it. */
export type DemoLogin = GateOptions

/** One login for each way in which registries want one. */
export function createLogins(): readonly DemoLogin[] {
  // Names that no resolver knows (RFC 2606): without `[connect]`, nobody gets there.
  return [createLogin('basic', 'basic.demo.example'), createLogin('bearer', 'bearer.demo.example')]
}

function createLogin(scheme: DemoLogin['scheme'], host: string): DemoLogin {
  return {
    scheme,
    host,
    username: `demo-${randomBytes(6).toString('hex')}`,
    password: new Secret(randomBytes(24).toString('base64url')),
  }
}
