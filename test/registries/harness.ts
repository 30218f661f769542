import type { Net } from '../../src/net/net.ts'

/** A way out for tests in which nobody may ask for one. */
export async function refuseNet(): Promise<Net> {
  throw new Error('nothing here asks a cloud')
}
