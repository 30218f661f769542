import { PurserError } from '../model/errors.ts'

/** A member of a JSON object, and where its text stands. */
interface Member {
  readonly name: string
  /** Of the name's first quote. */
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/**
 * Sets string members of a JSON object, and leaves every other byte of it as it is.
 *
 * To parse it and to write it anew would move keys that look like numbers to the front, and round
 * numbers of more than 53 bits: the rest of a request is not ours to change.
 *
 * @param text - JSON that has been parsed, of an object
 * @param values - by name; one that is not there yet is put at the end
 * @throws `request-invalid` if a name stands there twice: nobody could tell which one counts
 */
export function setMembers(text: string, values: ReadonlyMap<string, string>): string {
  const members = membersOf(text)
  let result = text
  // From the end, so that what stands before keeps its place.
  for (const member of members.toReversed()) {
    const value = values.get(member.name)
    if (value === undefined) continue
    if (members.some((other) => other !== member && other.name === member.name)) {
      throw new PurserError('request-invalid', `the request has ${member.name} twice`, {
        hint: 'leave out the one that is not meant',
      })
    }
    result =
      result.slice(0, member.valueStart) + JSON.stringify(value) + result.slice(member.valueEnd)
  }
  const absent = [...values].filter(([name]) => !members.some((member) => member.name === name))
  return absent.reduce((all, [name, value]) => append(all, name, value), result)
}

/** Written as the member before it is: on a line of its own, or not. */
function append(text: string, name: string, value: string): string {
  const last = membersOf(text).at(-1)
  const pair = (colon: string) => `${JSON.stringify(name)}${colon}${JSON.stringify(value)}`
  if (last === undefined) {
    const brace = text.indexOf('{') + 1
    return text.slice(0, brace) + pair(':') + text.slice(brace)
  }
  const lead = /\s*$/.exec(text.slice(0, last.nameStart))?.[0] ?? ''
  const colon = text.slice(last.nameEnd, last.valueStart)
  return `${text.slice(0, last.valueEnd)},${lead}${pair(colon)}${text.slice(last.valueEnd)}`
}

/** Strings, with what is escaped in them, and whatever has a meaning outside of them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs

/** The members of an object's own level, in order. */
function membersOf(text: string): readonly Member[] {
  const members: Member[] = []
  let depth = 0
  let name: { readonly start: number; readonly end: number } | undefined
  let value: { readonly start: number; end: number } | undefined
  const end = () => {
    if (name !== undefined && value !== undefined) {
      members.push({
        name: String(JSON.parse(text.slice(name.start, name.end))),
        nameStart: name.start,
        nameEnd: name.end,
        valueStart: value.start,
        valueEnd: value.end,
      })
    }
    name = undefined
    value = undefined
  }
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const after = index + token.length
    if (/^[}\]]/.test(token)) depth--
    if (depth === 0 || (depth === 1 && token === ',')) end()
    else if (name === undefined) name = { start: index, end: after }
    else if (depth !== 1 || token !== ':') {
      value ??= { start: index, end: after }
      value.end = after
    }
    if (/^[{[]/.test(token)) depth++
  }
  return members
}
