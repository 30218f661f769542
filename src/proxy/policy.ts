import { createLru, type Lru } from '../cache/lru.ts'
import type { UpstreamConfig } from '../config/config.ts'
import { quote } from '../model/host.ts'
import type { Action } from '../model/target.ts'
import { type Problem, problem } from './problem.ts'

/** What somebody wants to do at an upstream, with the repositories that it is about. */
export interface Wish {
  readonly upstream: UpstreamConfig
  readonly action: Action
  /** As the registry knows it. */
  readonly repository: string
  /** What is mounted from. */
  readonly from: string | undefined
}

/** Decides what an upstream's configuration allows: `undefined`, or why not. */
export function judgeWish({ upstream, action, repository, from }: Wish): Problem | undefined {
  const { host, actions } = upstream
  if (!actions.includes(action)) {
    const told = `${action} is not allowed at ${host.name}; add "${action}" to actions of its [[upstream]]`
    return problem(403, 'DENIED', told)
  }
  const other = [repository, from ?? repository].find((name) => !isServed(upstream, name))
  if (other === undefined) return undefined
  const told = `${quote(other)} is not among the repositories of ${host.name} that are served`
  return problem(403, 'DENIED', told)
}

function isServed(upstream: UpstreamConfig, repository: string): boolean {
  const { repositories } = upstream
  if (repositories.length === 0) return true
  const decisions = decisionsOf(upstream)
  const known = decisions.get(repository)
  if (known !== undefined) return known
  const made = repositories.some((glob) => matches(glob, repository))
  decisions.set(repository, made)
  return made
}

/** A node reads hundreds of repositories, thousands of times a second. */
const CAPACITY = 4_096
const remembered = new WeakMap<UpstreamConfig, Lru<boolean>>()

function decisionsOf(upstream: UpstreamConfig): Lru<boolean> {
  const known = remembered.get(upstream)
  if (known !== undefined) return known
  const made = createLru<boolean>(CAPACITY)
  remembered.set(upstream, made)
  return made
}

/**
 * `*` is any part of one component, `**` any components.
 *
 * Walks through all matches at once, so that no pattern takes longer than its length times the name's:
 * as a regular expression, one of eight stars takes minutes.
 */
function matches(glob: string, name: string): boolean {
  const tokens = glob.match(/\*\*|\*|[^*]/g) ?? []
  let at = reachable(tokens, new Set([0]))
  for (const character of name) {
    at = reachable(tokens, new Set([...at].flatMap((index) => step(tokens, index, character))))
  }
  return at.has(tokens.length)
}

function step(tokens: readonly string[], index: number, character: string): readonly number[] {
  const token = tokens[index]
  if (token === '**' || (token === '*' && character !== '/')) return [index]
  return token === character ? [index + 1] : []
}

/** A star may stand for nothing. */
function reachable(tokens: readonly string[], from: ReadonlySet<number>): ReadonlySet<number> {
  const all = new Set(from)
  for (const index of all) if (tokens[index]?.startsWith('*') === true) all.add(index + 1)
  return all
}
