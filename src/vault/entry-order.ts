import type { Entry, ImageLink } from './vault.ts'

/** As {@link Vault.find} answers among equals. */
export function newestFirst(a: Entry, b: Entry): number {
  return b.updatedAt.getTime() - a.updatedAt.getTime() || compare(a.name, b.name)
}

/** As lists of entries are ordered. */
export function byKey(a: Entry, b: Entry): number {
  return compare(a.host.name, b.host.name) || compare(a.prefix, b.prefix) || compare(a.name, b.name)
}

/** As lists of images' links are ordered. */
export function byImage(a: ImageLink, b: ImageLink): number {
  return compare(a.image, b.image)
}

/** As links are ordered of which the latest counts. */
export function latestFirst(a: ImageLink, b: ImageLink): number {
  return b.updatedAt.getTime() - a.updatedAt.getTime()
}

/** By code unit: the same order on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
