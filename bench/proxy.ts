import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Serving, Shipped } from '../test/binary/shipped.ts'
import { runOk } from '../test/clients/child.ts'
import { BLOB, BLOB_BYTES, CA_FILE, HOST, type Nginx, startBare } from './nginx.ts'
import { type Figure, median, type Row } from './table.ts'

const RANGE_BYTES = 4096
/** As many as a lazy mounter's readers. */
const CONNECTIONS = 16
const SECONDS = 4
const ROUNDS = 3

/** Ranges that no cache but the kernel's has just seen. */
const RANGES = `
math.randomseed(1)
request = function()
  local start = math.random(0, ${BLOB_BYTES / RANGE_BYTES - 1}) * ${RANGE_BYTES}
  return wrk.format(nil, nil, { Range = "bytes=" .. start .. "-" .. start + ${RANGE_BYTES - 1} })
end`

/** @returns the `purser serve` that stands before nginx, plain or by TLS. */
export function servePurser(shipped: Shipped, nginx: Nginx, tls: boolean): Promise<Serving> {
  return shipped.serve(
    [
      '[[upstream]]',
      `host = "${HOST}"`,
      `tls = ${tls}`,
      '[tls]',
      `ca = ["${CA_FILE}"]`,
      '[connect]',
      `"${HOST}:${tls ? 443 : 80}" = "127.0.0.1:${tls ? nginx.tlsPort : nginx.plainPort}"`,
    ],
    // What `purser serve` says unless told otherwise: a line for each request.
    { PURSER_LOG: 'info' },
  )
}

/** Loads both proxies in turn, with small ranges and with whole blobs. */
export async function measureProxy(
  shipped: Shipped,
  nginx: Nginx,
  tls: boolean,
): Promise<readonly Row[]> {
  const script = join(shipped.folder, 'ranges.lua')
  await writeFile(script, RANGES)
  const { port } = await servePurser(shipped, nginx, tls)
  const ours = `http://127.0.0.1:${port}/v2/${HOST}/app/blobs/${BLOB}`
  const peerPort = tls ? nginx.proxyTlsPort : nginx.proxyPlainPort
  const theirs = `http://127.0.0.1:${peerPort}/v2/app/blobs/${BLOB}`
  const upstream = tls ? 'TLS upstream' : 'plain upstream'
  const nginxPeer = { name: 'nginx, one worker,', url: theirs }
  const ranges = (peer: Peer) =>
    compare(
      `4 KiB ranges, ${upstream}`,
      ours,
      peer,
      ['-c', String(CONNECTIONS), '-s', script],
      readRate,
    )
  const rows = [await ranges(nginxPeer)]
  if (tls) {
    const url = `http://127.0.0.1:${await startBare(shipped, nginx)}/v2/app/blobs/${BLOB}`
    rows.push(await ranges({ name: '`node:http` and undici alone,', url }))
  }
  rows.push(
    await compare(`512 MiB blobs, ${upstream}`, ours, nginxPeer, ['-c', '1'], readThroughput),
  )
  return rows
}

interface Peer {
  readonly name: string
  readonly url: string
}

async function compare(
  what: string,
  ours: string,
  peer: Peer,
  args: readonly string[],
  read: (output: string) => Figure,
): Promise<Row> {
  const all: { ours: Figure[]; theirs: Figure[] } = { ours: [], theirs: [] }
  for (let round = 0; round < ROUNDS; round++) {
    all.ours.push(read(await wrk(ours, args)))
    all.theirs.push(read(await wrk(peer.url, args)))
  }
  return {
    what,
    purser: middle(all.ours),
    peer: { name: peer.name, figure: middle(all.theirs) },
  }
}

function middle(figures: readonly Figure[]): Figure {
  return { value: median(figures.map(({ value }) => value)), unit: figures[0]?.unit ?? '/s' }
}

async function wrk(url: string, args: readonly string[]): Promise<string> {
  const output = await runOk('wrk', ['-t', '1', '-d', `${SECONDS}s`, ...args, url], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  })
  // Refusals are fast: a figure with one of them in it is none.
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${url}: ${output}`)
  return output
}

function readRate(output: string): Figure {
  return { value: Number(/Requests\/sec:\s+([0-9.]+)/.exec(output)?.[1]), unit: '/s' }
}

const MIB_PER = { KB: 1 / 1024, MB: 1, GB: 1024 } as const

function readThroughput(output: string): Figure {
  const [, amount, unit] = /Transfer\/sec:\s+([0-9.]+)([KMG]B)/.exec(output) ?? []
  const factor = unit === 'GB' || unit === 'MB' || unit === 'KB' ? MIB_PER[unit] : Number.NaN
  return { value: Number(amount) * factor, unit: 'MiB/s' }
}
