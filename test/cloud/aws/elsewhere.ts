import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { type Cloud, startCloud } from '../../fakes/aws/cloud.ts'
import type { CloudOptions } from '../../fakes/aws/state.ts'

export const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
export const USER = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
}
export const ROLE = 'arn:aws:iam::999999999999:role/puller'

/** The first questions to the metadata service; the third is for the keys of the role. */
export const IMDS = {
  token: 'IMDS PUT /latest/api/token',
  roles: 'IMDS GET /latest/meta-data/iam/security-credentials/',
}

/** What is exchanged: the keys of nothing are the machine's own identity. */
export interface Question {
  readonly host: string
  readonly keys: Readonly<Record<string, string>>
  readonly ca: readonly string[]
  readonly connect: readonly (readonly [string, string])[]
}

export type Outcome =
  | { readonly login: string; readonly lifeMs: number }
  | { readonly miss: true }
  | { readonly code: string; readonly message: string; readonly hint: string | undefined }

/** A machine with a home of its own, and Amazon's services on it. */
export interface Machine {
  readonly cloud: Cloud
  readonly home: string
  /** Exchanges in a process that has these variables and those that lead to the services. */
  exchange(
    env?: Readonly<Record<string, string>>,
    question?: Partial<Question>,
  ): Promise<{ readonly result: Outcome; readonly tookMs: number }>
}

/** Sets one up, with these files in its home. */
async function machine(
  options: CloudOptions,
  files: Readonly<Record<string, string>> = {},
): Promise<Machine> {
  const cloud = await startCloud(options)
  const home = mkdtempSync(join(tmpdir(), 'purser-aws-'))
  onTestFinished(async () => {
    await cloud.close()
    rmSync(home, { recursive: true, force: true })
  })
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text.replaceAll('ORIGIN', cloud.origin).replaceAll('HOME', home))
    if (text.startsWith('#!')) chmodSync(path, 0o700)
  }
  return {
    cloud,
    home,
    async exchange(env = {}, { host = HOST, keys = {} } = {}) {
      const question: Question = { host, keys, ca: [cloud.ca], connect: [...cloud.connect] }
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--no-warnings', SCRIPT, JSON.stringify(question)],
        {
          timeout: 30_000,
          env: {
            PATH: process.env['PATH'],
            HOME: home,
            AWS_ENDPOINT_URL: cloud.origin,
            AWS_EC2_METADATA_SERVICE_ENDPOINT: cloud.origin,
            // Where the SDK would look for a region, it finds one that is wrong.
            AWS_REGION: 'ap-south-1',
            ...Object.fromEntries(
              Object.entries(env).map(([name, value]) => [
                name,
                value.replaceAll('ORIGIN', cloud.origin).replaceAll('HOME', home),
              ]),
            ),
          },
        },
      )
      if (stderr !== '') throw new Error(`the exchange said: ${stderr}`)
      return JSON.parse(stdout)
    },
  }
}

/** An exchange on a machine of its own. */
export interface Case {
  readonly name: string
  readonly options?: CloudOptions
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly keys?: Readonly<Record<string, string>>
  readonly host?: string
  /** What is asked, and nothing else. Default: nothing. */
  readonly calls?: readonly string[]
}

/** Makes it, and sees that its outcome tells no secret. */
export async function ask({ options = {}, files, env, keys = {}, host = HOST }: Case) {
  const { cloud, exchange } = await machine(options, files)
  const { result } = await exchange(env, { host, keys })
  const shown = JSON.stringify(result)
  for (const secret of ['secret of', 'session of', USER.secretAccessKey, USER.accessKeyId]) {
    expect(shown).not.toContain(secret)
  }
  return { result, calls: cloud.calls, hosts: cloud.hosts }
}

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url))
