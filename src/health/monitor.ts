import { describeError } from '../model/errors.ts'
import type { Log } from '../observe/log.ts'
import type { Checker } from './check.ts'
import { forEachFew } from './concurrency.ts'
import { eventOf, type HealthEvent } from './event.ts'
import { keyOf, type Subject } from './subject.ts'
import type { Verdict } from './verdict.ts'

/** How an entry stood when it was last checked. */
export interface Standing {
  readonly subject: Subject
  readonly verdict: Verdict
  readonly checkedAt: Date
  /** Since when it has been in this state. */
  readonly since: Date
}

/** Watches over entries. */
export interface Monitor {
  /** Checks what is due; what still runs of an earlier call is left to that. */
  tick(): Promise<void>
  /** In the order of the entries; none of those that were never checked. */
  standings(): readonly Standing[]
  close(): Promise<void>
}

/** What is watched, how often, and who hears of a change. */
export interface MonitorOptions {
  subjects(): Promise<readonly Subject[]>
  readonly checker: Checker
  readonly intervalMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** At least 0, below 1. */
  readonly random: () => number
  readonly log: Log
  onChange?(event: HealthEvent): void
}

/** More than anybody looks after: each costs a registry a question. */
const MAX_WATCHED = 1_000
/** Few, since nobody waits for it. */
const AT_ONCE = 4

/** Checks are spread over a tenth of the interval either way, so that they do not all come at once. */
const JITTER = 0.1
/** The first check of an entry, and of what has changed, is soon. */
const SOON_MS = 10_000
/** A machine that wakes up has no network yet; then all that is due comes over a minute. */
const WAKE_MS = 20_000
const WAKE_SPREAD_MS = 60_000

const MIN_TICK_MS = 1_000
const MAX_TICK_MS = 30_000

/** How often a monitor looks whether something is due. */
export function tickMsOf(intervalMs: number): number {
  return Math.min(Math.max(intervalMs / 20, MIN_TICK_MS), MAX_TICK_MS)
}

interface Watched {
  subject: Subject
  /** Milliseconds since the epoch. */
  dueAt: number
  running: boolean
  standing: Standing | undefined
}

/**
 * Makes a monitor. It remembers in memory alone: after a start, an entry that is valid is no news, and
 * one that is not is told again.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const { subjects, checker, intervalMs, now, random, log } = options
  const watched = new Map<string, Watched>()
  const stop = new AbortController()
  const ticks = new Set<Promise<void>>()
  let lastTick: number | undefined
  let complaint: string | undefined

  function jittered(): number {
    return intervalMs * (1 - JITTER + 2 * JITTER * random())
  }

  /** Takes in what has been added, changed and removed; whatever changed is due soon. */
  function adopt(found: readonly Subject[], at: number): void {
    const current = new Map(limited(found).map((subject) => [keyOf(subject), subject]))
    for (const key of watched.keys()) if (!current.has(key)) watched.delete(key)
    for (const [key, subject] of current) {
      const known = watched.get(key)
      const soon = at + SOON_MS * random()
      if (known === undefined) {
        watched.set(key, { subject, dueAt: soon, running: false, standing: undefined })
      } else if (known.subject.version !== subject.version) {
        known.subject = subject
        known.dueAt = Math.min(known.dueAt, soon)
      }
    }
  }

  function limited(found: readonly Subject[]): readonly Subject[] {
    if (found.length > MAX_WATCHED) {
      complain('too many entries to watch', `${found.length}, of which ${MAX_WATCHED} are watched`)
    }
    return found.slice(0, MAX_WATCHED)
  }

  /** Says once what it would have to say at every tick. */
  function complain(event: string, error: string): void {
    if (error !== complaint) log.error(event, { error })
    complaint = error
  }

  /** Timers stand still while a machine sleeps, and its clock may be set. */
  function adjust(at: number): void {
    const slept = lastTick !== undefined && at - lastTick > 4 * tickMsOf(intervalMs)
    lastTick = at
    for (const each of watched.values()) {
      if (slept && each.dueAt <= at) each.dueAt = at + WAKE_MS + WAKE_SPREAD_MS * random()
      // After a clock that was set back, it would be due when that time comes again.
      each.dueAt = Math.min(each.dueAt, at + intervalMs * (1 + JITTER) + WAKE_MS + WAKE_SPREAD_MS)
    }
  }

  async function checkOne(each: Watched): Promise<void> {
    const { subject } = each
    const verdict = await checker.check(subject, stop.signal)
    const at = now()
    // Changed meanwhile: it was another one that was checked.
    if (each.subject !== subject) return
    each.dueAt = at + jittered()
    if (watched.get(keyOf(subject)) !== each) return
    const before = each.standing
    const changed = before?.verdict.state !== verdict.state
    each.standing = {
      subject,
      verdict,
      checkedAt: new Date(at),
      since: before === undefined || changed ? new Date(at) : before.since,
    }
    if (changed && (before !== undefined || verdict.state !== 'valid')) {
      announce(eventOf(subject, before?.verdict.state, verdict, at))
    }
  }

  function announce(event: HealthEvent): void {
    const { to, from, hint, expiresAt, ...rest } = event
    const fields = { ...rest, from: from ?? undefined, to, hint: hint ?? undefined }
    if (to === 'valid') log.info('entry is valid again', fields)
    else log.warn(`entry is ${to}`, fields)
    options.onChange?.(event)
  }

  async function run(): Promise<void> {
    try {
      adopt(await subjects(), now())
      const at = now()
      adjust(at)
      const due = [...watched.values()].filter((each) => !each.running && each.dueAt <= at)
      for (const each of due) each.running = true
      await forEachFew(due, AT_ONCE, async (each) => {
        await checkOne(each).finally(() => {
          each.running = false
        })
      })
    } catch (error) {
      if (!stop.signal.aborted) complain('cannot check', describeError(error))
    }
  }

  return {
    async tick() {
      if (stop.signal.aborted) return
      const tick = run()
      ticks.add(tick)
      await tick.finally(() => ticks.delete(tick))
    },
    standings: () => [...watched.values()].flatMap(({ standing }) => standing ?? []),
    async close() {
      stop.abort()
      await Promise.all(ticks)
    },
  }
}
