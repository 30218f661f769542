import { readFileSync } from 'node:fs'
import type { Shipped } from '../test/binary/shipped.ts'
import { AUTHORIZATION, BLOB, BLOB_BYTES, CA_FILE, HOST, type Nginx } from './nginx.ts'
import { type Asked, askAt } from './open-loop.ts'
import { servePurser } from './proxy.ts'
import { median, type Row } from './table.ts'

const PER_SECOND = 1_000
const SECONDS = 4
/** Connections are opened, and TLS is agreed on, straight from the registry as behind a proxy. */
const WARM_UP_SECONDS = 1
const ROUNDS = 5
const RANGE_BYTES = 4_096

/**
 * Asks for small ranges at a steady rate: through Purser, through nginx, and straight from the
 * registry, in turn. What a proxy adds is its time less the straight one, of the same round.
 */
export async function measureLatency(shipped: Shipped, nginx: Nginx): Promise<readonly Row[]> {
  const { port } = await servePurser(shipped, nginx, true)
  const ours = { port, next: requests(`/v2/${HOST}/app/blobs/${BLOB}`, '127.0.0.1') }
  const theirs = { port: nginx.proxyTlsPort, next: requests(`/v2/app/blobs/${BLOB}`, '127.0.0.1') }
  const straight = {
    port: nginx.tlsPort,
    tls: { ca: readFileSync(CA_FILE), servername: HOST },
    next: requests(`/v2/app/blobs/${BLOB}`, HOST, `Authorization: ${AUTHORIZATION}\r\n`),
  }
  const rounds: Round[] = []
  for (let i = 0; i < ROUNDS; i++) {
    rounds.push({
      straight: await times(straight),
      ours: await times(ours),
      theirs: await times(theirs),
    })
  }
  return [...rowsOf('median', rounds, 0.5), ...rowsOf('99 of 100', rounds, 0.99)]
}

type Round = Readonly<Record<'ours' | 'theirs' | 'straight', readonly number[]>>

async function times(asked: Asked): Promise<readonly number[]> {
  const all = await askAt(PER_SECOND, WARM_UP_SECONDS + SECONDS, asked)
  return all.slice(PER_SECOND * WARM_UP_SECONDS).sort((a, b) => a - b)
}

function rowsOf(name: string, rounds: readonly Round[], share: number): readonly Row[] {
  const figure = (of: (round: Round) => number) =>
    ({ value: median(rounds.map(of)), unit: 'ms' }) as const
  const at = (all: readonly number[]) => all[Math.floor(all.length * share)] ?? Number.NaN
  return [
    {
      what: `4 KiB ranges at ${PER_SECOND.toLocaleString('en-GB')}/s, TLS upstream, ${name}`,
      purser: figure(({ ours }) => at(ours)),
      peer: { name: 'straight from it', figure: figure(({ straight }) => at(straight)) },
    },
    {
      what: 'the same, what the proxy adds',
      purser: figure(({ ours, straight }) => at(ours) - at(straight)),
      peer: { name: 'nginx', figure: figure(({ theirs, straight }) => at(theirs) - at(straight)) },
    },
  ]
}

function requests(path: string, host: string, more = ''): () => string {
  return () => {
    const start = Math.floor((Math.random() * BLOB_BYTES) / RANGE_BYTES) * RANGE_BYTES
    const range = `bytes=${start}-${start + RANGE_BYTES - 1}`
    return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nRange: ${range}\r\n${more}\r\n`
  }
}
