import { globSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '../clients/child.ts'
import { BINARY, openShipped, type Shipped } from './shipped.ts'

let shipped: Shipped

beforeEach(async () => {
  shipped = await openShipped()
})

afterEach(() => shipped.stack.disposeAsync())

it.each(['NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE', 'NODE_REDIRECT_WARNINGS', 'SSLKEYLOGFILE'])(
  '%s writes no file',
  async (name) => {
    const place = join(shipped.folder, 'place')
    const env = { [name]: place }
    expect(await shipped.purser(['list'], '', env)).toMatchObject({ status: 0 })
    expect(await shipped.helper('list', '', env)).toEqual({ status: 0, stdout: '{}\n', stderr: '' })
    // Node makes NODE_COMPILE_CACHE's directory before any code of ours runs, and leaves it empty.
    expect(
      globSync('**', { cwd: place, withFileTypes: true }).filter((each) => each.isFile()),
    ).toEqual([])
  },
)

it('a restart without such a variable keeps input, answer and exit code', async () => {
  const env = { NODE_DEBUG: 'https' }
  const login = '{"ServerURL":"ghcr.io","Username":"captain","Secret":"canary"}'
  expect(await shipped.helper('store', login, env)).toEqual({ status: 0, stdout: '', stderr: '' })
  const { stdout } = await shipped.helper('get', 'ghcr.io', env)
  expect(JSON.parse(stdout)).toMatchObject({ Username: 'captain', Secret: 'canary' })
  expect(await shipped.helper('get', 'quay.io', env)).toMatchObject({ status: 1 })
  expect(await shipped.purser(['list', '--jsn'], '', env)).toMatchObject({ status: 2 })
})

it('a log for which the disk has no room is no reason to end', async () => {
  const command = 'exec "$0" list --workspce x 2>/dev/full'
  const env = { PURSER_HOME: shipped.home }
  // The status of the misuse, not that of a program that fell over the telling.
  expect(await run('sh', ['-c', command, BINARY], { env })).toMatchObject({ status: 2 })
})
