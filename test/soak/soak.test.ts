import { afterAll, beforeAll, expect, test } from 'vitest'
import { openShipped, type Shipped } from '../binary/shipped.ts'
import { soak } from './soak.ts'

const CLIENTS = 500
const FOR_MS = 20_000

let shipped: Shipped
beforeAll(async () => {
  shipped = await openShipped()
})
afterAll(() => shipped.stack.disposeAsync())

test('five hundred clients pull and push, and leave nothing behind', async () => {
  const soaked = await soak(shipped, CLIENTS, FOR_MS)
  expect(soaked.mostOpen).toBeGreaterThan(CLIENTS)
  // Each has had its turn with each kind of work.
  expect(soaked.pushed).toBeGreaterThan(CLIENTS)
  expect(soaked.after).toBeLessThanOrEqual(soaked.before)
}, 180_000)
