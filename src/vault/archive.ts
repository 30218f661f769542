import type { RecordKeys } from './record-keys.ts'
import type { Row } from './row.ts'

/** A vault as a whole, to be taken to another engine. */
export interface Archive {
  /** As the configuration's reader knows it. */
  readonly name: string
  /** All rows at one moment, and what opens them; `undefined` if there is no vault. */
  read(): Promise<Contents | undefined>
  /**
   * Puts rows in the place of all that is there, in one transaction; the vault is made if there is none.
   *
   * @param content - the rows for a vault of this key, in portions, each written when the next is asked for
   * @throws `not-allowed` if something is there, unless `overwrite`
   */
  replace(
    content: (recordKeys: RecordKeys) => Iterable<readonly Row[]>,
    overwrite: boolean,
  ): Promise<void>
}

/** What a vault holds. */
interface Contents {
  readonly rows: readonly unknown[]
  readonly recordKeys: RecordKeys
}
