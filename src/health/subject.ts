import type { Credential } from '../model/credential.ts'
import { isWithin } from '../model/grammar.ts'
import { isHostsOwn } from '../vault/spelling.ts'
import { type Entry, type EntryKey, placeOf } from '../vault/vault.ts'

/** What can be checked: an entry of the vault, or an identity that the configuration names. */
export interface Subject extends EntryKey {
  readonly source: 'vault' | 'identity'
  readonly credential: Credential
  /** Another one after each change of it. */
  readonly version: number
}

/** A part of a registry, as a person names it. */
export type Place = Pick<EntryKey, 'host' | 'prefix'>

/**
 * The entries that have a login of their own to try. What docker keeps under other URLs of a host, as
 * its tokens for Docker Hub's website, is no login of the registry.
 */
export function subjectsOf(entries: readonly Entry[]): readonly Subject[] {
  return entries.filter(isHostsOwn).map(({ updatedAt, ...entry }) => ({
    ...entry,
    source: 'vault',
    version: updatedAt.getTime(),
  }))
}

/**
 * The subjects that a place means: those at it and below, or else the nearest above, which answers for
 * it.
 */
export function subjectsAt(subjects: readonly Subject[], place: Place): readonly Subject[] {
  const ofHost = subjects.filter(({ host }) => host.name === place.host.name)
  const within = ofHost.filter(({ prefix }) => isWithin(prefix, place.prefix))
  if (within.length > 0) return within
  const above = ofHost.filter(({ prefix }) => isWithin(place.prefix, prefix))
  const longest = Math.max(...above.map(({ prefix }) => prefix.length))
  return above.filter(({ prefix }) => prefix.length === longest)
}

/** What tells subjects apart. */
export function keyOf({ source, workspace, host, prefix, name }: Subject): string {
  return JSON.stringify([source, workspace, host.name, prefix, name])
}

/** What tells the subjects of a place apart, for people: the entry's name, or the table's. */
export function labelOf({ source, name }: Pick<Subject, 'source' | 'name'>): string {
  return source === 'vault' ? name : '[[identity]]'
}

/** For people, never a secret: `entry default for ghcr.io/acme`. */
export function describeSubject(subject: Subject): string {
  const { source, name } = subject
  return source === 'vault'
    ? `entry ${name} for ${placeOf(subject)}`
    : `the identity for ${placeOf(subject)}`
}
