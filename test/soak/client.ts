import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { BLOB, DIGEST } from './registry.ts'

/** Where clients go, and for how long. */
export interface Errand {
  readonly port: number
  /** What stands before a repository's name. */
  readonly prefix: string
  readonly signal: AbortSignal
}

/** A client reads and writes in turn, and rests a while, as those that unpack what they have got. */
const REST_MS = 1_000

/**
 * Reads whole blobs and ranges, from the registry and from its store, and pushes blobs, by one
 * connection, until the signal.
 *
 * @returns how much it did
 * @throws if anything is not as it must be
 */
export async function keepBusy(errand: Errand, seed: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const jobs = [pullWhole, pullStored, pullRange, push]
  let done = 0
  try {
    // Not all at the same instant.
    await rest(errand, (seed * REST_MS) / 500)
    while (!errand.signal.aborted) {
      await jobs[(seed + done) % jobs.length]?.(errand, agent)
      done++
      await rest(errand, REST_MS)
    }
    return done
  } finally {
    agent.destroy()
  }
}

async function rest({ signal }: Errand, ms: number): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}

function pullWhole(errand: Errand, agent: Agent): Promise<void> {
  return expectBytes(errand, agent, `acme/app/blobs/${DIGEST}`, 0, BLOB.length)
}

function pullStored(errand: Errand, agent: Agent): Promise<void> {
  return expectBytes(errand, agent, `stored/app/blobs/${DIGEST}`, 0, BLOB.length)
}

function pullRange(errand: Errand, agent: Agent): Promise<void> {
  const start = Math.floor(Math.random() * (BLOB.length - 4_096))
  return expectBytes(errand, agent, `stored/app/blobs/${DIGEST}`, start, start + 4_096)
}

async function expectBytes(
  { port, prefix }: Errand,
  agent: Agent,
  path: string,
  start: number,
  end: number,
): Promise<void> {
  const headers = { Range: `bytes=${start}-${end - 1}` }
  const { body } = await ask({ port, agent, method: 'GET', path: `/v2/${prefix}${path}`, headers })
  if (!body.equals(BLOB.subarray(start, end))) throw new Error(`${path}: other bytes`)
}

async function push({ port, prefix }: Errand, agent: Agent): Promise<void> {
  const to = (method: string, path = '', body?: Buffer) => ask({ port, agent, method, path, body })
  const begun = await to('POST', `/v2/${prefix}acme/app/blobs/uploads/`)
  const patched = await to('PATCH', begun.headers.location, BLOB)
  const { location = '' } = patched.headers
  await to('PUT', `${location}${location.includes('?') ? '&' : '?'}digest=${DIGEST}`)
}

interface Asking {
  readonly port: number
  readonly agent: Agent
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
}

type Told = Pick<IncomingMessage, 'headers'> & { readonly body: Buffer }

function ask({ body, ...options }: Asking): Promise<Told> {
  const headers = { ...options.headers, 'Content-Length': String(body?.length ?? 0) }
  return new Promise((resolve, reject) => {
    const req = request({ ...options, host: '127.0.0.1', headers }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        if (!res.complete) return reject(new Error(`${options.method}: broken off`))
        if ((res.statusCode ?? 500) < 300) {
          return resolve({ headers: res.headers, body: Buffer.concat(chunks) })
        }
        return reject(new Error(`${options.method} ${options.path}: ${res.statusCode}`))
      })
    })
    req.on('error', reject).end(body)
  })
}
