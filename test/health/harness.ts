import { onTestFinished } from 'vitest'
import { type CheckerOptions, createChecker } from '../../src/health/check.ts'
import type { Subject } from '../../src/health/subject.ts'
import type { Credential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createDialer, type DialerOptions } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createNet } from '../../src/net/undici.ts'
import { createRegistries } from '../../src/registries/all.ts'

export const NOW = Date.UTC(2026, 10, 21, 8)

export const never = new AbortController().signal

/** An entry of the default workspace. */
export function entryFor(
  host: string,
  credential: Credential,
  more: Partial<Subject> = {},
): Subject {
  return {
    workspace: 'default',
    host: parseHost(host),
    prefix: '',
    name: 'default',
    source: 'vault',
    version: 1,
    credential,
    ...more,
  }
}

export function basic(username: string, password: string): Credential {
  return { kind: 'basic', username, password: new Secret(password) }
}

/** A checker with a way out of its own, and real registries. */
export function openChecker({
  ca = [],
  connect = new Map(),
  ...options
}: Partial<CheckerOptions> & Partial<DialerOptions> = {}) {
  const dial = createDialer({ ca, connect })
  const net = createNet(dial)
  const httpsAgent = createHttpsAgent(dial)
  onTestFinished(async () => {
    httpsAgent.destroy()
    await net.close()
  })
  const { now = () => NOW } = options
  const registries = createRegistries({
    httpsAgent: async () => httpsAgent,
    net: async () => net,
    env: {},
    now,
  })
  return createChecker({ registries, upstreams: [], net: async () => net, now, ...options })
}
