/** How a secret prints, wherever it is printed. */
const MASK = '[secret]'

/** @see https://nodejs.org/api/util.html#utilinspectcustom for the symbol that is everybody's */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

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

  /**
   * Compares in time that depends on the lengths alone.
   *
   * By hand, since every helper that a client starts loads this file: `node:crypto` for its
   * `timingSafeEqual` would add a fifth to its start-up.
   */
  equals(other: Secret): boolean {
    const a = this.#value
    const b = other.#value
    if (a.length !== b.length) return false
    let difference = 0
    for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
    return difference === 0
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [INSPECT](): string {
    return MASK
  }
}
