/** One figure, and what it is measured against in the same run. */
export interface Row {
  readonly what: string
  readonly purser: Figure
  readonly peer?: { readonly name: string; readonly figure: Figure }
}

export interface Figure {
  readonly value: number
  readonly unit: 'ms' | '/s' | 'MiB/s' | 'MiB' | ''
}

/** The rows as Markdown; a ratio is Purser's figure by the peer's. */
export function renderTable(rows: readonly Row[]): string {
  return [
    '| what | Purser | peer | ratio |',
    '|---|---:|---|---:|',
    ...rows.map(({ what, purser, peer }) => {
      const cells = [what, render(purser)]
      if (peer === undefined) return `| ${[...cells, '', ''].join(' | ')} |`
      const ratio = (purser.value / peer.figure.value).toFixed(2)
      return `| ${[...cells, `${peer.name} ${render(peer.figure)}`, ratio].join(' | ')} |`
    }),
  ].join('\n')
}

function render({ value, unit }: Figure): string {
  const shown = value < 100 ? value.toFixed(value < 10 ? 2 : 1) : whole(value)
  return unit === '/s' || unit === '' ? `${shown}${unit}` : `${shown} ${unit}`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

/** The middle one; figures of a shared machine have outliers on one side only. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
