import { ageOf, type Clock } from '../cache/lifetime.ts'
import type { LoginSlot } from './slot-text.ts'

/**
 * A slot whose times count from the moment at which it is kept, and are negative.
 *
 * @returns with a life that has no end without its value: its age is not known
 */
export function detached(slot: LoginSlot, clock: Clock): LoginSlot {
  const ageMs = slot.kept === undefined ? 0 : ageOf(slot.kept, clock)
  const { kept, ...rest } = slot
  if (kept === undefined || !Number.isFinite(ageMs)) {
    return moved({ ...rest, kept: undefined }, -clock.now(), 0)
  }
  // By the greater age of the two that the clocks tell.
  const [bornAt, bornUptime] = [clock.now() - ageMs, clock.uptime() - ageMs]
  return moved({ ...rest, kept: { ...kept, bornAt, bornUptime } }, -clock.now(), -clock.uptime())
}

/**
 * The same slot by the clocks of this machine.
 *
 * @param keptMs - how long it has been kept, by whose clock does not matter as long as it is one
 */
export function attached(slot: LoginSlot, keptMs: number, clock: Clock): LoginSlot {
  return moved(slot, clock.now() - keptMs, clock.uptime() - keptMs)
}

function moved(slot: LoginSlot, wallMs: number, uptimeMs: number): LoginSlot {
  const { kept, exchanges, madeBy, failure, changedAt } = slot
  return {
    kept: kept && {
      ...kept,
      bornAt: kept.bornAt + wallMs,
      bornUptime: kept.bornUptime + uptimeMs,
    },
    exchanges: exchanges.map((at) => at + wallMs),
    madeBy: madeBy === undefined ? undefined : madeBy + wallMs,
    failure: failure && { ...failure, at: failure.at + wallMs },
    changedAt: changedAt + wallMs,
  }
}
