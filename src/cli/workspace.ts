import { Option } from 'commander'
import { PurserError } from '../model/errors.ts'

/** The flag `--workspace`, of all commands that look into the vault. */
export function workspaceOption(): Option {
  return new Option(
    '--workspace <workspace>',
    'namespace of the vault, rather than PURSER_WORKSPACE or "default"',
  ).argParser(parseWorkspace)
}

/** An empty one comes of a variable that is not set, and would be a namespace apart. */
function parseWorkspace(text: string): string {
  if (text !== '') return text
  throw new PurserError('usage', '--workspace is empty', {
    hint: 'leave it out for the default workspace',
  })
}
