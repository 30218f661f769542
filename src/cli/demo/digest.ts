import { createHash } from 'node:crypto'

/** `sha256:` and 64 hexadecimal digits: what content is called in a registry. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
