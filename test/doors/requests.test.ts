import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeRequest } from '../../src/request/load.ts'
import { parseRequest } from '../../src/request/request.ts'
import { malformedRequests } from '../request/malformed.ts'
import { type Doors, openDoors, post, type Told } from './requests.ts'
import { serve } from './serving.ts'

const HOST = 'ghcr.io'
const NAMES = [
  'the helper, by PURSER_REQUEST of a file',
  'the helper, by PURSER_REQUEST',
  'get --request',
  'attach',
  'POST /v1/attach',
]

let doors: Doors

beforeAll(async () => {
  doors = await openDoors(HOST, ['[build_registry]', `host = "${HOST}"`])
})
afterAll(() => doors.close())

const malformed = malformedRequests()

it('there are more than 300 ways to write a request wrongly, no two alike', () => {
  expect(malformed.length).toBeGreaterThan(300)
  expect(new Set(malformed.map(({ body }) => body.toString('latin1'))).size).toBe(malformed.length)
})

describe.each(NAMES)('%s', (door) => {
  const ask = (body: string | Buffer): Promise<Told> => {
    const open = doors.doors[door]
    if (open === undefined) throw new Error('no such door')
    return open(Buffer.from(body))
  }

  it('tells what is wrong with each, by its path, and nothing of what was in it', async () => {
    for (const { name, body, message } of malformed) {
      const { failed, text } = await ask(body)
      expect({ name, failed }).toEqual({ name, failed: true })
      expect(text, name).toMatch(message instanceof RegExp ? message : literal(message))
      expect(text, name).not.toMatch(/S3CRET|internal error/)
    }
  }, 120_000)

  it('takes nothing for a credential that stands where nobody looks', async () => {
    for (const text of [
      '{"__proto__":{"image_credentials":"u:S3CRET"}}',
      '{"constructor":{"prototype":{"image_credentials":"u:S3CRET"}}}',
      '{"build_options":{"__proto__":{"source_image_creds":"u:S3CRET"}}}',
      '{"workspace":{"image_credentials":"u:S3CRET"},"env":["image_credentials=u:S3CRET"]}',
      '{"IMAGE_CREDENTIALS":"u:S3CRET","image-credentials":"u:S3CRET"}',
    ]) {
      const told = await ask(text)
      const isFilling = door.includes('attach')
      expect(told.failed, text).toBe(!isFilling)
      if (!isFilling) expect(told.text).not.toContain('S3CRET')
      expect('image_credentials' in {}).toBe(false)
    }
  })
})

it('no lease is opened for what is no request, and the agent goes on', async () => {
  const { home } = await serve(['[proxy]', 'listen = ["127.0.0.1:0"]'])
  const socket = join(home, 'agent.sock')
  // What a field says is looked at when a login is wanted: a lease may have other use for the rest.
  for (const { name, body, message } of malformed.filter((each) => !isRequest(each.body))) {
    const { failed, text } = await post(socket, '/v1/leases', body)
    expect({ name, failed }).toEqual({ name, failed: true })
    expect(text, name).toMatch(message instanceof RegExp ? message : literal(message))
    expect(text, name).not.toMatch(/S3CRET|internal error/)
  }
  expect((await post(socket, '/v1/leases', Buffer.from('{}'))).failed).toBe(false)
}, 120_000)

function isRequest(body: Buffer): boolean {
  try {
    parseRequest(decodeRequest(body))
    return true
  } catch {
    return false
  }
}

function literal(message: string): RegExp {
  return new RegExp(`(?<![\\w.])${RegExp.escape(message)}(?![\\w.])`)
}
