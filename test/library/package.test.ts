import { execFileSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run } from '../clients/child.ts'
import { authorizationOf } from '../fakes/ecr.ts'
import { listen, stop } from '../fakes/http.ts'

const ROOT = join(import.meta.dirname, '../..')
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc')

const Manifest = v.object({ dependencies: v.record(v.string(), v.string()) })

const PROGRAM = `
import {
  type CredentialProvider,
  type CredentialType,
  createProviderFromEnv,
  detectCredentialType,
  getRegistryTokenForImage,
  marshalCredentials,
  openPurser,
  parseCredentials,
  PurserError,
} from 'purser'

const type: CredentialType = detectCredentialType('ghcr.io', { GITHUB_TOKEN: 't' })
const text: string = marshalCredentials('ghcr.io', type, { GITHUB_TOKEN: 't' })
const names: string[] = Object.keys(parseCredentials(text)?.keys ?? {})
const provider: CredentialProvider = await createProviderFromEnv('ghcr.io', names, {
  GITHUB_TOKEN: 't',
})
const login = await provider.getCredentials('ghcr.io')
await using purser = openPurser(process, { workspace: 'team' })
await purser.setImageCredentialSecret('i1', { reference: 'ghcr.io/a/b', keys: { GITHUB_TOKEN: 't' } })
const { request } = await purser.attachImageCredentials('{"image_id":"i1"}')
const token = await getRegistryTokenForImage(
  '123456789012.dkr.ecr.us-east-1.amazonaws.com/app',
  { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'us-east-1' },
  { env: process.env },
)
const refused = await getRegistryTokenForImage('nvcr.io/a/b', {}).catch((error: unknown) => error)
// @ts-expect-error: a number is no image
purser.getImageCredentialSecret(7).catch(() => undefined)
console.log(
  JSON.stringify({
    type,
    text,
    token,
    password: login?.password,
    request,
    code: refused instanceof PurserError ? refused.code : undefined,
  }),
)
`

/** A folder in which the package is installed as npm would, with what it depends on. */
function installPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'purser-p-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  const env = { PATH: process.env['PATH'], HOME: folder, npm_config_update_notifier: 'false' }
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT, env })
  execFileSync('tar', ['-xzf', join(folder, 'purser-0.1.0.tgz'), '-C', modules])
  execFileSync('mv', [join(modules, 'package'), join(modules, 'purser')])
  const manifest = readFileSync(join(modules, 'purser/package.json'), 'utf8')
  const { dependencies } = v.parse(Manifest, JSON.parse(manifest))
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  return folder
}

/** What gives a token to anybody. @returns its origin */
async function startAmazon(): Promise<string> {
  const data = authorizationOf('minted', new Date(Date.now() + 12 * 60 * 60_000))
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'application/x-amz-json-1.1')
    response.end(JSON.stringify({ authorizationData: [data] }))
  })
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return `http://127.0.0.1:${port}`
}

describe.skipIf(!existsSync(join(ROOT, 'dist/library')))('the package', () => {
  test('is what another program imports, in TypeScript and in JavaScript', async () => {
    const folder = installPackage()
    writeFileSync(join(folder, 'package.json'), '{"name":"platform","type":"module"}')
    writeFileSync(join(folder, 'main.ts'), PROGRAM)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2025',
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          // The declarations are to be right by themselves.
          skipLibCheck: false,
        },
      }),
    )
    const env = {
      ...{ PATH: '/usr/bin:/bin', PURSER_HOME: join(folder, 'home'), HOME: folder },
      AWS_ENDPOINT_URL_ECR: await startAmazon(),
    }
    const compiled = await run(process.execPath, [COMPILER, '-p', folder], { env })
    expect(compiled).toEqual({ status: 0, stdout: '', stderr: '' })
    const { status, stdout, stderr } = await run(process.execPath, [join(folder, 'main.js')], {
      env,
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const text = '{"registry":"ghcr.io","type":"token","credentials":{"GITHUB_TOKEN":"t"}}'
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ type: 'token', text, password: 't' },
      ...{ token: 'AWS:minted', code: 'credential-incomplete' },
    })
    const { request } = JSON.parse(stdout)
    expect(JSON.parse(JSON.parse(request).image_credentials)).toMatchObject({
      registry: 'ghcr.io',
      credentials: { GITHUB_USERNAME: expect.any(String), GITHUB_TOKEN: 't' },
    })
  })

  test('declares nothing by what others declare', () => {
    const files = globSync('**/*.d.ts', { cwd: join(ROOT, 'dist/library') })
    const foreign = files.flatMap((file) => {
      const text = readFileSync(join(ROOT, 'dist/library', file), 'utf8')
      return [...text.matchAll(/\bfrom '([^.'][^']*)'/g)].map(([, name]) => `${file}: ${name}`)
    })
    expect(foreign).toEqual([])
    expect(files.length).toBeGreaterThan(0)
  })

  test('has its modules alone, and no source', () => {
    const listed = execFileSync('npm', ['pack', '--dry-run', '--json'], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], HOME: tmpdir(), npm_config_update_notifier: 'false' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString()
    const Packed = v.tuple([v.object({ files: v.array(v.object({ path: v.string() })) })])
    const [{ files }] = v.parse(Packed, JSON.parse(listed))
    const others = files.map(({ path }) => path).filter((path) => !path.startsWith('dist/library/'))
    expect(others.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json'])
  })
})
