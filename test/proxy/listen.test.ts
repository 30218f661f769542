import { expect, test } from 'vitest'
import { describeError, hintOf } from '../../src/model/errors.ts'
import { runProxy } from './harness.ts'

test('a port that is taken: which, and what to do', async () => {
  const { port } = await runProxy([])
  const { proxy } = await runProxy([])
  const error = await proxy.listen({ address: '127.0.0.1', port }).catch((cause: unknown) => cause)
  expect(describeError(error)).toMatch(`cannot listen on 127.0.0.1:${port}: `)
  expect(hintOf(error)).toBe('stop what listens there, or choose a port with --listen')
})
