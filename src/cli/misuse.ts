/** What was wrong with a command line, and what to do about it. */
export interface Misuse {
  readonly message: string
  readonly hint: string
}

/** Flags by which other programs take a secret, for every process of the machine to read. */
const SECRET_FLAG = /^unknown option '(?:-p|--pass|--password|--token)\b/

/**
 * Reads commander's `error: unknown option '--jsn'\n(Did you mean --json?)`.
 *
 * Of what was typed, no more is repeated than a flag's name: `--password=…` and one argument too
 * many may be secrets, and stderr ends in logs.
 *
 * @param command - whose help tells more, as in `purser login`
 */
export function readMisuse(text: string, command: string): Misuse {
  const [line = '', suggestion = ''] = text.trim().split('\n')
  const message = line
    .replace(/^error: /, '')
    .replace(/^(unknown option '[^'=]*)=.*'$/, "$1'")
    .replace(/\. Expected .*$/, '')
  const nearest = /^\(Did (you mean .*\?)\)$/.exec(suggestion)?.[1]
  if (SECRET_FLAG.test(message)) {
    return { message, hint: 'no secret is taken from the arguments: see --password-stdin' }
  }
  return {
    message,
    hint: nearest === undefined ? `${command} --help lists what there is` : `did ${nearest}`,
  }
}
