import type { Command } from 'commander'
import { isImageId, linkImage } from '../images.ts'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { parseReference, type Reference, writeReference } from '../model/reference.ts'
import { registryOf } from '../registries/all.ts'
import { DEFAULT_ENTRY, type ImageLink, placeOf } from '../vault/vault.ts'
import { type CliContext, type Flags, type Session, withSession } from './context.ts'
import { type CredentialFlags, readCredential } from './credential.ts'
import { renderJson, renderTable, say } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface LinkFlags extends Flags, Pick<CredentialFlags, 'fromEnv' | 'json'> {
  readonly image: string
  readonly reference?: string
  readonly pushed?: string
  readonly name: string
}

interface ShowFlags extends Flags {
  readonly image?: string
  readonly pushed?: string
  readonly json?: true
}

interface UnlinkFlags extends Flags {
  readonly image: string
}

const LINK = `  $ purser image link --image 4f1c9a --reference 123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1 \\
      --from-env AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION
  $ purser image link --image 4f1c9a --pushed registry.corp.example/builds:4f1c9a`
const SHOW = '  $ purser image show --pushed registry.corp.example/builds:4f1c9a'
const UNLINK = '  $ purser image unlink --image 4f1c9a'
const ATTACH = '  $ purser attach < request.json      fills in what is linked'

/** Registers `purser image link|show|unlink`. */
export function addImage(program: Command, context: CliContext): void {
  const image = program
    .command('image')
    .description("remember a platform's images: by which entry they are pulled, where they lie")
    .helpCommand(false)
    .addHelpText('after', examples(LINK, SHOW, ATTACH))
  image
    .command('link')
    .description('link an image to an entry, which is made or updated with it')
    .requiredOption('--image <id>', "the platform's id of the image")
    .option('--reference <image>', 'what the image is made from')
    .option('--from-env <keys>', 'variables that hold the credential, as in purser login')
    .option('--json <file>', 'the credential as JSON; - is stdin')
    .option('--pushed <image>', 'where the image was pushed to')
    .option('--name <name>', 'which entry, where a repository has several', DEFAULT_ENTRY)
    .addOption(workspaceOption())
    .addHelpText('after', examples(LINK, ATTACH))
    .action((flags: LinkFlags) => link(flags, context))
  image
    .command('show')
    .description('print the links of images, without secrets')
    .option('--image <id>', 'of this image alone')
    .option('--pushed <image>', 'of those that were pushed to this host and repository')
    .option('--json', 'an array of image, reference, entry, pushed, updatedAt')
    .addOption(workspaceOption())
    .addHelpText('after', examples('  $ purser image show', SHOW))
    .action((flags: ShowFlags) => show(flags, context))
  image
    .command('unlink')
    .description('forget the link of an image; its entry stays')
    .requiredOption('--image <id>', "the platform's id of the image")
    .addOption(workspaceOption())
    .addHelpText('after', examples(UNLINK))
    .action((flags: UnlinkFlags) => unlink(flags, context))
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.join('\n')}`
}

async function link(flags: LinkFlags, context: CliContext): Promise<void> {
  const image = parseId(flags.image)
  const reference = parseOptional(flags.reference)
  const pushed = parseOptional(flags.pushed)
  const isGiven = flags.fromEnv !== undefined || flags.json !== undefined
  if (isGiven && reference === undefined) {
    throw new PurserError('usage', 'a credential needs --reference: it is for its registry')
  }
  if (reference === undefined && pushed === undefined) {
    throw new PurserError('usage', 'nothing to link: give --reference, --pushed or both')
  }
  await withSession(context, flags, async (session) => {
    const { workspace } = session
    const credential =
      isGiven && reference ? await read(reference, flags, session, context) : undefined
    const facts = { workspace, image, reference, pushed, credential, name: flags.name }
    await linkImage(await session.vault(), facts)
    say(context, `linked image ${image} in workspace ${workspace}`)
  })
}

async function read({ host }: Reference, flags: LinkFlags, session: Session, context: CliContext) {
  const registry = registryOf(await session.registries(), host)
  const { fromEnv, json } = flags
  const given = { ...(fromEnv !== undefined && { fromEnv }), ...(json !== undefined && { json }) }
  return readCredential({ host, registry }, given, context)
}

async function show(flags: ShowFlags, context: CliContext): Promise<void> {
  const pushed = parseOptional(flags.pushed)
  const image = flags.image === undefined ? undefined : parseId(flags.image)
  await withSession(context, flags, async (session) => {
    const { workspace } = session
    const vault = await session.vault()
    const links = pushed
      ? await vault.pushedTo(workspace, pushed.host, pushed.repository)
      : await vault.images(workspace)
    const wanted = links.filter((each) => image === undefined || each.image === image)
    if (wanted.length === 0 && (image ?? pushed) !== undefined) throw unknown(flags, workspace)
    if (flags.json) return context.writeOut(renderJson(wanted.map(describe)))
    if (wanted.length === 0) return say(context, `no images in workspace ${workspace}`)
    context.writeOut(renderTable([['IMAGE', 'REFERENCE', 'ENTRY', 'PUSHED'], ...wanted.map(rowOf)]))
  })
}

async function unlink(flags: UnlinkFlags, context: CliContext): Promise<void> {
  const image = parseId(flags.image)
  await withSession(context, flags, async ({ workspace, vault: open }) => {
    if (!(await (await open()).unlinkImage(workspace, image))) throw unknown(flags, workspace)
    say(context, `unlinked image ${image} in workspace ${workspace}`)
  })
}

function describe({ image, reference, entry, pushed, updatedAt }: ImageLink) {
  return {
    image,
    reference: reference ? writeReference(reference) : null,
    entry: entry ? { host: entry.host.name, prefix: entry.prefix, name: entry.name } : null,
    pushed: pushed ? writeReference(pushed) : null,
    updatedAt: updatedAt.toISOString(),
  }
}

function rowOf(link: ImageLink): readonly string[] {
  const { image, reference, pushed } = describe(link)
  const entry = link.entry ? `${placeOf(link.entry)} (${link.entry.name})` : '-'
  return [image, reference ?? '-', entry, pushed ?? '-']
}

function parseId(text: string): string {
  if (isImageId(text)) return text
  throw new PurserError('usage', `--image ${quote(text)} is not the id of an image`)
}

function parseOptional(text: string | undefined): Reference | undefined {
  return text === undefined ? undefined : parseReference(text)
}

function unknown({ image, pushed }: ShowFlags, workspace: string): PurserError {
  const message =
    pushed === undefined
      ? `image ${quote(image ?? '')} has no link in workspace ${workspace}`
      : `no image was pushed to ${quote(pushed)} from workspace ${workspace}`
  return new PurserError('not-found', message, {
    hint: 'purser image show lists all that are known',
  })
}
