import type { Family, Sample } from './family.ts'

/** All measurements, as Prometheus reads them. */
export interface Metrics {
  readonly contentType: string
  render(): string
}

/**
 * Makes the text of these families.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function createMetrics(families: readonly Family[]): Metrics {
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    render: () => families.map(textOf).join('\n'),
  }
}

function textOf({ name, help, kind, samples }: Family): string {
  const lines = [...samples()].map((sample) => `${name}${lineOf(sample)}\n`)
  return `# HELP ${name} ${escapeText(help)}\n# TYPE ${name} ${kind}\n${lines.join('')}`
}

function lineOf({ part, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`)
  const all = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  return `${part === undefined ? '' : `_${part}`}${all} ${numberOf(value)}`
}

function numberOf(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeText(text).replaceAll('"', '\\"')
}
