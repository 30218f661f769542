/** A measurement with a name: one number for each set of labels, read when somebody asks. */
export interface Family {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** With the unit last, in base units, and `_total` for counters. */
  readonly name: string
  readonly help: string
  /** The names of all labels; few values each, and never a secret. */
  readonly labels: readonly string[]
  samples(): Iterable<Sample>
}

/** One number of a family. */
export interface Sample {
  /** What it is of a histogram; of all else, nothing. */
  readonly part?: 'bucket' | 'count' | 'sum'
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A time as Prometheus has it: in seconds since the epoch. */
export function secondsOf(time: Date): number {
  return time.getTime() / 1000
}
