import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { describeError } from '../../src/model/errors.ts'
import { dockerConfigSource } from '../../src/sources/docker-config.ts'
import { createOtherHelpers } from '../../src/sources/other-helper.ts'
import { ask, targetOf } from './harness.ts'
import { answering, auth, killGroup, type Machine, openMachine } from './machine.ts'

const CONFIG = '.docker/config.json'

function openSource({ env }: Machine, more: Readonly<Record<string, string>> = {}) {
  const all = { ...env, ...more }
  const helpers = createOtherHelpers({ env: all, command: [], killGroup, now: () => 0 })
  const source = dockerConfigSource({ env: all, uid: process.geteuid?.(), helpers })
  return (place: string) => ask([source], targetOf(place))
}

async function faultOf(question: Promise<string>): Promise<string> {
  return question.then(
    (answer) => `answered ${answer}`,
    (error: unknown) => describeError(error),
  )
}

describe("docker's configuration", () => {
  test('is not there', async () => {
    const look = openSource(openMachine())
    expect(await look('ghcr.io')).toBe('nothing')
  })

  test('answers for its keys, each a registry', async () => {
    const machine = openMachine()
    const path = machine.write(CONFIG, {
      auths: {
        'https://index.docker.io/v1/': auth('hub:p:with:colons'),
        'https://index.docker.io/v1/access-token': auth('website:x'),
        'https://old.example/v1/': auth('old:p'),
        'http://plain.example:5000': auth('plain:p'),
        'quay.io/acme': auth('acme:p'),
        'quay.io': auth('quay:p\0\0'),
        'two.example': { username: 'two', password: 'p' },
        'azurecr.example': { ...auth('ignored:'), identitytoken: 'rt' },
        'token.example': auth('<token>:rt'),
        'empty.example': {},
      },
    })
    const look = openSource(machine)
    const from = (key: string) => `${path}: auths["${key}"]:`
    expect(await look('docker.io/library/alpine')).toBe(
      `${from('https://index.docker.io/v1/')} hub p:with:colons`,
    )
    expect(await look('old.example')).toBe(`${from('https://old.example/v1/')} old p`)
    expect(await look('plain.example:5000')).toBe(`${from('http://plain.example:5000')} plain p`)
    expect(await look('plain.example')).toBe('nothing')
    expect(await look('quay.io')).toBe(`${from('quay.io')} quay p`)
    expect(await look('quay.io/acme/app')).toBe(`${from('quay.io/acme')} acme p`)
    expect(await look('quay.io/acme-corp/app')).toBe(`${from('quay.io')} quay p`)
    expect(await look('two.example')).toBe(`${from('two.example')} two p`)
    expect(await look('azurecr.example')).toBe(`${from('azurecr.example')} rt`)
    expect(await look('token.example')).toBe(`${from('token.example')} rt`)
    expect(await look('empty.example')).toBe('nothing')
    for (const host of ['example', 'x.quay.io', 'quay.io.evil.example', 'quay.io:5000']) {
      expect(await look(host)).toBe('nothing')
    }
  })

  test("prefers docker's own spelling of Docker Hub", async () => {
    const machine = openMachine()
    machine.write(CONFIG, {
      auths: { 'docker.io': auth('podman:p'), 'https://index.docker.io/v1/': auth('docker:p') },
    })
    expect(await openSource(machine)('docker.io')).toContain('docker p')
  })

  test('is where DOCKER_CONFIG says', async () => {
    const machine = openMachine()
    machine.write(CONFIG, { auths: { 'ghcr.io': auth('home:p') } })
    machine.write('ci/config.json', { auths: { 'ghcr.io': auth('ci:p') } })
    expect(await openSource(machine)('ghcr.io')).toContain('home p')
    expect(await openSource(machine, { DOCKER_CONFIG: `${machine.home}/ci` })('ghcr.io')).toContain(
      'ci p',
    )
  })

  test('is read again after each change', async () => {
    const machine = openMachine()
    const path = machine.write(CONFIG, { auths: { 'ghcr.io': auth('ann:one') } })
    const look = openSource(machine)
    expect(await look('ghcr.io')).toContain('ann one')
    machine.write(CONFIG, { auths: { 'ghcr.io': auth('ann:two') } })
    expect(await look('ghcr.io')).toContain('ann two')
    rmSync(path)
    expect(await look('ghcr.io')).toBe('nothing')
    machine.write(CONFIG, '')
    expect(await look('ghcr.io')).toBe('nothing')
  })

  test.each([
    ['canary', 'is not JSON'],
    ['["canary"]', 'it is not what docker writes there'],
    ['{"auths":"canary"}', 'auths is not what docker writes there'],
    ['{"credHelpers":["canary"]}', 'credHelpers is not what docker writes there'],
    ['{"credsStore":{"canary":1}}', 'credsStore is not what docker writes there'],
    ['{"auths":{"ghcr.io":"canary"}}', 'auths["ghcr.io"] is not a table'],
    ['{"auths":{"ghcr.io":{"auth":7}}}', 'auths["ghcr.io"].auth is not a text'],
    ['{"auths":{"ghcr.io":{"auth":"canary!"}}}', '.auth is not user:password in base64'],
    ['{"auths":{"ghcr.io":{"auth":"Y2FuYXJ5"}}}', '.auth is not user:password in base64'],
    ['{"auths":{"ghcr.io":{"auth":"YW5uOg=="}}}', 'auths["ghcr.io"] has no password'],
    ['{"auths":{"ghcr.io":{"password":"canary"}}}', 'auths["ghcr.io"] has no user name'],
    ['{"auths":{"ghcr.io":{"registrytoken":"canary"}}}', '.registrytoken cannot be handed on'],
    ['{"credHelpers":{"ghcr.io":["canary"]}}', 'credHelpers["ghcr.io"] is not a text'],
    ['{"credHelpers":{"ghcr.io":"../canary"}}', '"../canary" is no helper\'s name'],
    [`{"auths":{"${'x'.repeat(1024 * 1024)}":{}}}`, 'is not a file of at most 1 MiB'],
  ])('tells what is wrong with it: %.60s', async (content, message) => {
    const machine = openMachine()
    const path = machine.write(CONFIG, content)
    const fault = await faultOf(openSource(machine)('ghcr.io'))
    expect(fault).toContain(path)
    expect(fault).toContain(message)
    expect(fault.replace('"../canary"', '')).not.toContain('canary')
  })

  test('an entry that cannot be read is a fault for its own registry alone', async () => {
    const machine = openMachine()
    machine.write(CONFIG, { auths: { 'ghcr.io': 'canary', 'quay.io': auth('u:p') } })
    expect(await openSource(machine)('quay.io')).toContain('u p')
  })

  test.each([0o660, 0o602])('is refused where others can write it: %o', async (mode) => {
    const machine = openMachine()
    const path = machine.write(CONFIG, { auths: { 'ghcr.io': auth('u:p') } })
    chmodSync(path, mode)
    expect(await faultOf(openSource(machine)('ghcr.io'))).toBe(`${path} can be written by others`)
  })

  test.runIf(process.geteuid?.() === 0)("is refused where it is somebody else's", async () => {
    const machine = openMachine()
    const path = machine.write(CONFIG, { auths: { 'ghcr.io': auth('u:p') } })
    chownSync(path, 12_345, 12_345)
    expect(await faultOf(openSource(machine)('ghcr.io'))).toBe(`${path} can be written by others`)
  })

  test('is not waited for where it is a pipe', async () => {
    const machine = openMachine()
    const path = machine.write(CONFIG, '')
    rmSync(path)
    execFileSync('mkfifo', ['-m', '600', path])
    expect(await faultOf(openSource(machine)('ghcr.io'))).toContain('is not a file')
  })
})

