import * as v from 'valibot'
import { tryParseJson } from '../model/json.ts'
import { Secret } from '../model/secret.ts'
import type { ContainerRequest } from '../request/request.ts'
import type { Lease } from './lease.ts'

const secret = v.pipe(
  v.string(),
  v.transform((text) => new Secret(text)),
)
const request = v.pipe(
  v.object({
    imageCredentials: v.nullish(secret),
    sourceImageCredentials: v.nullish(secret),
    buildRegistryCredentials: v.nullish(secret),
    sourceImage: v.nullish(v.string()),
    imageId: v.nullish(v.string()),
  }),
  v.transform(
    (found): ContainerRequest => ({
      imageCredentials: found.imageCredentials ?? undefined,
      sourceImageCredentials: found.sourceImageCredentials ?? undefined,
      buildRegistryCredentials: found.buildRegistryCredentials ?? undefined,
      sourceImage: found.sourceImage ?? undefined,
      imageId: found.imageId ?? undefined,
    }),
  ),
)

const time = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(8.64e15),
  v.transform((ms) => new Date(ms)),
)

const lease = v.object({
  id: v.string(),
  secret,
  workspace: v.string(),
  request,
  openedAt: time,
  expiresAt: time,
})

/** The text that is sealed: here the secrets leave their wrappers. */
export function encodeLease({ secret, request, openedAt, expiresAt, ...rest }: Lease): string {
  return JSON.stringify({
    ...rest,
    secret: secret.reveal(),
    request: {
      ...request,
      imageCredentials: request.imageCredentials?.reveal(),
      sourceImageCredentials: request.sourceImageCredentials?.reveal(),
      buildRegistryCredentials: request.buildRegistryCredentials?.reveal(),
    },
    openedAt: openedAt.getTime(),
    expiresAt: expiresAt.getTime(),
  })
}

/**
 * Reads a lease from its text.
 *
 * @returns `undefined` if `text` is not what {@link encodeLease} writes
 */
export function decodeLease(text: string): Lease | undefined {
  const parsed = v.safeParse(lease, tryParseJson(text))
  return parsed.success ? parsed.output : undefined
}
