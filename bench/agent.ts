import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Shipped } from '../test/binary/shipped.ts'
import { ECR_HOST, loginToEcr, startAmazon } from './amazon.ts'
import type { Row } from './table.ts'

/** As many helpers as a node's clients start at a time; each sends its next question when answered. */
const CONNECTIONS = 8
const WARM_UP_MS = 2_000
const MEASURED_MS = 5_000

/** Loads the agent over its socket with questions for a login that it has in its cache. */
export async function measureAgent(shipped: Shipped): Promise<readonly Row[]> {
  await loginToEcr(shipped)
  const amazon = await startAmazon(shipped)
  const { pid } = await shipped.serve([], { PURSER_LOG: 'info', ...amazon.env })
  const socket = join(shipped.home, 'agent.sock')
  const question = {
    vault: join(shipped.home, 'vault.db'),
    workspace: 'default',
    host: ECR_HOST,
    action: 'pull',
  }
  const { perSecond, perCpuSecond } = await measureLoad(pid, socket, {
    path: '/v1/login',
    body: JSON.stringify(question),
  })
  return [
    { what: "logins from the agent's cache", purser: { value: perSecond, unit: '/s' } },
    { what: 'the same, by a second of its processor', purser: { value: perCpuSecond, unit: '/s' } },
  ]
}

/** How many answers an agent gives to one question that is asked over and over. */
export async function measureLoad(
  pid: number,
  socket: string,
  question: Question,
): Promise<{ readonly perSecond: number; readonly perCpuSecond: number }> {
  const load = startLoad(socket, question)
  try {
    await pass(WARM_UP_MS)
    const [count, cpuMs, at] = [load.answers(), cpuTimeOf(pid), performance.now()]
    await pass(MEASURED_MS)
    const answers = load.answers() - count
    const perSecond = (answers * 1000) / (performance.now() - at)
    return { perSecond, perCpuSecond: (answers * 1000) / (cpuTimeOf(pid) - cpuMs) }
  } finally {
    load.stop()
  }
}

interface Question {
  readonly path: string
  readonly body: string
}

/**
 * Asks on all connections at once.
 *
 * @throws from `answers` if there was any answer but the first one's like
 */
function startLoad(socket: string, { path, body }: Question) {
  const head = `POST ${path} HTTP/1.1\r\nHost: agent\r\nContent-Length: ${Buffer.byteLength(body)}`
  const request = Buffer.from(`${head}\r\n\r\n${body}`)
  let count = 0
  let fault: string | undefined
  const clients = Array.from({ length: CONNECTIONS }, () => {
    const client = connect(socket)
    let missing: number | undefined
    client.on('data', (chunk: Buffer) => {
      missing ??= lengthOf(chunk)
      missing -= chunk.length
      if (missing > 0) return
      if (missing < 0) fault = 'more bytes than one answer has'
      missing = undefined
      count++
      client.write(request)
    })
    client.on('error', ({ message }) => {
      fault = message
    })
    client.write(request)
    return client
  })

  /** An answer's head comes in one piece, or the figure would be of something else. */
  function lengthOf(head: Buffer): number {
    const text = head.toString('latin1', 0, 4_096)
    const end = text.indexOf('\r\n\r\n') + 4
    const length = /\r\ncontent-length: ([0-9]+)\r\n/i.exec(text)?.[1]
    if (!text.startsWith('HTTP/1.1 200 ') || length === undefined) fault = text.split('\r\n')[0]
    return end + Number(length)
  }

  return {
    answers() {
      if (fault !== undefined) throw new Error(`the agent's answer: ${fault}`)
      return count
    },
    stop() {
      for (const client of clients) client.destroy()
    },
  }
}

/** User and system time of a process, in milliseconds. */
function cpuTimeOf(pid: number): number {
  // Fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces, and ends with `)`.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
