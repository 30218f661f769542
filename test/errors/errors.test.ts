import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import vectors from '../vectors/errors.json' with { type: 'json' }
import { AGENT } from './agent.ts'
import { AMAZON } from './amazon.ts'
import { AZURE } from './azure.ts'
import { CONFIG } from './config.ts'
import { FLEET } from './fleet.ts'
import { GOOGLE } from './google.ts'
import { KEYS } from './keys.ts'
import { LIFETIME } from './lifetime.ts'
import { REQUEST } from './request.ts'
import { SOURCES } from './sources.ts'
import { type Provocations, placesOf, provoke, ROOT_ONLY, type Told } from './stage.ts'
import { TOKEN } from './token.ts'
import { VAULT } from './vault.ts'
import { WAY_OUT } from './way-out.ts'

const AREAS: Readonly<Record<string, Provocations>> = {
  agent: AGENT,
  amazon: AMAZON,
  azure: AZURE,
  config: CONFIG,
  fleet: FLEET,
  google: GOOGLE,
  keys: KEYS,
  lifetime: LIFETIME,
  request: REQUEST,
  sources: SOURCES,
  token: TOKEN,
  vault: VAULT,
  wayOut: WAY_OUT,
}

const VECTORS: Readonly<Record<string, Readonly<Record<string, Told>>>> = vectors

const isRoot = process.getuid?.() === 0

/** Where the errors were made that have been seen. */
const seen = new Set<string>()

describe.each(Object.entries(AREAS))('%s', (area, provocations) => {
  const possible = Object.entries(provocations).filter(
    ([name]) => isRoot || !ROOT_ONLY.includes(name),
  )
  test.each(possible)('%s', async (name, provocation) => {
    const { error, ...told } = await provoke(provocation)
    for (const place of placesOf(error)) seen.add(place)
    expect(told).toEqual(VECTORS[area]?.[name])
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('S3CRET')
  })

  test('has a vector for each, and no other', () => {
    expect(Object.keys(VECTORS[area] ?? {}).sort()).toEqual(Object.keys(provocations).sort())
  })
})

/** An English word with a capital, unless it is somebody's name, a variable or code. */
const CAPITAL = /^(?!AWS|AZURE|GCE|GOOGLE|GCP|HTTPS|IDENTITY|NGC|GITHUB|GET|POST|DIR)[A-Z]/

test('each is one line, in lower case, without a period', () => {
  for (const { message, hint } of Object.values(VECTORS).flatMap((area) => Object.values(area))) {
    for (const text of [message, hint ?? 'nothing']) expect(text).not.toMatch(/\n|\.$|^\s|^$/)
    expect(message).not.toMatch(CAPITAL)
  }
})

/** The layers whose errors a user is told. */
const LAYERS = '{registries,cloud,sources,vault,config,agent,token,net,request,cache,logins}'

/**
 * Errors that nobody sees where they were made: they are told within another's message, in another
 * process, or nobody knows how to bring them about.
 */
const UNSEEN: Readonly<Record<string, number>> = {
  // The agent's client tells it.
  'agent/leases.ts': 1,
  'agent/server.ts': 3,
  // Within what was asked for.
  'cloud/aws/handler.ts': 1,
  'cloud/google/ask.ts': 3,
  'cloud/google/fault.ts': 1,
  'cloud/google/subject.ts': 4,
  'cloud/google/token.ts': 1,
  // In a process of its own: the SDK reads the machine's files by itself.
  'cloud/aws/identity.ts': 2,
  'cloud/aws/instance.ts': 1,
  'cloud/aws/sso.ts': 2,
  'cloud/google/aws.ts': 2,
  // Of a cloud, or a system, that does what it never did.
  'cloud/aws/sts.ts': 1,
  'cloud/google/client.ts': 1,
  'cloud/google/transport.ts': 1,
  'vault/sqlite/connection.ts': 1,
  // Of a URL that was checked before.
  'config/toml.ts': 1,
  // Of a database that is there: test/vault/postgres.
  'vault/postgres/archive.ts': 1,
  'vault/postgres/key-rotation.ts': 2,
  'vault/postgres/vault.ts': 1,
}

test.runIf(isRoot)('there is one from each place that makes errors', () => {
  const src = join(import.meta.dirname, '../../src')
  const unseen: Record<string, string[]> = {}
  for (const path of globSync(`${LAYERS}/**/*.ts`, { cwd: src })) {
    const lines = readFileSync(join(src, path), 'utf8').split('\n')
    const missing = lines
      .map((line, i) => (line.includes('new PurserError(') ? `${path}:${i + 1}` : ''))
      .filter((place) => place !== '' && !seen.has(place))
    if (missing.length > (UNSEEN[path] ?? 0)) unseen[path] = missing
  }
  expect(unseen).toEqual({})
})
