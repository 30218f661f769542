import { beforeAll, describe } from 'vitest'
import { describeClient, testHelper, testProxy, testStowaway, useServing } from './harness.ts'
import { createPodman } from './podman.ts'
import { AUTHS } from './registry.ts'
import { testRewrite } from './rewrite.ts'

describeClient('podman', ['podman'], createPodman, (stage) => {
  describe.each(AUTHS)('and a registry with %s, by credHelpers', (auth) => testHelper(stage, auth))

  describe('through the proxy', () => {
    const serving = useServing(stage)
    beforeAll(() => stage.client.configure({}))
    testProxy(stage, serving)
    testStowaway(stage, serving)
    testRewrite(stage, serving)
  })
})
