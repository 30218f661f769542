import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Stage } from './harness.ts'
import type { Serving } from './purser.ts'
import { AUTHS } from './registry.ts'
import type { Sandbox } from './sandbox.ts'
import { seed } from './straight.ts'

/**
 * Tests that a client of containers/image reads through the proxy what is named by its registry. It does
 * not write so: a push goes where its name says.
 *
 * @see https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
export function testRewrite(stage: Stage, serving: () => Serving): void {
  it.each(AUTHS)('pulls by the name of a registry with %s', async (auth) => {
    const { sandbox, client, upstreams } = stage
    const { host, pathHost } = upstreams[auth]
    const { archive, ...digests } = await sandbox.makeImage('unnamed')
    await seed(sandbox, upstreams[auth], 'rewritten/a:1', archive)
    const lines = [
      '[[registry]]',
      `prefix = "${host}"`,
      `location = "${serving().host}/${pathHost}"`,
      'insecure = true',
    ]
    for (const file of filesOf(sandbox)) {
      await writeFile(file, lines.join('\n'))
      onTestFinished(() => writeFile(file, ''))
    }
    // Nobody here has a login but the proxy.
    expect(digests).toMatchObject(await client.pull(`${host}/rewritten/a:1`))
  })
}

/** buildah and podman look where they are told to, skopeo does not. */
function filesOf({ env }: Sandbox): readonly string[] {
  const own = join(env['HOME'] ?? '', '.config/containers/registries.conf')
  return [env['CONTAINERS_REGISTRIES_CONF'] ?? own, own]
}
