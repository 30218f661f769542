import type { Action, Target } from '../model/target.ts'

/** A repository and an action or two: what a token is good for. */
interface Scope {
  /** `repository`, `registry`, and whatever a registry invents. */
  readonly type: string
  readonly name: string
  readonly actions: ReadonlySet<string>
}

/** What a client has to be granted for each action. A push reads before it writes. */
const GRANTS: Readonly<Record<Action, string>> = {
  pull: 'pull',
  push: 'pull,push',
  delete: 'delete',
}

/**
 * The scopes of a token for `target`; none without a repository.
 *
 * @see https://distribution.github.io/distribution/spec/auth/scope/
 */
export function scopesOf({
  repository,
  action,
}: Pick<Target, 'repository' | 'action'>): readonly string[] {
  return repository === undefined ? [] : [`repository:${repository}:${GRANTS[action]}`]
}

/** A mount needs two; a challenge may add one or two of its own. */
const MAX_SCOPES = 16

/** A name has at most 255 characters, and four actions of six. */
const MAX_SCOPE_LENGTH = 512

/**
 * ```abnf
 * resourcescope = resourcetype ":" resourcename ":" action *( "," action )
 * resourcetype  = 1*( ALPHA / DIGIT ) [ "(" 1*( ALPHA / DIGIT ) ")" ]
 * resourcename  = [ hostname "/" ] component *( "/" component )     ; the hostname may have a port
 * action        = 1*LOWER / "*"
 * ```
 */
const SCOPE =
  /^(?<type>[a-z0-9]+(?:\([a-z0-9]+\))?):(?<name>[^\s"\\:][^\s"\\]*):(?<actions>[a-z*,]+)$/i

/**
 * Joins scopes of the same repository, keeps the order of the rest, and sorts the actions.
 *
 * Order matters to those who ask: some registries read the first scope alone, so a challenge's own
 * comes first. What is not a scope is left out, and so is all after the 16th.
 */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const merged = new Map<string, Scope>()
  for (const text of scopes) {
    const scope = parseScope(text)
    if (scope === undefined) continue
    const key = `${scope.type}:${scope.name}`
    const actions = merged.get(key)?.actions ?? new Set()
    if (merged.has(key) || merged.size < MAX_SCOPES) {
      merged.set(key, { ...scope, actions: scope.actions.union(actions) })
    }
  }
  return [...merged.values()].map(
    ({ type, name, actions }) => `${type}:${name}:${[...actions].sort().join(',')}`,
  )
}

/** One text for every order of the same scopes, and no other. */
export function scopeKey(scopes: readonly string[]): string {
  return [...mergeScopes(scopes)].sort().join(' ')
}

/**
 * What of the scopes that a registry asks for may be asked for on behalf of a question: no action
 * that the question has not. Whoever speaks for a registry would have a pull fetch him a token to
 * push or delete with, be it where the operator allows neither.
 */
export function limitScopes(
  wanted: readonly string[],
  asked: readonly string[],
): readonly string[] {
  const allowed = new Set(asked.flatMap((text) => [...(parseScope(text)?.actions ?? [])]))
  // There is none above it, and some registries say `*` for it.
  if (allowed.has('delete')) return wanted
  return wanted.flatMap((text) => {
    const scope = parseScope(text)
    const actions = [...(scope?.actions ?? [])].filter((action) => allowed.has(action))
    return scope === undefined || actions.length === 0
      ? []
      : [`${scope.type}:${scope.name}:${actions.join(',')}`]
  })
}

function parseScope(text: string): Scope | undefined {
  if (text.length > MAX_SCOPE_LENGTH) return undefined
  const { type, name, actions } = SCOPE.exec(text)?.groups ?? {}
  if (type === undefined || name === undefined || actions === undefined) return undefined
  const set = new Set(actions.split(',').filter((action) => action !== ''))
  return set.size === 0 ? undefined : { type, name, actions: set }
}
