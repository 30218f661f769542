import { Counter, Gauge, Registry } from 'prom-client'
import type { Family } from './family.ts'

/** All measurements, as Prometheus reads them. */
export interface Metrics {
  readonly contentType: string
  render(): Promise<string>
}

/**
 * Makes a registry of these families, beside nothing that a library may have put into a global one.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function createMetrics(families: readonly Family[]): Metrics {
  const registry = new Registry()
  for (const family of families) addFamily(registry, family)
  return { contentType: registry.contentType, render: () => registry.metrics() }
}

function addFamily(registry: Registry, { kind, name, help, labels, samples }: Family): void {
  const options = { name, help, labelNames: [...labels], registers: [registry] }
  if (kind === 'gauge') {
    new Gauge({
      ...options,
      collect() {
        this.reset()
        for (const sample of samples()) this.set(sample.labels, sample.value)
      },
    })
  } else {
    new Counter({
      ...options,
      collect() {
        this.reset()
        for (const sample of samples()) this.inc(sample.labels, sample.value)
      },
    })
  }
}
