import { createLru } from '../../cache/lru.ts'
import type { Entry } from '../vault.ts'
import { isUnreachable } from './fault.ts'
import type { Watch } from './watch.ts'

/** Caches look-ups, each used until the vault changes, or for as long as the database is away. */
export interface Findings {
  /** @param read - asks the database; also tells the revision that it saw */
  get(question: string, read: () => Promise<Finding>): Promise<readonly Entry[]>
}

/** What the database has answered. */
interface Finding {
  readonly entries: readonly Entry[]
  /** `undefined` if there was no vault. */
  readonly revision: bigint | undefined
}

/** The database, clock and limits of cached look-ups. */
export interface FindingsOptions {
  /** `undefined` in a process that ends with its answer. */
  readonly watch: Pick<Watch, 'mark'> | undefined
  /** Asks which revision is current. */
  revision(): Promise<bigint | undefined>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** More questions than a node's clients ask again and again; each is an entry or two, of 1 KiB. */
const MAX_FINDINGS = 1_000

/**
 * While the database is away, for so long at the most: a login that was made of such an entry lives as
 * long, so an entry that was removed meanwhile is of use here no longer than it would have been anyhow.
 */
const MAX_AGE_MS = 12 * 60 * 60_000

interface Known extends Finding {
  /** The watch's, when it was read. */
  readonly mark: string | undefined
  /** When it was last known to hold. */
  at: number
}

/** Makes an empty cache of look-ups. */
export function createFindings({ watch, revision, now }: FindingsOptions): Findings {
  const known = createLru<Known>(MAX_FINDINGS)

  /** Who is told of changes need not ask; who is not, asks for the revision, which is one row. */
  async function holds(finding: Known): Promise<boolean> {
    const mark = watch?.mark()
    if (mark !== undefined) return mark === finding.mark
    return finding.revision === (await revision())
  }

  async function ask(question: string, read: () => Promise<Finding>): Promise<Known> {
    // Before the look: what changes in between changes the mark, and is looked for again.
    const mark = watch?.mark()
    const finding = { ...(await read()), mark, at: now() }
    known.set(question, finding)
    return finding
  }

  return {
    async get(question, read) {
      const before = known.get(question)
      if (before === undefined) return (await ask(question, read)).entries
      try {
        if (!(await holds(before))) return (await ask(question, read)).entries
        before.at = now()
        return before.entries
      } catch (error) {
        if (!isUnreachable(error) || Math.abs(now() - before.at) > MAX_AGE_MS) throw error
        return before.entries
      }
    },
  }
}
