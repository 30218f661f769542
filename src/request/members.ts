/** A member of a JSON object, and where its text stands. */
export interface Member {
  readonly name: string
  /** Of the name's first quote. */
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/**
 * The members of an object's own level, in order, those of the same name too.
 *
 * @param text - JSON that has been parsed, of an object
 */
export function membersOf(text: string): readonly Member[] {
  const members: Member[] = []
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at)
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const valueEnd = endOfValue(text, valueStart)
    const name = String(JSON.parse(text.slice(at, nameEnd)))
    members.push({ name, nameStart: at, nameEnd, valueStart, valueEnd })
    // Past the comma, or the brace that ends it.
    at = skipSpace(text, skipSpace(text, valueEnd) + 1)
  }
  return members
}

/** The first name that more than one member has: nobody could tell which one counts. */
export function repeatedName(members: readonly Member[]): string | undefined {
  const seen = new Set<string>()
  for (const { name } of members) {
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

/**
 * Sets string members of a JSON object, and leaves every other byte of it as it is.
 *
 * To parse it and to write it anew would move keys that look like numbers to the front, and round
 * numbers of more than 53 bits: the rest of a request is not ours to change.
 *
 * @param text - JSON that has been parsed, of an object in which none of the names stands twice
 * @param values - by name; one that is not there yet is put at the end
 */
export function setMembers(text: string, values: ReadonlyMap<string, string>): string {
  const members = membersOf(text)
  const absent = new Map(values)
  const pieces: string[] = []
  let at = 0
  for (const { name, valueStart, valueEnd } of members) {
    const value = values.get(name)
    if (value === undefined) continue
    absent.delete(name)
    pieces.push(text.slice(at, valueStart), JSON.stringify(value))
    at = valueEnd
  }
  const last = members.at(-1)
  const end = last?.valueEnd ?? text.indexOf('{') + 1
  // Written as the member before it is: on a line of its own, or not.
  const lead = last === undefined ? '' : spaceBefore(text, last.nameStart)
  const colon = last === undefined ? ':' : text.slice(last.nameEnd, last.valueStart)
  let comma = last === undefined ? '' : ','
  for (const [name, value] of absent) {
    pieces.push(text.slice(at, end), comma, lead)
    pieces.push(JSON.stringify(name), colon, JSON.stringify(value))
    at = end
    comma = ','
  }
  return [...pieces, text.slice(at)].join('')
}

function spaceBefore(text: string, end: number): string {
  let start = end
  while (isSpace(text.charCodeAt(start - 1))) start--
  return text.slice(start, end)
}

function skipSpace(text: string, at: number): number {
  let next = at
  while (isSpace(text.charCodeAt(next))) next++
  return next
}

/** @see https://www.rfc-editor.org/rfc/rfc8259#section-2 */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** By hand: an expression's own stack has an end, and a build's context in a string may be long. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote === -1 ? text.length : quote + 1
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text[at - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}

function endOfValue(text: string, start: number): number {
  const first = text[start]
  if (first === '"') return endOfString(text, start)
  if (first !== '{' && first !== '[') return endOfWord(text, start)
  let depth = 0
  let at = start
  do {
    const character = text[at]
    if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    at = character === '"' ? endOfString(text, at) : at + 1
  } while (depth > 0 && at < text.length)
  return at
}

/** Of a number, or of `true`, `false` or `null`. */
function endOfWord(text: string, start: number): number {
  let at = start
  while (/[\w.+-]/.test(text[at] ?? '')) at++
  return at
}
