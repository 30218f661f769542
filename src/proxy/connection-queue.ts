/** Shares out each origin's connections among the transfers that want one. */
export interface ConnectionQueue {
  /**
   * Adds a transfer that waits for a connection to `origin`.
   *
   * @returns `undefined` if too many wait already
   */
  enter(origin: string, transfer: Transfer): Place | undefined
}

/** What has to be known of a transfer to share connections. */
interface Transfer {
  /** Whether the next byte is the client's to send or to take. */
  isClientsTurn(): boolean
  /** Ends it, because it stands still while others wait. */
  evict(): void
}

/** A transfer's place among the others of its origin. */
interface Place {
  /** It has a connection, or bytes have moved on it. */
  moved(): void
  leave(): void
}

/** The limits by which transfers share connections. */
export interface ConnectionQueueOptions {
  /** How many transfers an origin has connections for. */
  readonly connections: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How many more may wait for one. Default: 1,000. */
  readonly waiting?: number
  /** How long a client may stand still when others wait. Default: 30 s. */
  readonly patienceMs?: number
}

/**
 * A reader that unpacks what it reads pauses for seconds; one that waits for its user for minutes
 * may, as long as nobody else wants its connection.
 */
const PATIENCE_MS = 30_000
/** How often to look for a transfer to evict, while more want a connection than there are. */
const LOOK_MS = 1_000

/**
 * Each holds a connection of its client and some kilobytes. Behind so many, at a registry that answers
 * in 100 ms, one waits for a second; at one that does not answer, for nothing.
 */
const MAX_WAITING = 1_000

interface Member {
  readonly transfer: Transfer
  /** Milliseconds since the epoch; `undefined` while it waits for a connection. */
  movedAt: number | undefined
}

/**
 * Makes an empty queue, which counts the transfers of each origin apart.
 *
 * A client that stops reading holds a connection to the registry for as long as it likes, and as many
 * of them as there are connections would lock everybody else out. So the transfer that has stood
 * still for longest is ended, but only when another one waits.
 */
export function createConnectionQueue(options: ConnectionQueueOptions): ConnectionQueue {
  const { connections, now, waiting = MAX_WAITING, patienceMs = PATIENCE_MS } = options
  const origins = new Map<string, Set<Member>>()
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    timer = undefined
    for (const members of origins.values()) {
      const tooMany = members.size - connections
      if (tooMany > 0) makeRoom(members, tooMany)
    }
  }

  function makeRoom(members: ReadonlySet<Member>, count: number): void {
    const latest = now() - patienceMs
    const still = [...members].filter(
      ({ movedAt = Infinity, transfer }) => movedAt <= latest && transfer.isClientsTurn(),
    )
    still.sort((a, b) => (a.movedAt ?? 0) - (b.movedAt ?? 0))
    for (const { transfer } of still.slice(0, count)) transfer.evict()
    lookSoon()
  }

  function lookSoon(): void {
    if (timer === undefined) timer = setTimeout(look, Math.min(LOOK_MS, patienceMs)).unref()
  }

  function membersOf(origin: string): Set<Member> {
    const known = origins.get(origin)
    if (known !== undefined) return known
    const made = new Set<Member>()
    origins.set(origin, made)
    return made
  }

  return {
    enter(origin, transfer) {
      const members = membersOf(origin)
      if (members.size >= connections + waiting) return undefined
      const member: Member = { transfer, movedAt: undefined }
      members.add(member)
      if (members.size > connections) lookSoon()
      return {
        moved() {
          member.movedAt = now()
        },
        leave() {
          members.delete(member)
          if (members.size === 0 && origins.get(origin) === members) origins.delete(origin)
        },
      }
    },
  }
}
