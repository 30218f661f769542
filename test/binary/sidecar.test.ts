import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDaemon } from '../clients/child.ts'
import { BINARY, openShipped, type Shipped } from './shipped.ts'

const REQUEST =
  '{"image_credentials":"{\\"registry\\":\\"ghcr.io\\",\\"credentials\\":{\\"GITHUB_TOKEN\\":\\"t\\"}}"}'

describe('purser serve for one request', () => {
  let shipped: Shipped

  beforeAll(async () => {
    shipped = await openShipped()
  })
  afterAll(() => shipped.stack.disposeAsync())

  it('lends its credentials to no other process of the user', async () => {
    const file = join(shipped.folder, 'request.json')
    await writeFile(file, REQUEST)
    await startDaemon(
      shipped.stack,
      [BINARY, 'serve', '--listen', '127.0.0.1:0', '--request', file],
      { PURSER_HOME: shipped.home, PATH: '/usr/bin:/bin' },
      (said) => (said.includes('proxy listening') ? true : undefined),
    )
    expect(existsSync(join(shipped.home, 'agent.sock'))).toBe(false)
    const own = await shipped.helper('get', 'ghcr.io', { PURSER_REQUEST: file })
    expect(JSON.parse(own.stdout)).toMatchObject({ Username: 'x-access-token', Secret: 't' })
    const other = await shipped.helper('get', 'ghcr.io')
    expect(other).toMatchObject({
      status: 1,
      stdout: 'credentials not found in native keychain\n',
    })
  })
})
