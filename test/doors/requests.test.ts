import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { malformedRequests } from '../request/malformed.ts'
import { type Doors, openDoors, type Told } from './requests.ts'

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

function literal(message: string): RegExp {
  return new RegExp(`(?<![\\w.])${RegExp.escape(message)}(?![\\w.])`)
}
