import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Streams } from '../../src/cli/context.ts'
import { ask } from '../../src/cli/prompt.ts'

const NEVER = new AbortController().signal

/** Types at a terminal, a chunk at a time; tells what was read and what was shown. */
async function type(chunks: readonly string[], echo: boolean, signal = NEVER) {
  let shown = ''
  const modes: boolean[] = []
  let modesAtQuestion: readonly boolean[] = []
  const stdin = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => modes.push(on) })
  const streams: Streams = {
    stdin: () => stdin as unknown as NodeJS.ReadStream,
    stdinIsTerminal: () => true,
    stdoutIsTerminal: () => true,
    stderrIsTerminal: () => true,
    writeOut: () => undefined,
    writeError: (text) => {
      if (shown === '') modesAtQuestion = [...modes]
      shown += text
    },
  }
  const answer = ask(streams, 'Q: ', { echo, signal }).catch((error: Error) => error.message)
  for (const chunk of chunks) stdin.write(chunk)
  if (signal === NEVER) stdin.end()
  return { answer: await answer, shown, modes, modesAtQuestion }
}

test.each([
  ['a line', ['abc\r'], 'abc'],
  ['key by key', ['a', 'b', '\n'], 'ab'],
  ['backspace', ['ab\u007fc\r'], 'ac'],
  ['backspace at the start', ['\u007fa\r'], 'a'],
  ['backspace over a wide character', ['a🔑\u007f\r'], 'a'],
  ['starting anew', ['abc\u0015d\r'], 'd'],
  ['an arrow key', ['a', '\u001b[D', 'b\r'], 'ab'],
  ['control characters', ['a\u0001\tb\r'], 'ab'],
  ['nothing', ['\r'], ''],
  ['ctrl-c', ['abc\u0003'], 'no answer was given'],
  ['ctrl-d', ['\u0004'], 'no answer was given'],
  ['a terminal that goes away', ['abc'], 'no answer was given'],
])('reads %s', async (_name, chunks, answer) => {
  expect(await type(chunks, false)).toEqual({
    answer,
    shown: 'Q: \n',
    modes: [true, false],
    modesAtQuestion: [true],
  })
})

test('shows what is typed if that is no secret', async () => {
  const { shown } = await type(['a', 'b\u007fc', '\r'], true)
  expect(shown).toBe('Q: ac\n')
})

test('gives the terminal back when it is told to stop', async () => {
  const stop = new AbortController()
  const typing = type(['ab'], false, stop.signal)
  stop.abort(new Error('stopped'))
  expect(await typing).toMatchObject({ answer: 'stopped', shown: 'Q: \n', modes: [true, false] })
})

test('keeps a second line for the second question', async () => {
  const stdin = Object.assign(new PassThrough(), { setRawMode: () => undefined })
  const streams = {
    stdin: () => stdin as unknown as NodeJS.ReadStream,
    stdinIsTerminal: () => true,
    stdoutIsTerminal: () => true,
    stderrIsTerminal: () => true,
    writeOut: () => undefined,
    writeError: () => undefined,
  }
  const user = ask(streams, 'Username: ', { echo: true, signal: NEVER })
  stdin.write('ann\r\ncorrect-horse\r\n')
  expect(await user).toBe('ann')
  expect(await ask(streams, 'Password: ', { echo: false, signal: NEVER })).toBe('correct-horse')
})
