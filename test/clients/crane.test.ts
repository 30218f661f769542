import { delimiter } from 'node:path'
import { beforeAll, describe } from 'vitest'
import { createCrane } from './crane.ts'
import { buildGo, CRANE } from './go.ts'
import { describeClient, testProxy, useServing } from './harness.ts'

const { folder: bin, missing } = await buildGo(CRANE, [])

describeClient(
  'crane',
  missing,
  (sandbox) =>
    createCrane({
      ...sandbox,
      env: { ...sandbox.env, PATH: [bin, sandbox.env['PATH']].join(delimiter) },
    }),
  (stage) => {
    describe('through the proxy', () => {
      const serving = useServing(stage)
      beforeAll(() => stage.client.configure({}))
      testProxy(stage, serving)
    })
  },
)
