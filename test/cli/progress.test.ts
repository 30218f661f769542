import { expect, test } from 'vitest'
import { startProgress } from '../../src/cli/progress.ts'

function draw(stderrIsTerminal: boolean, patienceMs: number) {
  const written: string[] = []
  const streams = {
    writeError: (text: string) => void written.push(text),
    stderrIsTerminal: () => stderrIsTerminal,
  }
  return { written, bar: startProgress(streams, 'checking', 4, patienceMs) }
}

test.each([
  ['for nobody who is not at a terminal', false, 0],
  ['for what does not take long', true, 60_000],
])('no bar %s', (_name, stderrIsTerminal, patienceMs) => {
  const { written, bar } = draw(stderrIsTerminal, patienceMs)
  bar.advance()
  bar.end()
  expect(written).toEqual([])
})

test('a bar for who waits, and it is wiped', () => {
  const { written, bar } = draw(true, 0)
  bar.advance()
  bar.advance()
  bar.end()
  expect(written).toEqual([
    '\rchecking [######..................] 1/4',
    '\rchecking [############............] 2/4',
    '\r\u001b[K',
  ])
})
