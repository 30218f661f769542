/**
 * Lets all who ask for the same thing at the same time wait for one who fetches it.
 *
 * One who gives up does not stop the others; when nobody waits any more, the fetch is aborted.
 */
export interface SingleFlight<T> {
  join(key: string, fetch: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
}

interface Flight<T> {
  readonly landing: Promise<T>
  readonly abort: AbortController
  landed: boolean
  waiting: number
}

/** Makes a single flight per key; nothing is kept of one that has landed. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function leave(key: string, flight: Flight<T>): void {
    flight.waiting--
    if (flight.waiting > 0) return
    if (flights.get(key) === flight) flights.delete(key)
    // What is fetched may still be tidying up, as by reading a body to its end.
    if (!flight.landed) flight.abort.abort()
  }

  return {
    async join(key, fetch, signal) {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? start(fetch)
      flights.set(key, flight)
      flight.waiting++
      try {
        return await untilAborted(flight.landing, signal)
      } finally {
        leave(key, flight)
      }
    },
  }
}

function start<T>(fetch: (signal: AbortSignal) => Promise<T>): Flight<T> {
  const abort = new AbortController()
  const landing = fetch(abort.signal).finally(() => {
    flight.landed = true
  })
  const flight: Flight<T> = { landing, abort, landed: false, waiting: 0 }
  return flight
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
