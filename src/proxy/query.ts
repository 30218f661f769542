/** A query as its pairs, in their order: names decoded, values as they were written. */
export type Query = readonly Pair[]

interface Pair {
  readonly name: string
  readonly raw: string
}

/** Reads a query without its `?`; `undefined` if an escape in a name is malformed. */
export function parseQuery(text: string): Query | undefined {
  if (text === '') return []
  const pairs: Pair[] = []
  for (const part of text.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))
    if (name === undefined) return undefined
    pairs.push({ name, raw: equals === -1 ? '' : part.slice(equals + 1) })
  }
  return pairs
}

/**
 * @returns the decoded value, `undefined` if there is none, `null` if it is malformed or there are
 * two: which of them counts is what a smuggler and his guard see differently.
 */
export function single(query: Query, name: string): string | undefined | null {
  let found: string | undefined
  for (const pair of query) {
    if (pair.name !== name) continue
    const value = decode(pair.raw)
    if (value === undefined || found !== undefined) return null
    found = value
  }
  return found
}

/** Whether there is a pair of this name, whatever its value. */
export function has(query: Query, name: string): boolean {
  return query.some((pair) => pair.name === name)
}

/** Writes pairs back as they were, all but those of one name. */
export function without(query: Query, name: string): string {
  return query
    .filter((pair) => pair.name !== name)
    .map((pair) => `${encodeURIComponent(pair.name)}=${pair.raw}`)
    .join('&')
}

function decode(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
