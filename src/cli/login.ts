import type { Command } from 'commander'
import type { Subject } from '../health/subject.ts'
import type { FailedVerdict } from '../health/verdict.ts'
import { type ErrorCode, PurserError } from '../model/errors.ts'
import { looksLikeHost, quote } from '../model/host.ts'
import { registryOf } from '../registries/all.ts'
import { DEFAULT_ENTRY, placeOf } from '../vault/vault.ts'
import { type CliContext, type Flags, type Session, withSession } from './context.ts'
import { type CredentialFlags, namedIdentity, readCredential } from './credential.ts'
import { parseHostAndPrefix } from './place.ts'
import { say } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface LoginFlags extends Flags, CredentialFlags {
  readonly name: string
  readonly check?: true
}

/** As long as docker waits for a registry. */
const CHECK_TIMEOUT_MS = 30_000

const HELP = `
Examples:
  $ purser login ghcr.io
  $ purser login ghcr.io/acme --username octocat --password-stdin < token
  $ purser login nvcr.io --from-env NGC_API_KEY
  $ purser login 123456789012.dkr.ecr.us-east-1.amazonaws.com \\
      --from-env AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION
  $ purser login 123456789012.dkr.ecr.us-east-1.amazonaws.com/team \\
      --aws-profile dev --aws-role-arn arn:aws:iam::123456789012:role/pull
  $ purser login us-docker.pkg.dev --json service-account.json
  $ purser login ghcr.io --json credential.json

What --from-env takes, and --json as keys:
  Amazon ECR   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, or also AWS_SESSION_TOKEN;
               or AWS_PROFILE; or, alone or with either, AWS_ROLE_ARN, or also AWS_EXTERNAL_ID
               and AWS_ROLE_SESSION_NAME; flags that begin with --aws say the same
  Google       GCP_ACCESS_TOKEN; or GOOGLE_APPLICATION_CREDENTIALS, the path of a credential file
               or its text; --json takes such a file as it is
  Azure        AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID; or AZURE_CLIENT_ID alone, for
               an identity of this machine
  NVIDIA NGC   NGC_API_KEY
  GitHub       GITHUB_TOKEN, or also GITHUB_USERNAME or GITHUB_ACTOR
  Docker Hub   DOCKERHUB_USERNAME, and DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN
  any          USERNAME and PASSWORD, or REGISTRY_USERNAME and REGISTRY_PASSWORD

No secret is taken from the arguments: every process of the machine can read those. Without --check
the credential is stored untried: the first pull or push tells whether the registry takes it.`

/** Registers `purser login`. */
export function addLogin(program: Command, context: CliContext): void {
  program
    .command('login')
    .description('store a credential for a registry, or for a part of it, in the vault')
    .argument('<host[/prefix]>', 'the registry, and the start of the repositories that it is for')
    .option('-u, --username <user>', 'the user name; asked for on a terminal')
    .option('--password-stdin', 'read the password from stdin, rather than ask for it')
    .option('--from-env <keys>', 'store what these variables hold, separated by commas')
    .option('--json <file>', 'store the credential in this file; - is stdin')
    .option('--aws-profile <name>', "use a profile of this user's AWS files")
    .option('--aws-role-arn <arn>', 'take on this role, with --from-env, --aws-profile, or alone')
    .option('--aws-external-id <id>', 'what the role asks for, where another account has made it')
    .option('--aws-session-name <name>', 'what the role is called in the logs of AWS')
    .addOption(workspaceOption())
    .option('--check', 'log in with it first, and store it only if that works')
    .option('--name <name>', 'tells entries of the same place apart', DEFAULT_ENTRY)
    .addHelpText('after', HELP)
    .action((place: string, flags: LoginFlags) => login(place, flags, context))
}

async function login(text: string, flags: LoginFlags, context: CliContext): Promise<void> {
  const { host, prefix } = parseHostAndPrefix(text)
  checkHost(text)
  checkFlags(flags)
  await withSession(context, flags, async (session) => {
    const { workspace } = session
    const registry = registryOf(await session.registries(), host)
    const credential = await readCredential({ host, registry }, flags, context)
    const key = { workspace, host, prefix, name: flags.name }
    if (flags.check)
      await tryOut({ ...key, source: 'vault', credential, version: 0 }, session, context)
    const vault = await session.vault()
    await vault.put(key, credential)
    const place = placeOf({ host, prefix })
    const article = /^[aeiou]/.test(credential.kind) ? 'an' : 'a'
    say(
      context,
      `stored ${article} ${credential.kind} credential for ${place} in workspace ${workspace}`,
    )
  })
}

/** @throws `upstream-refused`, `credential-expired` or `network` if nobody gets in with it */
async function tryOut(subject: Subject, session: Session, { signal }: CliContext): Promise<void> {
  const checker = await session.checker(CHECK_TIMEOUT_MS)
  const verdict = await checker.check(subject, signal)
  if (verdict.state === 'valid') return
  const untried = 'store it untried: leave out --check'
  const instead = verdict.hint === undefined ? untried : `${verdict.hint}; or ${untried}`
  throw new PurserError(
    codeFor(verdict.state),
    `not stored, for it is ${verdict.state}: ${verdict.reason}`,
    {
      hint: verdict.state === 'unreachable' ? instead : 'see whether it is the one you mean',
    },
  )
}

function codeFor(state: FailedVerdict['state']): ErrorCode {
  switch (state) {
    case 'refused':
      return 'upstream-refused'
    case 'expired':
      return 'credential-expired'
    case 'unreachable':
      return 'network'
  }
}

/** Clients take `acme/app` for Docker Hub's: a credential of the host `acme` would never be asked for. */
function checkHost(text: string): void {
  const host = text.replace(/\/.*$/, '')
  if (looksLikeHost(host.toLowerCase())) return
  throw new PurserError('usage', `clients do not take ${quote(host)} for a registry`, {
    hint: `write docker.io/${text} if it is on Docker Hub; else add a domain or a port`,
  })
}

function checkFlags(flags: LoginFlags): void {
  const { name, username, passwordStdin, fromEnv, json } = flags
  // A name with a slash would be taken for a URL, as docker clients name entries by.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw new PurserError('usage', `--name ${quote(name)} may have letters, digits, . _ and - only`)
  }
  const ways = [passwordStdin ?? username, fromEnv, json].filter((way) => way !== undefined)
  if (ways.length > 1) {
    throw new PurserError('usage', 'a password, --from-env and --json exclude one another')
  }
  const isNamed = Object.keys(namedIdentity(flags)).length > 0
  if (isNamed && (passwordStdin ?? username ?? json) !== undefined) {
    throw new PurserError('usage', 'flags that begin with --aws go with --from-env alone')
  }
}
