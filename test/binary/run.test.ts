import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BINARY, openShipped, type Shipped } from './shipped.ts'

const REQUEST = JSON.stringify({
  image_credentials: JSON.stringify({ registry: 'ghcr.io', GITHUB_TOKEN: 'canary-7' }),
  workspace: { signing_key: 'canary-8' },
})

let shipped: Shipped
let request: string

beforeEach(async () => {
  shipped = await openShipped()
  await mkdir(shipped.home, { mode: 0o700 })
  request = join(shipped.folder, 'request.json')
  await writeFile(request, REQUEST)
})

afterEach(() => shipped.stack.disposeAsync())

/** Runs a shell's script with a lease. */
const shell = (script: string, input = '') =>
  shipped.purser(['run', '--request', request, '--', 'sh', '-c', script, 'sh', '--flag'], input)

describe('purser run', () => {
  it('lets the helper answer for the request, by the lease, until the command ends', async () => {
    await shipped.serve([])
    const helper = join(dirname(BINARY), 'docker-credential-purser')
    const script = `echo "$PURSER_REQUEST"; echo ghcr.io | ${helper} get`
    const { status, stdout, stderr } = await shell(script)
    expect([status, stderr]).toEqual([0, ''])
    const [lease = '', answer = ''] = stdout.split('\n')
    expect(JSON.parse(answer)).toEqual({
      ServerURL: 'ghcr.io',
      Username: 'x-access-token',
      Secret: 'canary-7',
    })
    const after = await shipped.helper('get', 'ghcr.io', { PURSER_REQUEST: lease })
    expect(after).toMatchObject({
      status: 1,
      stdout: 'there is no such lease, or it has ended (open another one for the container)\n',
    })
    expect(readdirSync(join(shipped.home, 'clients'))).toEqual([])
    expect(readdirSync(join(shipped.home, 'leases'))).toEqual([])
  })

  it('gives the command the proxy, its files and no credential', async () => {
    const { port } = await shipped.serve([])
    const { stdout } = await shell(
      'env; cat "$DOCKER_CONFIG/config.json" "$REGISTRY_AUTH_FILE"; stat -c %a "$DOCKER_CONFIG"; echo "$1"',
    )
    expect(stdout).toContain(`"127.0.0.1:${port}"`)
    expect(stdout).toContain('"ghcr.io": "purser"')
    expect(stdout).toMatch(/\n700\n--flag\n$/)
    expect(stdout).toMatch(/^CLIP_OCI_AUTH=.*purser_lease_/m)
    expect(stdout).not.toMatch(/canary/)
  })

  it.each([
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['true', 0],
  ])('ends as the command does: %s', async (script, status) => {
    await shipped.serve([])
    expect((await shell(script)).status).toBe(status)
  })

  it('passes on what comes in, and takes a request from stdin', async () => {
    await shipped.serve([])
    expect((await shell('cat', 'through')).stdout).toBe('through')
    const given = await shipped.purser(
      ['run', '--request', '-', '--', 'printenv', 'DOCKER_CONFIG'],
      REQUEST,
    )
    expect(given.stdout).toContain(join(shipped.home, 'clients'))
  })

  it('says so if there is no agent, no command, or no request', async () => {
    expect(await shell('true')).toMatchObject({ status: 5 })
    await shipped.serve([])
    const run = (...args: readonly string[]) => shipped.purser(['run', '--request', ...args])
    expect(await run(request, '--', 'no-such-command')).toMatchObject({ status: 127 })
    const locked = join(shipped.folder, 'locked')
    await writeFile(locked, '')
    await chmod(locked, 0o600)
    expect(await run(request, '--', locked)).toMatchObject({ status: 126 })
    expect(await run('{"image_credentials":1}', '--', 'true')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('request.image_credentials must be a string'),
    })
    expect(await run(request)).toMatchObject({ status: 2 })
    expect(readdirSync(join(shipped.home, 'leases'))).toEqual([])
  })

  it('writes nothing through a link that waits where its files go', async () => {
    await shipped.serve([])
    const elsewhere = join(shipped.folder, 'elsewhere')
    await mkdir(elsewhere, { mode: 0o700 })
    await symlink(elsewhere, join(shipped.home, 'clients'))
    const { status, stderr } = await shell('true')
    expect(status).toBe(1)
    expect(stderr).toMatch(/is a symbolic link/)
    expect(readdirSync(elsewhere)).toEqual([])
    expect(existsSync(join(shipped.home, 'leases'))).toBe(true)
  })
})
