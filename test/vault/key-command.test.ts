import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { formatKeyring, generateKey } from '../../src/vault/key.ts'
import { openKeySource } from '../../src/vault/key-source.ts'

const env = { PATH: process.env['PATH'] }

/** A key service, as a program of a shell. */
function service(script: string) {
  const directory = mkdtempSync(join(tmpdir(), 'purser-key-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'kms')
  writeFileSync(path, `#!/bin/sh\ncd ${directory}\n${script}`)
  chmodSync(path, 0o700)
  return {
    directory,
    path,
    open: (args = '') => openKeySource(`command:${path}${args}`, { env, uid: 0 }),
  }
}

const key = generateKey()
const line = formatKeyring([key])

describe('a key that a command prints', () => {
  test('is run once, and kept', async () => {
    const { directory, path, open } = service(`echo run >> runs; printf '${line.trim()}\\n'`)
    const source = open(' decrypt --key-id alias/purser')
    expect(source.read()).toBeUndefined()
    await Promise.all([source.refresh?.(), source.refresh?.()])
    await source.refresh?.()
    expect(source.read()?.[0].id).toBe(key.id)
    expect(readFileSync(join(directory, 'runs'), 'utf8')).toBe('run\n')
    expect([source.name, source.writer]).toEqual([`command:${path}`, undefined])
  })

  test.each([
    { name: 'words', args: ' a  $(b) *', said: '[a][$(b)][*]' },
    { name: 'a list', args: undefined, said: '[a b]["c]' },
  ])('takes $name, which no shell reads', async ({ args, said }) => {
    const { directory, path } = service(`printf '[%s]' "$@" > said; printf '${line.trim()}\\n'`)
    const text = args === undefined ? JSON.stringify([path, 'a b', '"c']) : `${path}${args}`
    const source = openKeySource(`command:${text}`, { env, uid: 0 })
    await source.refresh?.()
    expect(readFileSync(join(directory, 'said'), 'utf8')).toBe(said)
  })

  test.each([
    {
      name: 'that fails',
      script: 'echo AccessDenied >&2; exit 7',
      what: 'it ended with 7: "AccessDenied"',
    },
    { name: 'that fails without a word', script: 'exit 1', what: 'it ended with 1' },
    {
      name: 'that says its secret',
      script: `echo 'bad token: ${line.trim()}' >&2; exit 1`,
      what: 'it ended with 1: "bad token: purser-key-v1:[...]"',
    },
    { name: 'that is killed', script: 'kill -9 $$', what: 'it was ended by SIGKILL' },
    {
      name: 'that does not stop',
      script: 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done',
      what: 'it prints more than 4096 bytes',
    },
  ])('says what became of one $name', async ({ script, what }) => {
    const { path, open } = service(script)
    const source = open()
    await expect(source.refresh?.()).rejects.toMatchObject({
      code: 'key-missing',
      message: `cannot get the key from command:${path}: ${what}`,
    })
    expect(source.read()).toBeUndefined()
  })

  test('that is none is told', async () => {
    const source = openKeySource('command:/nowhere/kms', { env, uid: 0 })
    await expect(source.refresh?.()).rejects.toMatchObject({
      message: 'cannot get the key from command:/nowhere/kms: there is no such program',
    })
  })

  test('that prints something else is not shown', async () => {
    const source = service("echo 'sesame-street'").open()
    await expect(source.refresh?.()).rejects.toMatchObject({
      code: 'key-invalid',
      message: expect.not.stringContaining('sesame'),
    })
  })

  test.each(['command:', 'command: ', 'command:[', 'command:[1]', 'command:[]'])(
    '%s is no command',
    (name) => {
      expect(() => openKeySource(name, { env, uid: 0 })).toThrow('as the place of a key')
    },
  )
})
