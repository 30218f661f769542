/** Whose login is kept where. */
export interface SlotKey {
  /** The kind of registry. */
  readonly registry: string
  /** What there one login is good for. */
  readonly audience: string
  /** Stands for the credential. */
  readonly identity: string
  /**
   * What a credential of the machine is read from; `undefined` of one that holds what it needs, and so is
   * the same on every machine.
   */
  readonly machine: string | undefined
}

/** The key of a slot. JSON keeps the parts apart: a mark holds whatever stands in a variable. */
export function slotKey({ registry, audience, identity, machine }: SlotKey): string {
  return JSON.stringify([registry, audience, identity, machine])
}

/** Whether a slot's login is of the identity of this machine, which another one may not have. */
export function isOfThisMachine(key: string): boolean {
  return !key.endsWith(',null]')
}
