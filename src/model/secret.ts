import { timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

/** How a secret prints, wherever it is printed. */
const MASK = '[secret]'

/**
 * A string that cannot be printed by accident.
 *
 * Template literals, `JSON.stringify`, `console.log` and stack traces show `[secret]`. Call
 * {@link Secret.reveal} only where the bytes leave for the place they are meant for.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  get isEmpty(): boolean {
    return this.#value === ''
  }

  /** Compares in time that depends on the lengths alone. */
  equals(other: Secret): boolean {
    const a = Buffer.from(this.#value)
    const b = Buffer.from(other.#value)
    return a.length === b.length && timingSafeEqual(a, b)
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}
