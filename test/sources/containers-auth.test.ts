import { describe, expect, test } from 'vitest'
import { containersAuthSource } from '../../src/sources/containers-auth.ts'
import { createOtherHelpers } from '../../src/sources/other-helper.ts'
import { ask, targetOf } from './harness.ts'
import { answering, auth, killGroup, type Machine, openMachine } from './machine.ts'

function openSource({ env }: Machine, more: Readonly<Record<string, string>> = {}) {
  const all = { ...env, ...more }
  const helpers = createOtherHelpers({ env: all, command: [], killGroup, now: () => 0 })
  const source = containersAuthSource({ env: all, uid: process.geteuid?.(), helpers })
  return (place: string) => ask([source], targetOf(place))
}

describe("podman's files", () => {
  test('are not there', async () => {
    const machine = openMachine()
    expect(await openSource(machine, { XDG_RUNTIME_DIR: machine.home })('quay.io')).toBe('nothing')
  })

  test('answer by the longest prefix', async () => {
    const machine = openMachine()
    machine.write('.config/containers/auth.json', {
      auths: {
        'quay.io': auth('host:p'),
        'quay.io/acme/app': auth('app:p'),
        'quay.io/acme': auth('acme:p'),
        'docker.io/library': auth('library:p'),
        'docker.io': auth('hub:p'),
      },
    })
    const look = openSource(machine, { XDG_RUNTIME_DIR: machine.home })
    for (const [place, user] of [
      ['quay.io', 'host'],
      ['quay.io/other', 'host'],
      ['quay.io/acme', 'acme'],
      ['quay.io/acme/app', 'app'],
      ['quay.io/acme/app/deep', 'app'],
      ['quay.io/acme/application', 'acme'],
      ['docker.io/library/alpine', 'library'],
      ['docker.io/acme/app', 'hub'],
    ] as const) {
      expect(await look(place)).toMatch(new RegExp(`: ${user} p$`))
    }
  })

  test("answer for this session before the user's, and as named before both", async () => {
    const machine = openMachine()
    const file = (user: string) => ({ auths: { 'quay.io': auth(`${user}:p`) } })
    machine.write('.config/containers/auth.json', {
      auths: { ...file('user').auths, 'ghcr.io': auth('user:p') },
    })
    machine.write('run/containers/auth.json', file('session'))
    machine.write('xdg/containers/auth.json', file('xdg'))
    const named = machine.write('named.json', file('named'))
    const at = (name: string) => `${machine.home}/${name}`
    const session = openSource(machine, { XDG_RUNTIME_DIR: at('run') })
    expect(await session('quay.io')).toContain('session p')
    expect(await session('ghcr.io')).toContain('user p')
    const elsewhere = openSource(machine, { XDG_RUNTIME_DIR: at('no'), XDG_CONFIG_HOME: at('xdg') })
    expect(await elsewhere('quay.io')).toContain('xdg p')
    const explicit = openSource(machine, { XDG_RUNTIME_DIR: at('run'), REGISTRY_AUTH_FILE: named })
    expect(await explicit('quay.io')).toContain('named p')
    expect(await explicit('ghcr.io')).toBe('nothing')
  })

  test('name helpers, who are asked as podman asks them', async () => {
    const machine = openMachine()
    machine.write('run/containers/auth.json', {
      credHelpers: { 'docker.io': 'x', 'quay.io': 'x' },
      auths: { 'quay.io/acme': auth('file:p') },
    })
    machine.helper('x', answering('x', 's'))
    const look = openSource(machine, { XDG_RUNTIME_DIR: `${machine.home}/run` })
    expect(await look('docker.io/library/alpine')).toContain('x s')
    expect(await look('quay.io/acme/app')).toContain('x s')
    expect(machine.runs()).toEqual(['x get docker.io', 'x get quay.io'])
  })
})
