import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Command } from 'commander'
import type { GrantedLease, LeaseClient } from '../lease/granted.ts'
import { describeError, systemCode } from '../model/errors.ts'
import { decodeRequest } from '../request/load.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { readNamedBytes } from './input.ts'
import { complain, warn } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface RunFlags extends Flags {
  readonly request: string
}

/** A lease lives for a day without: half of it is left for the agent to come back. */
const RENEW_MS = 12 * 60 * 60_000

/** To say goodbye; the lease ends by itself if the agent does not hear it. */
const CLOSE_TIMEOUT_MS = 5_000

/** @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02 */
const NOT_EXECUTABLE = 126
const NOT_FOUND = 127
const SIGNALLED = 128

/** Ends the program with this code. */
type Exit = (code: number) => void

const HELP = `
Examples:
  $ purser run --request request.json -- buildah bud -t localhost:5000/ghcr.io/acme/app .
  $ purser run --request - -- skopeo copy docker://ghcr.io/acme/app:1 oci:app < request.json

The agent (purser serve) opens a lease for the request, which ends with the command. The command
finds it in DOCKER_CONFIG, REGISTRY_AUTH_FILE, PURSER_REQUEST and CLIP_OCI_AUTH, so docker,
buildah, skopeo, podman, crane and CLIP use it unchanged. Its credentials are not among them.

The exit code is the command's own.`

/** Registers `purser run`. */
export function addRun(program: Command, context: CliContext, exit: Exit): void {
  program
    .command('run')
    .description('run a command with the credentials of a container request')
    .requiredOption('--request <file>', 'the container request; - is stdin')
    .addOption(workspaceOption())
    .argument('<command...>', 'what to run, after --')
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(async (command: readonly string[], flags: RunFlags) =>
      exit(await run(command, flags, context)),
    )
}

async function run(
  [file = '', ...args]: readonly string[],
  { request, ...flags }: RunFlags,
  context: CliContext,
): Promise<number> {
  const text = request.trimStart().startsWith('{')
    ? request
    : decodeRequest(await readNamedBytes(context, '--request', request))
  return withSession(context, flags, async ({ workspace, leases: open }) => {
    const leases = await open()
    const lease = await leases.open(text, workspace, context.signal)
    const renewing = keepAlive(leases, lease, context)
    try {
      const environment = Object.entries(lease.environment).map(([name, value]) => [
        name,
        value.reveal(),
      ])
      // Only the lease's own secret is in there: worth nothing off this host and after the command.
      const env = { ...context.env, ...Object.fromEntries(environment) }
      return await ended(spawn(file, args, { stdio: 'inherit', env }), context)
    } finally {
      clearInterval(renewing)
      await leases
        .close(lease.id, AbortSignal.timeout(CLOSE_TIMEOUT_MS))
        .catch((error: unknown) =>
          warn(context, `the lease was not closed: ${describeError(error)}`),
        )
    }
  })
}

function keepAlive(leases: LeaseClient, { id }: GrantedLease, context: CliContext) {
  const renew = () =>
    leases.renew(id, context.signal).catch((error: unknown) => {
      warn(context, `the lease was not renewed: ${describeError(error)}`)
    })
  return setInterval(() => void renew(), RENEW_MS).unref()
}

/**
 * Signals reach the command as they reached us.
 *
 * @returns its exit code, or what a shell reports of one that a signal ended or that did not start
 */
function ended(child: ChildProcess, context: CliContext): Promise<number> {
  context.passSignals((name) => {
    // From a terminal it has come to both.
    if (name !== 'SIGINT' || !context.stdinIsTerminal()) child.kill(name)
  })
  return new Promise((resolve) => {
    child.once('error', (error) => {
      complain(context, `the command could not be started: ${describeError(error)}`, undefined)
      resolve(systemCode(error) === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE)
    })
    child.once('exit', (code, by) => resolve(code ?? SIGNALLED + constants.signals[by ?? 'SIGHUP']))
  })
}
