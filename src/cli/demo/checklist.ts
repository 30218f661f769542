import { styleText } from 'node:util'

/** Where the checklist is shown. */
export interface Screen {
  writeOut(text: string): void
  stdoutIsTerminal(): boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Shows what was done, a line each. */
export interface Checklist {
  heading(text: string): void
  /** Does something, and says so when it is done; `work` may return more to say. */
  step<T>(text: string, work: () => Promise<T>, more?: (result: T) => string): Promise<T>
}

/** Makes a checklist with nothing on it yet, in colours where the screen has some. */
export function createChecklist(screen: Screen): Checklist {
  const colours = screen.stdoutIsTerminal() && !screen.env['NO_COLOR']
  const style = (format: 'green' | 'red' | 'bold' | 'dim', text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text

  return {
    heading(text) {
      screen.writeOut(`${style('bold', text)}\n`)
    },
    async step(text, work, more) {
      try {
        const result = await work()
        const detail = more === undefined ? '' : style('dim', `: ${more(result)}`)
        screen.writeOut(`  ${style('green', '✓')} ${text}${detail}\n`)
        return result
      } catch (error) {
        screen.writeOut(`  ${style('red', '✗')} ${text}\n`)
        throw error
      }
    },
  }
}
