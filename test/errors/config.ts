import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig, readCertificates, readServerCertificate } from '../../src/config/file.ts'
import { findPaths } from '../../src/config/paths.ts'
import { parseHost } from '../../src/model/host.ts'
import { parseReference } from '../../src/model/reference.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createTrust } from '../../src/net/trust.ts'
import type { Provocation, Provocations, Stage } from './stage.ts'

const uid = process.geteuid?.()

function load({ root }: Stage, file: string) {
  return loadConfig({ paths: findPaths({ PURSER_HOME: root }, 0), file, uid })
}

/** A configuration of this text. */
const toml =
  (text: string): Provocation =>
  (stage) =>
    load(stage, stage.put('config.toml', text))

/** What configuration, certificates and names of registries are refused with. */
export const CONFIG: Provocations = {
  'the named file is not there': (stage) => load(stage, join(stage.root, 'missing.toml')),
  'the file is a directory': (stage) => {
    mkdirSync(join(stage.root, 'config.toml'), { mode: 0o700 })
    return load(stage, join(stage.root, 'config.toml'))
  },
  'a password is asked for and none is named': toml('[proxy]\nclient_auth = "basic"'),
  'a password is named and none is asked for': toml('[proxy]\nclient_secret = "env:S3CRET_NAME"'),
  'the file is longer than any': toml('#'.repeat(1024 * 1024 + 1)),
  'others can write it': (stage) => {
    const path = stage.put('config.toml', '')
    chmodSync(path, 0o666)
    return load(stage, path)
  },
  'it is not TOML': toml('[vault]\nurl = sqlite'),
  'a key has a typing error': toml('[proxy]\nlistn = ["127.0.0.1:5000"]'),
  'a key is unknown': toml('[vault]\nzzzzzzzzzzzz = 1'),
  'a key is missing': toml('[[upstream]]\nalias = "a"'),
  'a host is none': toml('[[upstream]]\nhost = "ghcr.io@evil.example"'),
  'a value is of another kind': toml('[[upstream]]\nhost = "ghcr.io"\ntls = "no"'),
  'a list is a text': toml('[proxy]\nlisten = "127.0.0.1:5000"'),
  'a table is a text': toml('vault = "sqlite"'),
  'tables are one': toml('[upstream]\nhost = "ghcr.io"'),
  'an address is not loopback': toml('[proxy]\nlisten = ["0.0.0.0:5000"]'),
  'an address is none': toml('[proxy]\nlisten = ["5000"]'),
  'an address is a name': toml('[proxy]\nlisten = ["registry:5000"]'),
  'a socket is nowhere': toml('[proxy]\nlisten = ["unix:proxy.sock"]'),
  'a role is none': toml('[[identity]]\nhost = "ghcr.io"\nrole_arn = "Puller"'),
  'a registry is of no kind': toml('[[upstream]]\nhost = "ghcr.io"\nregistry = "github"'),
  'two upstreams have one alias': toml(
    '[[upstream]]\nhost = "ghcr.io"\nalias = "a"\n[[upstream]]\nhost = "quay.io"\nalias = "a"',
  ),
  'a certificate has no key': toml('[proxy]\ncert = "cert.pem"'),
  'a certificate is not there': ({ root }) => readCertificates(join(root, 'ca.pem'), uid),
  'others can read a key': ({ put }) =>
    readServerCertificate({ cert: put('cert', ''), key: put('key', '', 0o644) }, uid),
  'a file of certificates has none': () => createTrust(['a key']).all(),
  'a certificate is damaged': () =>
    createTrust(['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']).all(),
  '[connect] names no place': () =>
    createDialer({ ca: [], connect: new Map([['ghcr.io:443', 'nowhere']]) }),
  'a host has a user': () => parseHost('user:pass@ghcr.io'),
  'an image is none': () => parseReference('ghcr.io/Acme/App'),
}
