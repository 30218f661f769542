import type { Attachment } from '../attachment.ts'

/** Tells, beside a request that was filled in, what became of its fields. */
export const FIELDS_HEADER = 'purser-fields'

/** JSON, with what a header cannot hold escaped as in a string of JSON. */
export function encodeFields(fields: Attachment['fields']): string {
  const told = fields.map((field) =>
    field.state === 'filled'
      ? { ...field, expiresAt: field.expiresAt?.toISOString() ?? null }
      : field,
  )
  return JSON.stringify(told).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
