import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMarks } from '../../src/cloud/marks.ts'
import type { Credential } from '../../src/model/credential.ts'
import { Secret } from '../../src/model/secret.ts'

const AWS: Credential = { kind: 'ambient-aws', profile: 'dev', role: undefined }
const GOOGLE: Credential = { kind: 'ambient-gcp' }
const EXTERNAL: Credential = { kind: 'gcp-external', json: new Secret('{}') }
const AZURE: Credential = { kind: 'ambient-azure', clientId: undefined }

function openHome() {
  const home = mkdtempSync(join(tmpdir(), 'purser-marks-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return {
    home,
    write(path: string, content: string): string {
      const full = join(home, path)
      mkdirSync(dirname(full), { recursive: true })
      writeFileSync(full, content)
      return full
    },
    mark: (credential: Credential, env: Readonly<Record<string, string>> = {}) =>
      createMarks({ HOME: home, ...env })(credential),
  }
}

describe('a mark', () => {
  test.each<[Credential, string]>([
    [AWS, '.aws/config'],
    [AWS, '.aws/credentials'],
    [AWS, '.aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json'],
    [EXTERNAL, '.aws/config'],
    [EXTERNAL, '.aws/credentials'],
    [GOOGLE, '.aws/config'],
    [GOOGLE, '.aws/credentials'],
    [GOOGLE, '.config/gcloud/application_default_credentials.json'],
    [GOOGLE, '.config/gcloud/active_config'],
    [GOOGLE, '.config/gcloud/configurations/config_default'],
    [GOOGLE, '.config/gcloud/credentials.db'],
  ])('of %j changes with ~/%s', (credential, path) => {
    const { write, mark } = openHome()
    const seen = [mark(credential)]
    const file = write(path, 'one')
    seen.push(mark(credential))
    expect(mark(credential)).toBe(seen[1])
    write(path, 'other')
    seen.push(mark(credential))
    // Of the same size and the same time: another file has taken its place.
    write(`${path}.new`, 'OTHER')
    utimesSync(file, 1, 1)
    seen.push(mark(credential))
    utimesSync(`${file}.new`, 1, 1)
    renameSync(`${file}.new`, file)
    seen.push(mark(credential))
    rmSync(file)
    expect(new Set(seen).size).toBe(5)
  })

  test.each<[Credential, string]>([
    [AWS, 'AWS_PROFILE'],
    [AWS, 'AWS_ACCESS_KEY_ID'],
    [AWS, 'AWS_WEB_IDENTITY_TOKEN_FILE'],
    [AWS, 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
    [EXTERNAL, 'AWS_PROFILE'],
    [GOOGLE, 'AWS_PROFILE'],
    [GOOGLE, 'GOOGLE_APPLICATION_CREDENTIALS'],
    [GOOGLE, 'CLOUDSDK_ACTIVE_CONFIG_NAME'],
    [GOOGLE, 'GCE_METADATA_HOST'],
    [AZURE, 'AZURE_CLIENT_ID'],
    [AZURE, 'AZURE_FEDERATED_TOKEN_FILE'],
    [AZURE, 'IDENTITY_ENDPOINT'],
  ])('of %j changes with %s, and shows nothing of it', (credential, name) => {
    const { mark } = openHome()
    const marks = [{}, { [name]: 'canary' }, { [name]: 'other' }].map((env) =>
      mark(credential, env),
    )
    expect(new Set(marks).size).toBe(3)
    expect(marks.join()).not.toContain('canary')
    expect(mark(credential, { [name]: '' })).toBe(marks[0])
    expect(mark(credential, { SHELL: 'sh', NGC_API_KEY: 'k' })).toBe(marks[0])
  })

  test.each<[Credential, string, string]>([
    [AWS, 'AWS_CONFIG_FILE', 'elsewhere'],
    [AWS, 'AWS_SHARED_CREDENTIALS_FILE', 'elsewhere'],
    [GOOGLE, 'GOOGLE_APPLICATION_CREDENTIALS', 'key.json'],
  ])('of %j changes with the file that %s names', (credential, name, path) => {
    const { write, mark } = openHome()
    const env = { [name]: write(path, 'one') }
    const before = mark(credential, env)
    write(path, 'other')
    expect(mark(credential, env)).not.toBe(before)
  })

  test("changes with gcloud's files where Windows keeps them", () => {
    const { home, write, mark } = openHome()
    const env = { APPDATA: join(home, 'Roaming') }
    const before = mark(GOOGLE, env)
    write('Roaming/gcloud/active_config', 'other')
    expect(mark(GOOGLE, env)).not.toBe(before)
  })

  test("does not change with a token's content, which is another one every hour", () => {
    const { write, mark } = openHome()
    const aws = { AWS_WEB_IDENTITY_TOKEN_FILE: write('token', 'one') }
    const azure = { AZURE_FEDERATED_TOKEN_FILE: aws.AWS_WEB_IDENTITY_TOKEN_FILE }
    const before = [mark(AWS, aws), mark(AZURE, azure)]
    write('token', 'another')
    expect([mark(AWS, aws), mark(AZURE, azure)]).toEqual(before)
  })

  test.each<Credential>([
    { kind: 'basic', username: 'u', password: new Secret('p') },
    { kind: 'identity-token', token: new Secret('t') },
    {
      kind: 'aws',
      accessKeyId: 'AKIA',
      secretAccessKey: new Secret('s'),
      sessionToken: undefined,
      role: undefined,
    },
    { kind: 'gcp-service-account', json: new Secret('{}') },
  ])('of what holds all it needs is empty: $kind', (credential) => {
    expect(openHome().mark(credential, { AWS_PROFILE: 'x', CLOUDSDK_CONFIG: 'y' })).toBe('')
  })
})
