import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const PROGRAM = new URL('./young-generation.ts', import.meta.url).pathname

/** In MiB: what the young generation holds, at each moment that the program tells of. */
async function sizes(mode: string): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, mode])
  return stdout.trim().split('\n').map(Number)
}

test('grows without bounds by itself, as far as this matters', async () => {
  const [, crowded] = await sizes('free')
  expect(crowded).toBeGreaterThan(4)
})

test('is held at 4 MiB, however much survives', async () => {
  expect(await sizes('held')).toEqual([4, 4])
})
