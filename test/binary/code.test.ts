import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../clients/child.ts'
import { describeWith } from '../clients/programs.ts'
import { listeningPorts, openShipped, type Shipped } from './shipped.ts'

let shipped: Shipped

beforeEach(async () => {
  shipped = await openShipped()
})

afterEach(() => shipped.stack.disposeAsync())

/** A node that is not ours runs into the trap: the test would see it if ours did. */
async function expectTrapWorks(env: Readonly<Record<string, string>>, mark: string): Promise<void> {
  await run(process.execPath, ['-e', '0'], { env })
  expect(existsSync(mark), 'the trap itself does not work').toBe(true)
  execFileSync('rm', [mark])
}

describe('the environment runs no code', () => {
  it.each([
    ['--require', 'trap.cjs', (mark: string) => `require('fs').writeFileSync('${mark}', '')`],
    [
      '--import',
      'trap.mjs',
      (mark: string) => `import f from 'fs'; f.writeFileSync('${mark}', '')`,
    ],
  ])('NODE_OPTIONS=%s', async (option, name, code) => {
    const mark = join(shipped.folder, 'mark')
    const trap = join(shipped.folder, name)
    await writeFile(trap, code(mark))
    const env = { NODE_OPTIONS: `${option}=${trap}` }
    await expectTrapWorks(env, mark)

    expect(await shipped.purser(['--version'], '', env)).toMatchObject({ status: 0, stderr: '' })
    expect(await shipped.helper('list', '', env)).toEqual({ status: 0, stdout: '{}\n', stderr: '' })
    expect(existsSync(mark)).toBe(false)
  })

  it.each(['--require=/tmp/x.cjs', '--inspect', '--eval=0', '--node-options=--inspect'])(
    'the argument %s is none of ours',
    async (arg) => {
      const { status, stdout, stderr } = await shipped.purser([arg])
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toContain('purser: error: unknown option')
    },
  )
})

describeWith('the environment loads no library', ['cc'], () => {
  it('OPENSSL_CONF', async () => {
    const mark = join(shipped.folder, 'mark')
    const source = join(shipped.folder, 'trap.c')
    const library = join(shipped.folder, 'trap.so')
    const config = join(shipped.folder, 'openssl.cnf')
    await writeFile(
      source,
      `#include <fcntl.h>
      __attribute__((constructor)) static void spring(void) { open("${mark}", O_CREAT | O_WRONLY, 0600); }
      int OSSL_provider_init(void *a, void *b, void **c, void **d) { return 0; }`,
    )
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source])
    const sections = ['[all]', 'providers = list', '[list]', 'trap = trap', '[trap]']
    await writeFile(
      config,
      [
        'nodejs_conf = all',
        'openssl_conf = all',
        ...sections,
        `module = ${library}`,
        'activate = 1',
        '',
      ].join('\n'),
    )
    const env = { OPENSSL_CONF: config }
    await expectTrapWorks(env, mark)

    expect(await shipped.purser(['key', 'init'], '', env)).toMatchObject({ status: 0 })
    expect(await shipped.helper('get', 'ghcr.io', env)).toMatchObject({ status: 1, stderr: '' })
    await shipped.serve([], env)
    expect(existsSync(mark)).toBe(false)
  })
})

describe('no debugger listens', () => {
  it.each(['--inspect=127.0.0.1:0', '--inspect-brk=127.0.0.1:0'])(
    'NODE_OPTIONS=%s',
    async (option) => {
      const serving = await shipped.serve([], { NODE_OPTIONS: option })
      expect(listeningPorts(serving.pid)).toEqual([serving.port])
      expect(serving.output()).not.toContain('Debugger')
    },
  )

  it('SIGUSR1', async () => {
    const serving = await shipped.serve([])
    process.kill(serving.pid, 'SIGUSR1')
    // The debugger's own thread would open its port: twenty answers of ours take longer.
    for (let i = 0; i < 20; i++) expect(await serving.status()).toMatchObject({ status: 200 })
    expect(listeningPorts(serving.pid)).toEqual([serving.port])
  })
})
