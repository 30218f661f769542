/** One way in which a server says that it can be logged in to. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string
  readonly token68: string | undefined
  /** By name in lower case. */
  readonly params: ReadonlyMap<string, string>
}

/** No header that a registry sends is longer than 1 KiB: realm, service and a scope or two. */
const MAX_HEADER_LENGTH = 8 * 1024
const MAX_CHALLENGES = 16

/**
 * Parses the values of all WWW-Authenticate headers of an answer.
 *
 * @returns what could be read before the first fault, in the order of the headers; a challenge
 * that names a parameter twice is left out, for nobody knows which one the server's other clients
 * believe.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  const challenges: Challenge[] = []
  let left = MAX_HEADER_LENGTH
  for (const header of headers) {
    left -= header.length
    if (left < 0) break
    readHeader(header, challenges)
  }
  return challenges
}

/**
 * ```abnf
 * WWW-Authenticate = [ challenge *( OWS "," OWS challenge ) ]      ; and empty elements (5.6.1)
 * challenge        = auth-scheme [ 1*SP ( token68 / [ auth-param *( OWS "," OWS auth-param ) ] ) ]
 * auth-scheme      = token
 * auth-param       = token BWS "=" BWS ( token / quoted-string )
 * token68          = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
 * quoted-string    = DQUOTE *( qdtext / quoted-pair ) DQUOTE
 * quoted-pair      = "\" ( HTAB / SP / VCHAR / obs-text )
 * ```
 */
function readHeader(header: string, challenges: Challenge[]): void {
  if (FOREIGN.test(header)) return
  const scanner = createScanner(header)
  scanner.skip(SEPARATORS)
  while (!scanner.atEnd() && challenges.length < MAX_CHALLENGES) {
    const challenge = readChallenge(scanner)
    if (challenge === undefined) return
    if (challenge !== 'ambiguous') challenges.push(challenge)
    scanner.skip(SEPARATORS)
  }
}

/** @returns `undefined` if it is malformed, `ambiguous` if it names a parameter twice. */
function readChallenge(scanner: Scanner): Challenge | 'ambiguous' | undefined {
  const scheme = scanner.take(TOKEN)?.toLowerCase()
  if (scheme === undefined) return undefined
  const token68 = scanner.skip(SPACES) ? scanner.take(TOKEN68) : undefined
  const pairs = token68 === undefined ? readParams(scanner) : []
  if (pairs === undefined) return undefined
  if (pairs.length === 0 && !scanner.at(SEPARATOR_OR_END)) return undefined
  const params = new Map(pairs)
  return params.size === pairs.length ? { scheme, token68, params } : 'ambiguous'
}

/**
 * Reads parameters up to the next scheme, or to the end.
 *
 * @returns `undefined` if one is malformed.
 */
function readParams(scanner: Scanner): (readonly [string, string])[] | undefined {
  const pairs: (readonly [string, string])[] = []
  // A token with no "=" after it is the scheme of the next challenge.
  while (scanner.at(PARAM_NAME)) {
    const name = scanner.take(TOKEN)?.toLowerCase()
    scanner.skip(EQUALS)
    const value = scanner.take(QUOTED) ?? scanner.take(BARE_VALUE)
    if (name === undefined || value === undefined) return undefined
    pairs.push([name, value.startsWith('"') ? unquote(value) : value])
    if (!scanner.at(SEPARATOR_OR_END)) return undefined
    scanner.skip(SEPARATORS)
  }
  return pairs
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, '$1')
}

/** No byte of a header's: a tab, visible ASCII, or part of a text in another encoding. */
const FOREIGN = /[^\t -~\x80-\xff]/
// Sticky, and what follows a repeated class is never of that class: the time is linear.
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y
const PARAM_NAME = /[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=/y
const EQUALS = /[ \t]*=[ \t]*/y
const QUOTED = /"(?:[^"\\]|\\.)*"/sy
/** More than a token: some registries send `realm=https://…` without quotes. */
const BARE_VALUE = /[^\s",\\]+/y
const SPACES = /[ \t]+/y
const SEPARATORS = /[ \t,]+/y
const SEPARATOR_OR_END = /[ \t]*(?:,|$)/y

type Scanner = ReturnType<typeof createScanner>

function createScanner(text: string) {
  let position = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position
    return pattern.exec(text)?.[0]
  }
  return {
    atEnd: () => position >= text.length,
    at: (pattern: RegExp) => match(pattern) !== undefined,
    /** Reads what the pattern matches here. */
    take(pattern: RegExp): string | undefined {
      const found = match(pattern)
      position += found?.length ?? 0
      return found
    },
    /** Whether there was anything to skip. */
    skip(pattern: RegExp): boolean {
      const found = match(pattern)
      position += found?.length ?? 0
      return found !== undefined
    },
  }
}
