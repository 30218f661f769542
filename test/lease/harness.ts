import { join } from 'node:path'
import { createLeases, type LeaseEnd, type Leases } from '../../src/lease/leases.ts'
import { openSealedLeases } from '../../src/lease/sealed-leases.ts'
import { Secret } from '../../src/model/secret.ts'
import { type Log, silentLog } from '../../src/observe/log.ts'
import type { ContainerRequest } from '../../src/request/request.ts'
import { sandbox } from '../vault/sandbox.ts'

/** A request that says nothing but this. */
export function requestWith(more: Partial<ContainerRequest> = {}): ContainerRequest {
  return {
    imageCredentials: undefined,
    sourceImageCredentials: undefined,
    buildRegistryCredentials: undefined,
    sourceImage: undefined,
    imageId: undefined,
    ...more,
  }
}

export const WITH_PASSWORD = requestWith({
  imageCredentials: new Secret('{"registry":"ghcr.io","GITHUB_TOKEN":"canary"}'),
  imageId: 'i1',
})

/** A directory of leases, and agents that take it up one after the other. */
export function leaseHouse(log: Log = silentLog) {
  const { root, ...file } = sandbox()
  const directory = join(root, 'leases')
  let now = Date.UTC(2026, 0, 1)
  const ends: [string, LeaseEnd][] = []
  return {
    directory,
    file,
    ends,
    now: () => now,
    pass(ms: number) {
      now += ms
    },
    open: (): Leases =>
      createLeases({
        store: openSealedLeases({ directory, keys: file.keys, uid: file.uid, log }),
        now: () => now,
        ended: ({ id }, end) => ends.push([id, end]),
      }),
  }
}
