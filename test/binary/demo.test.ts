import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BINARY, openShipped, type Shipped } from './shipped.ts'

let shipped: Shipped

beforeEach(async () => {
  shipped = await openShipped()
})

afterEach(() => shipped.stack.disposeAsync())

describe('purser demo', () => {
  it('goes all the way with a client of its own, and leaves nothing', async () => {
    const { status, stdout, stderr } = await shipped.purser(['demo'], '', {
      TMPDIR: shipped.folder,
      // What this machine has of clients is not to be found; setpriv starts the program itself.
      PATH: '/usr/bin:/bin',
      DOCKER_HOST: 'unix:///nonexistent',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toContain('✗')
    for (const part of [
      'purser login basic.demo.example',
      'echo bearer.demo.example | docker-credential-purser get',
      'the vault shows no secret, no user name and no host name',
    ]) {
      expect(stdout).toContain(`✓ ${part}`)
    }
    expect(stdout.match(/pulled it again, and got the same/g)).not.toBeNull()
    expect(await readdir(shipped.folder)).toEqual([])
  })

  it('cleans up when it is interrupted', async () => {
    const env = { TMPDIR: shipped.folder, PATH: '/nonexistent' }
    const child = spawn(BINARY, ['demo'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('purser serve')) child.kill('SIGINT')
    })
    const ended = await new Promise((resolve) => child.once('close', resolve))
    expect(ended).toBe(130)
    const port = /localhost:([0-9]+)/.exec(said)?.[1]
    await expect(fetch(`http://127.0.0.1:${port}/v2/`)).rejects.toThrow('fetch failed')
    expect(await readdir(shipped.folder)).toEqual([])
  })
})
