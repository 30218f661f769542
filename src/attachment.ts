/** A request, and what was done to it. */
export interface Attachment {
  /** The request's JSON: every byte of it as it was, but for what was filled in. */
  readonly request: string
  readonly fields: readonly Field[]
}

/** What became of a credential field of a request. */
export type Field = { readonly field: string } & (
  | { readonly state: 'filled'; readonly from: string; readonly expiresAt: Date | undefined }
  | { readonly state: 'kept' }
  | { readonly state: 'empty'; readonly why: string }
)
