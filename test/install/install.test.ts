import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Ended, run } from '../clients/child.ts'

const INSTALL = join(import.meta.dirname, '../../install.sh')

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'purser-i-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

function install(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const usual = { PATH: process.env['PATH'] ?? '', HOME: join(folder, 'home') }
  return run(INSTALL, args, { env: { ...usual, ...env } })
}

/** A PATH with what the script itself needs, and programs that only write a line. */
async function makePath(programs: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, 'path')
  await mkdir(path)
  for (const name of ['sh', 'id', 'dirname', 'setpriv'])
    await symlink(`/usr/bin/${name}`, join(path, name))
  for (const [name, says] of Object.entries(programs)) {
    await writeFile(join(path, name), `#!/bin/sh\necho ${says}\n`)
    await chmod(join(path, name), 0o755)
  }
  return path
}

describe('install.sh', () => {
  it('installs two names of one program, and makes a key once', async () => {
    const prefix = join(folder, 'prefix with a space')
    const key = join(folder, 'home/.config/purser/key')

    expect(await install(['--prefix', prefix])).toMatchObject({ status: 0 })
    const made = await readFile(key, 'utf8')
    expect(await install(['--prefix', prefix])).toMatchObject({ status: 0 })

    expect((await readdir(join(prefix, 'bin'))).sort()).toEqual([
      'docker-credential-purser',
      'purser',
    ])
    expect((await lstat(join(prefix, 'bin/purser'))).mode & 0o777).toBe(0o755)
    expect(await readFile(key, 'utf8')).toBe(made)
    const helper = join(prefix, 'bin/docker-credential-purser')
    const env = { PURSER_HOME: join(folder, 'purser') }
    const answer = { status: 1, stdout: 'credentials not found in native keychain\n' }
    expect(await run(helper, ['get'], { env, input: 'ghcr.io' })).toMatchObject(answer)

    expect(await install(['--prefix', prefix, '--uninstall'])).toEqual({
      status: 0,
      stdout: `==> removed ${prefix}/bin/purser and ${prefix}/bin/docker-credential-purser\n==> left ${key} where it is\n`,
      stderr: '',
    })
    expect(await readdir(join(prefix, 'bin'))).toEqual([])
    expect(await readFile(key, 'utf8')).toBe(made)
  })

  it('has nothing to uninstall twice', async () => {
    expect(await install(['--prefix', folder, '--uninstall'])).toEqual({
      status: 0,
      stdout: `==> purser is not installed in ${folder}/bin\n`,
      stderr: '',
    })
  })

  it('says how it is used', async () => {
    const { status, stdout } = await install(['--help'])
    expect(status).toBe(0)
    for (const flag of ['--prefix', '--demo', '--uninstall', '--help']) {
      expect(stdout).toContain(`\n  ${flag}`)
    }
  })

  it.each([
    ['an unknown flag', ['--demon'], 'unknown argument: --demon'],
    ['a prefix without a directory', ['--prefix'], '--prefix needs a directory'],
  ])('refuses %s', async (_name, args, message) => {
    expect(await install(args)).toEqual({
      status: 2,
      stdout: '',
      stderr: `install.sh: error: ${message}\ninstall.sh: hint: ./install.sh --help lists what it takes\n`,
    })
  })

  it.each([
    ['no node', {}, 'there is no node in PATH'],
    ['a node that is too old', { node: 'v16.20.2' }, 'node is v16.20.2, which is too old'],
    ['no npm', { node: 'v18.20.4' }, 'there is no npm in PATH'],
  ])('tells that there is %s', async (_name, programs, message) => {
    const { status, stderr } = await install([], { PATH: await makePath(programs) })
    expect(status).toBe(1)
    expect(stderr).toMatch(`install.sh: error: ${message}\ninstall.sh: hint: install `)
  })

  it('tells that it cannot write there', async () => {
    const prefix = join(folder, 'file')
    await writeFile(prefix, '')
    const { status, stderr } = await install(['--prefix', prefix])
    expect(status).toBe(1)
    expect(stderr).toContain(
      `install.sh: error: cannot write to ${prefix}/bin\ninstall.sh: hint: choose another place`,
    )
  })
})
