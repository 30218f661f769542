import type { Credential } from './model/credential.ts'
import type { Target } from './model/target.ts'
import type { Source } from './sources/source.ts'

/** What one source said when it was asked. */
export type Step =
  | { readonly source: string; readonly outcome: 'not asked' }
  | {
      readonly source: string
      readonly outcome: 'nothing'
      /** Why what it holds is for something else. */
      readonly why?: string
    }
  | {
      readonly source: string
      readonly outcome: 'found'
      readonly from: string
      readonly kind: Credential['kind']
    }
  | { readonly source: string; readonly outcome: 'fault'; readonly error: unknown }

/** Asks the sources as a resolver would, and tells what each said; exchanges nothing. */
export async function traceSources(
  sources: readonly Source[],
  target: Target,
  signal: AbortSignal,
): Promise<readonly Step[]> {
  const steps: Step[] = []
  for (const source of sources) {
    const last = steps.at(-1)?.outcome
    const settled = last === 'found' || last === 'fault' || last === 'not asked'
    steps.push(
      settled
        ? { source: source.name, outcome: 'not asked' }
        : await traceSource(source, target, signal),
    )
  }
  return steps
}

async function traceSource(source: Source, target: Target, signal: AbortSignal): Promise<Step> {
  try {
    const found = await source.find(target, signal)
    if (found === undefined) {
      const why = source.whyNot?.(target)
      return { source: source.name, outcome: 'nothing', ...(why !== undefined && { why }) }
    }
    const { from, credential } = found
    return { source: source.name, outcome: 'found', from, kind: credential.kind }
  } catch (error) {
    return { source: source.name, outcome: 'fault', error }
  }
}
