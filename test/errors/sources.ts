import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseHost } from '../../src/model/host.ts'
import { createRegistries } from '../../src/registries/all.ts'
import { createAuthFileReader, findAuth, helperFor } from '../../src/sources/auth-file.ts'
import { environmentSource } from '../../src/sources/environment.ts'
import { createOtherHelpers } from '../../src/sources/other-helper.ts'
import { offline, targetOf } from '../registries/harness.ts'
import type { Provocation, Provocations } from './stage.ts'

const registries = createRegistries(offline)
const HOST = parseHost('ghcr.io')
const signal = () => AbortSignal.timeout(10_000)

/** A host that is asked for in this environment. */
const environment =
  (host: string, env: Readonly<Record<string, string>>): Provocation =>
  () =>
    environmentSource(env, registries).find(targetOf(parseHost(host)), signal())

/** Docker's configuration with this text, asked for ghcr.io. */
const docker =
  (config: unknown): Provocation =>
  ({ put }) => {
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    const file = createAuthFileReader(put('config.json', text), process.getuid?.())()
    return file && (findAuth(file, targetOf(HOST), 'ghcr.io') ?? helperFor(file, HOST))
  }

const auths = (entry: unknown) => docker({ auths: { 'ghcr.io': entry } })

/** Another helper, which is this script. */
const helper =
  (script: string, timeoutMs = 10_000): Provocation =>
  ({ root, put }) => {
    chmodSync(put('docker-credential-other', `#!/bin/sh\n${script}\n`), 0o700)
    return ask('other', `${root}:${process.env['PATH']}`, timeoutMs)
  }

function ask(name: string, path: string, timeoutMs = 10_000) {
  const helpers = createOtherHelpers({
    env: { PATH: path },
    command: ['purser'],
    killGroup: (pid) => void process.kill(-pid, 'SIGKILL'),
    now: Date.now,
    timeoutMs,
  })
  const question = { name, namedIn: '~/.docker/config.json', state: '', serverUrl: 'ghcr.io' }
  return helpers.get(question, signal())
}

/** What the machine's own sources are refused with. */
export const SOURCES: Provocations = {
  'the environment has half of a pair': environment('docker.io', { DOCKERHUB_TOKEN: 'S3CRET' }),
  'the environment has a secret without its owner': environment('acmeimages.azurecr.io', {
    AZURE_CLIENT_SECRET: 'S3CRET',
  }),
  'docker’s file is not JSON': docker('{"auths":'),
  'docker’s file is of another shape': docker({ auths: 'S3CRET' }),
  'docker’s file is a directory': ({ root }) => {
    mkdirSync(join(root, 'config.json'))
    return createAuthFileReader(join(root, 'config.json'), undefined)()
  },
  'docker’s file is a circle': ({ root }) => {
    symlinkSync(join(root, 'config.json'), join(root, 'config.json'))
    return createAuthFileReader(join(root, 'config.json'), undefined)()
  },
  'others can write docker’s file': ({ put }) => {
    const path = put('config.json', '{}')
    chmodSync(path, 0o666)
    return createAuthFileReader(path, process.getuid?.())()
  },
  'docker’s entry is a text': auths('S3CRET'),
  'docker’s entry has a number': auths({ auth: 7 }),
  'docker’s entry is not base64': auths({ auth: 'S3CRET!' }),
  'docker’s entry has no password': auths({ username: 'joe' }),
  'docker’s entry is a token of minutes': auths({ registrytoken: 'S3CRET' }),
  'docker’s helper is a number': docker({ credHelpers: { 'ghcr.io': 7 } }),
  'another helper has no name': () => ask('../evil', '/nonexistent'),
  'another helper is not there': () => ask('other', '/nonexistent'),
  'another helper fails': helper('echo S3CRET; exit 3'),
  'another helper prints something else': helper('echo S3CRET'),
  'another helper prints too much': helper('exec head -c 70000 /dev/zero'),
  'another helper prints no user': helper(`echo '{"Username":"","Secret":"S3CRET"}'`),
  'another helper hangs': helper('exec sleep 5', 100),
}
