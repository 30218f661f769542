import type { Command } from 'commander'
import type { Attachment } from '../attachment.ts'
import { decodeRequest } from '../request/load.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { until } from './duration.ts'
import { readStdinBytes } from './input.ts'
import { say, warn } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface AttachFlags extends Flags {
  readonly overwrite?: true
}

const HELP = `
Examples:
  $ purser attach < request.json > attached.json
  $ purser attach --workspace team-a --overwrite < request.json | jq .image_credentials

image_credentials is filled in from the image's link (purser image link), else from the nearest
entry to the image that a build starts from; build_registry_credentials with a login of the
[build_registry] of the configuration, minted with at least half of its life ahead.

Every other byte of the request is left as it was; what nothing was found for too.`

/** Registers `purser attach`. */
export function addAttach(program: Command, context: CliContext): void {
  program
    .command('attach')
    .description('fill in the credentials of a container request, from stdin to stdout')
    .option('--config <file>', 'the configuration to use')
    .option('--overwrite', 'replace what is there already')
    .addOption(workspaceOption())
    .addHelpText('after', HELP)
    .action((flags: AttachFlags) => attach(flags, context))
}

async function attach(flags: AttachFlags, context: CliContext): Promise<void> {
  const text = decodeRequest(await readStdinBytes(context, 'attach'))
  await withSession(context, flags, async (session) => {
    const fill = await session.attach()
    const { workspace } = session
    const question = { workspace, overwrite: flags.overwrite === true }
    const { request, fields } = await fill(text, question, context.signal)
    for (const field of fields) tell(field, context)
    context.writeOut(request)
  })
}

function tell(field: Attachment['fields'][number], context: CliContext): void {
  switch (field.state) {
    case 'filled': {
      const { from, expiresAt } = field
      const end = expiresAt === undefined ? '' : `, expires ${until(expiresAt, context.now())}`
      say(context, `${field.field}: from ${from}${end}`)
      break
    }
    case 'kept':
      say(context, `${field.field}: kept as it was`)
      break
    case 'empty':
      warn(context, `${field.field}: left as it was: ${field.why}`)
      break
  }
}
