import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startAgent } from '../../src/agent/server.ts'
import { type AttachQuestion, createAttach } from '../../src/attach.ts'
import { createCache } from '../../src/cache/cache.ts'
import { parseHost } from '../../src/model/host.ts'
import { silentLog } from '../../src/observe/log.ts'
import { generic } from '../../src/registries/generic.ts'
import { createResolver } from '../../src/resolver.ts'
import { vaultSource } from '../../src/sources/vault.ts'
import { basic, entryKey } from '../vault/files.ts'
import { openForTest, sandbox } from '../vault/sandbox.ts'

interface Answer {
  readonly status: number | undefined
  readonly body: string
  readonly fields: unknown
}

/** An agent whose team has a build registry at `r.example`. */
async function openAgent() {
  const { root, ...file } = sandbox()
  const vault = await openForTest(file)
  await vault.put(entryKey('r.example', '', { workspace: 'platform' }), basic('päss'))
  await vault.put(entryKey('ghcr.io', 'acme', { workspace: 'team' }), basic('one'))
  const resolver = createResolver({
    sources: [vaultSource(async () => vault)],
    registries: [generic],
    cache: createCache({ now: Date.now }),
    now: Date.now,
  })
  const attach = createAttach({
    vault: async () => vault,
    resolver,
    buildResolver: resolver,
    buildRegistry: {
      host: parseHost('r.example'),
      repository: undefined,
      workspace: 'platform',
      credential: 'vault',
      minLifeMs: undefined,
      renew: false,
    },
  })
  const socketPath = join(root, 'agent.sock')
  const uid = process.geteuid?.() ?? 0
  const status = () => ({})
  const agent = await startAgent({
    ...{ socket: socketPath, uid, resolver, vault: 'v', log: silentLog, status, attach },
    workspace: 'team',
  })
  onTestFinished(() => agent.close())

  return (body: string | Buffer, query = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const post = request({ socketPath, method: 'POST', path: `/v1/attach${query}` })
      post.once('error', reject).once('response', async (response) => {
        const told = response.headers['purser-fields']
        const fields = told === undefined ? undefined : JSON.parse(String(told))
        resolve({
          status: response.statusCode,
          body: await text(response),
          fields,
        })
      })
      post.end(body)
    })
}

const build = { build_options: { source_image: 'ghcr.io/acme/base' } }

describe('POST /v1/attach', () => {
  it('answers with the request, filled in, and tells what was done beside it', async () => {
    const ask = await openAgent()
    const { status, body, fields } = await ask(`{ "id": 9007199254740993 }`)
    expect(status).toBe(200)
    expect(body).toBe('{ "id": 9007199254740993, "build_registry_credentials": "ada:päss" }')
    expect(fields).toEqual([
      { field: 'image_credentials', state: 'empty', why: 'the request names no image' },
      {
        field: 'build_registry_credentials',
        state: 'filled',
        from: 'entry default for r.example of workspace platform',
        expiresAt: null,
      },
    ])
  })

  it.each<[string, string, Partial<AttachQuestion>]>([
    ['the agent’s own workspace', '', { workspace: 'team' }],
    ['the workspace that is named', '?workspace=other', { workspace: 'other' }],
  ])('asks in %s', async (_, query, { workspace }) => {
    const ask = await openAgent()
    const { fields } = await ask(JSON.stringify(build), query)
    expect(fields).toMatchObject([
      workspace === 'team'
        ? { state: 'filled' }
        : { state: 'empty', why: 'workspace other has no entry for ghcr.io/acme/base' },
      {},
    ])
  })

  it('keeps what is there unless it is told otherwise', async () => {
    const ask = await openAgent()
    const given = JSON.stringify({
      ...build,
      image_credentials: 'u:p',
      build_registry_creds: 'b:c',
    })
    expect((await ask(given)).body).toBe(given)
    const { body } = await ask(given, '?overwrite=true')
    expect(JSON.parse(body)).toMatchObject({ build_registry_creds: 'ada:päss' })
  })

  it.each([
    ['what is no JSON', 'S3CRET', 'the request is not JSON'],
    ['a list', '["S3CRET"]', 'request must be an object'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]), 'the request is not UTF-8'],
    [
      'more than 1 MiB',
      `{"a":"${'x'.repeat(1024 * 1024)}"}`,
      'the question has more than 1024 KiB',
    ],
  ])('refuses %s', async (_, body, message) => {
    const answer = await (await openAgent())(body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request-invalid', message })
    expect(answer.body).not.toContain('S3CRET')
  })
})
