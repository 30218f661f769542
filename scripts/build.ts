import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { bundle } from './bundle.ts'
import { bundleLibraries, librariesFromBinary } from './libraries.ts'
import { compileModules } from './modules.ts'
import { rehearse } from './scenes.ts'
import { cacheOf, loadScript, wrapScript } from './script.ts'

/** The names under which the one binary is called. */
const PROGRAM = 'purser'
const HELPER = 'docker-credential-purser'

/** All of `src`, as one script. */
const PROGRAM_SCRIPT = 'main.cjs'

/** What programs import, as modules. */
const MODULES = 'library'

/** All that the binary and the modules are made of, and by. */
const INPUTS = [
  'package.json',
  'package-lock.json',
  'tsconfig*.json',
  'scripts/*.ts',
  'src/**/*.ts',
]

/** Tells which inputs the binary beside it was made of. */
const DIGEST = 'inputs.sha256'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * How the binary treats its surroundings; what each line closes is in docs/decisions/binary.md.
 *
 * No flag of V8's own may stand here: V8 refuses a code cache made under other flags, Node's own
 * included, which makes every start 30 ms slower.
 */
const SEA_CONFIG = {
  mainFormat: 'commonjs',
  disableExperimentalSEAWarning: true,
  useCodeCache: true,
  execArgvExtension: 'none',
  execArgv: [
    '--disable-sigusr1',
    '--openssl-config=/dev/null',
    '--no-warnings',
    '--no-addons',
    '--report-exclude-env',
  ],
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version)
  }
  throw new Error('package.json has no version')
}

/** A digest of all that is built from: equal digests, equal binaries. */
function digestOfInputs(): string {
  const hash = createHash('sha256').update(
    `${process.version} ${process.platform} ${process.arch}\n`,
  )
  for (const file of globSync(INPUTS, { cwd: root }).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  }
  return hash.digest('hex')
}

function isBuilt(digest: string): boolean {
  const names = [PROGRAM, HELPER, MODULES, DIGEST].map((name) => join(dist, name))
  return (
    names.every((path) => existsSync(path)) && readFileSync(join(dist, DIGEST), 'utf8') === digest
  )
}

function replaceLink(path: string, target: string): void {
  const fresh = `${path}.${process.pid}`
  symlinkSync(target, fresh)
  renameSync(fresh, path)
}

/** What stands there goes with the folder that the new one was made in. */
function replaceFolder(path: string, fresh: string): void {
  if (existsSync(path)) renameSync(path, `${fresh}.old`)
  renameSync(fresh, path)
}

async function main(): Promise<void> {
  if (Number.parseInt(process.versions.node, 10) < 26) {
    throw new Error(
      `this is Node ${process.version}: run it as npm run build, which brings Node 26`,
    )
  }
  const digest = digestOfInputs()
  if (isBuilt(digest)) {
    console.error(`dist/${PROGRAM} is up to date`)
    return
  }
  mkdirSync(dist, { recursive: true })
  const work = mkdtempSync(join(dist, 'build-'))
  try {
    const main = join(work, 'main.js')
    const output = join(work, PROGRAM)
    const config = join(work, 'sea.json')
    await bundle(join(work, PROGRAM_SCRIPT), {
      entryPoints: [join(root, 'src/main.ts')],
      plugins: [librariesFromBinary],
      define: { PURSER_VERSION: JSON.stringify(version()) },
    })
    wrapScript(join(work, PROGRAM_SCRIPT))
    writeFileSync(main, loadScript(PROGRAM_SCRIPT))
    const scripts = [PROGRAM_SCRIPT, ...(await bundleLibraries(work))]
    await rehearse(work, SEA_CONFIG.execArgv)
    const files = scripts.flatMap((script) => [script, cacheOf(script)])
    const assets = Object.fromEntries(files.map((file) => [file, join(work, file)]))
    writeFileSync(config, JSON.stringify({ main, output, assets, ...SEA_CONFIG }))
    execFileSync(process.execPath, ['--build-sea', config], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    compileModules(root, join(work, MODULES))
    renameSync(output, join(dist, PROGRAM))
    replaceLink(join(dist, HELPER), PROGRAM)
    replaceFolder(join(dist, MODULES), join(work, MODULES))
    writeFileSync(join(dist, DIGEST), digest)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  console.error(`built dist/${PROGRAM} ${version()}`)
}

try {
  await main()
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
