import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMarks } from '../../../src/cloud/marks.ts'

const AMBIENT = { kind: 'ambient-gcp' } as const
const FOLDER = '.config/gcloud'

function machine(env: Readonly<Record<string, string>> = {}) {
  const home = mkdtempSync(join(tmpdir(), 'purser-mark-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
  for (const name of ['active_config', 'configurations/config_default', 'credentials.db']) {
    write(`${FOLDER}/${name}`, 'a')
  }
  const mark = (more: Readonly<Record<string, string>> = {}) =>
    createMarks({ HOME: home, ...env, ...more })(AMBIENT)
  return { write, mark }
}

test.each([
  'application_default_credentials.json',
  'active_config',
  'configurations/config_default',
  'configurations/config_work',
  'credentials.db',
])('another %s is another identity of the machine', (name) => {
  const { write, mark } = machine()
  const before = mark()
  expect(mark()).toBe(before)
  write(`${FOLDER}/${name}`, 'something longer')
  expect(mark()).not.toBe(before)
})

test.each([
  'GOOGLE_APPLICATION_CREDENTIALS',
  'CLOUDSDK_AUTH_ACCESS_TOKEN',
  'CLOUDSDK_ACTIVE_CONFIG_NAME',
  'CLOUDSDK_CORE_ACCOUNT',
  'GCE_METADATA_HOST',
])('another %s is another identity of the machine, which its mark does not tell', (name) => {
  const { mark } = machine()
  const marked = mark({ [name]: 'a-value' })
  expect(marked).not.toBe(mark())
  expect(marked).not.toContain('a-value')
})

test('a variable of another cloud changes nothing', () => {
  const { mark } = machine()
  expect(mark({ AZURE_CLIENT_ID: 'other', PATH: '/bin' })).toBe(mark())
})
