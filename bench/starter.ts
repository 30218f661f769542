import type { Environment } from '../test/clients/child.ts'

/** A program that reads its input, answers and ends. */
export interface Starter {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly input: string
  readonly env: Environment
}