describe("docker's helpers", () => {
  test('answer for their registries, and the store for all others', async () => {
    const machine = openMachine()
    const path = machine.write(CONFIG, {
      credHelpers: { 'ghcr.io': 'own', 'file.example': '', 'quay.io/acme': 'own' },
      credsStore: 'store',
      auths: { 'file.example': auth('file:p'), 'docker.io': {} },
    })
    machine.helper('own', answering('own', 's'))
    machine.helper('store', answering('store', 's'))
    const look = openSource(machine)
    expect(await look('ghcr.io/acme/app')).toBe(`docker-credential-own, which ${path} names: own s`)
    expect(await look('docker.io/library/alpine')).toContain('store s')
    expect(await look('quay.io/acme/app')).toContain('store s')
    expect(await look('file.example')).toContain('file p')
    expect(machine.runs()).toEqual([
      'own get ghcr.io',
      'store get https://index.docker.io/v1/',
      'store get quay.io',
    ])
  })

  test('that have no login leave it to the file', async () => {
    const machine = openMachine()
    machine.write(CONFIG, { credsStore: 'store', auths: { 'ghcr.io': auth('file:p') } })
    machine.helper('store', 'echo credentials not found in native keychain; exit 1')
    const look = openSource(machine)
    expect(await look('ghcr.io')).toContain('file p')
    expect(await look('quay.io')).toBe('nothing')
  })

  test('that fail are a fault, whatever the file has', async () => {
    const machine = openMachine()
    machine.write(CONFIG, { credsStore: 'store', auths: { 'ghcr.io': auth('file:p') } })
    machine.helper('store', 'echo canary; echo canary >&2; exit 3')
    expect(await faultOf(openSource(machine)('ghcr.io'))).toBe(
      'docker-credential-store get for "ghcr.io" ended with 3',
    )
  })
})
