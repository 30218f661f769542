import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readWhole } from './clip.ts'
import { startDay } from './day.ts'
import { openBlob } from './nydusd.ts'
import { fetchLayer } from './soci.ts'
import { CHUNK_BYTES, mount } from './stargz.ts'
import type { Place } from './wire.ts'

const MINUTE_MS = 60_000
const MINUTES = 24 * 60
const CHUNKS = 4
const BLOB = randomBytes(CHUNKS * CHUNK_BYTES)

/** Reads another part each time; each is opened once, at the start of the day. */
type Reader = (chunk: number) => Promise<Buffer | undefined>

const READERS: Readonly<Record<string, (blob: Place) => Promise<Reader>>> = {
  async stargz(blob) {
    const layer = await mount(blob)
    return async (chunk) => {
      expect(await layer.check()).toBe(true)
      return (await layer.read([chunk])).get(chunk * CHUNK_BYTES)
    }
  },
  async SOCI(blob) {
    const layer = await fetchLayer(blob)
    return async (chunk) => {
      expect(await layer.check()).toBe(true)
      return layer.readSpan(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES - 1)
    }
  },
  async nydusd({ host, path }) {
    const blob = openBlob({ blob: `http://${host}${path}` })
    return (chunk) => blob.read(chunk * CHUNK_BYTES, CHUNK_BYTES)
  },
  async CLIP(blob) {
    return async (chunk) => {
      const { body } = await readWhole(blob)
      return body.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES)
    }
  },
}

const DAYS = [
  ...Object.keys(READERS).map((reader) => ({ reader, scheme: 'basic' as const })),
  { reader: 'stargz', scheme: 'bearer' as const },
].flatMap((day) => [
  { ...day, redirects: 'pass' as const },
  { ...day, redirects: 'follow' as const },
])

// A login is made anew when a fifth of its twelve hours is left: at 9.6 h and at 19.2 h.
const LOGINS = 3
// A token lives for five minutes.
const TOKENS = MINUTES / 5 + 1
// A URL of an hour is kept for half of that where it is passed on, else until shortly before its end.
const REDIRECTS = { pass: (MINUTES * 2) / 60 + 1, follow: MINUTES / 59 + 1 }
// Who has had one keeps it until it is refused, and comes back then.
const KEPT_BY_CLIENT = MINUTES / 60

describe('a read each minute of a day', () => {
  test.each(DAYS)(
    '$reader, by $scheme, redirects = "$redirects"',
    async (day) => {
      const { reader, scheme, redirects } = day
      const { clock, counts, blob } = await startDay(scheme, redirects, BLOB)
      const read = await READERS[reader]?.(blob)
      for (let minute = 0; minute < MINUTES; minute++) {
        const chunk = (minute * 3) % CHUNKS
        const expected = BLOB.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES)
        expect((await read?.(chunk))?.equals(expected)).toBe(true)
        clock.now += MINUTE_MS
      }
      const keeps = redirects === 'pass' && reader !== 'CLIP'
      expect(counts.logins).toBe(LOGINS)
      expect(counts.tokens).toBeLessThanOrEqual(scheme === 'basic' ? 0 : TOKENS)
      expect(counts.redirects).toBeLessThanOrEqual(keeps ? KEPT_BY_CLIENT : REDIRECTS[redirects])
      expect(counts.refusals).toBe(keeps ? KEPT_BY_CLIENT - 1 : 0)
    },
    120_000,
  )
})
