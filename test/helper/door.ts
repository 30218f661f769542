import type { HelperContext } from '../../src/helper/context.ts'
import { runHelper } from '../../src/helper/protocol.ts'
import type { Credential } from '../../src/model/credential.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { DEFAULT_WORKSPACE } from '../../src/model/target.ts'
import { silentLog } from '../../src/observe/log.ts'
import { loginWithin } from '../../src/registries/static-login.ts'
import type { Source } from '../../src/sources/source.ts'
import { vaultSource } from '../../src/sources/vault.ts'
import { DEFAULT_ENTRY, type Vault } from '../../src/vault/vault.ts'
import { openForTest, sandbox } from '../vault/sandbox.ts'

/** What a client sees of a helper that has run, and what the helper asked of others. */
interface Answer {
  readonly code: 0 | 1
  readonly stdout: string
}

/** A helper over a real vault, a request and a cloud that counts. */
export interface Door {
  readonly vault: Vault
  /** What was said beside the answers. */
  readonly complaints: readonly string[]
  /** How often the cloud was asked. */
  readonly exchanges: () => number
  readonly run: (action: string, input?: string | Uint8Array) => Promise<Answer>
  readonly get: (serverUrl: string) => Promise<string>
  readonly store: (serverUrl: string, username: string, secret: string) => Promise<Answer>
  readonly list: () => Promise<unknown>
}

export const NOT_FOUND = 'credentials not found in native keychain\n'

export function basic(username: string, password: string): Credential {
  return { kind: 'basic', username, password: new Secret(password) }
}

export const AWS: Credential = {
  kind: 'aws',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: new Secret('aws-secret'),
  sessionToken: undefined,
  role: undefined,
}

/** Hosts of which more is known than the name. */
const CLOUD = /(^|\.)(amazonaws\.com|pkg\.dev|docker\.io)$/

export async function openDoor(
  request: Readonly<Record<string, Credential | 'fault'>> = {},
  lenient: readonly string[] = [],
): Promise<Door> {
  const complaints: string[] = []
  const vault = await openForTest(sandbox())
  const sources = [requestSource(request), vaultSource(async () => vault)]
  let exchanges = 0
  const context: HelperContext = {
    version: '1.2.3',
    workspace: DEFAULT_WORKSPACE,
    resolver: {
      async resolve(target, signal) {
        for (const source of sources) {
          const found = await source.find(target, signal)
          if (found === undefined) continue
          const { credential, from } = found
          const within = loginWithin(credential)
          if (within === undefined) exchanges++
          const minted = { username: 'AWS', secret: new Secret('minted'), expiresAt: undefined }
          return { login: within ?? minted, source: source.name, from, registry: 'any' }
        }
        return undefined
      },
    },
    onFault: async ({ host }) => (lenient.includes(host.name) ? 'anonymous' : 'fail'),
    complain: (kind, text) => void complaints.push(`${kind}: ${text}`),
    openSources: async () => sources,
    openVault: async () => vault,
    findHosts: async () => Object.keys(request).map(parseHost),
    isGeneric: async (host) => !CLOUD.test(host.hostname),
    log: silentLog,
  }

  const run = async (action: string, input?: string | Uint8Array) => {
    let stdout = ''
    const code = await runHelper(
      action.split(' ').filter((word) => word !== ''),
      () => {
        if (input === undefined) throw new Error('the input was opened')
        return [Buffer.from(input)]
      },
      (text) => {
        stdout += text
      },
      context,
      new AbortController().signal,
    )
    return { code, stdout }
  }
  return {
    vault,
    complaints,
    exchanges: () => exchanges,
    run,
    /** `user:secret`, or what else the helper says. */
    async get(serverUrl) {
      const { code, stdout } = await run('get', serverUrl)
      if (code !== 0) return stdout
      const { Username, Secret: secret } = JSON.parse(stdout)
      return `${Username}:${secret}`
    },
    store: (ServerURL, Username, secret) =>
      run('store', `${JSON.stringify({ ServerURL, Username, Secret: secret })}\n`),
    async list() {
      const { code, stdout } = await run('list')
      return code === 0 ? JSON.parse(stdout) : stdout
    },
  }
}

/** Puts an entry as `purser login` does. */
export async function put(door: Door, place: string, credential: Credential): Promise<void> {
  const [host = '', ...path] = place.split('/')
  await door.vault.put(
    {
      workspace: DEFAULT_WORKSPACE,
      host: parseHost(host),
      prefix: path.join('/'),
      name: DEFAULT_ENTRY,
    },
    credential,
  )
}

function requestSource(request: Readonly<Record<string, Credential | 'fault'>>): Source {
  return {
    name: 'request.image_credentials',
    async find({ host }) {
      const credential = request[host.name]
      if (credential === 'fault') throw new PurserError('request-invalid', 'cannot\nread it')
      return credential && { credential, from: 'the request' }
    },
  }
}
