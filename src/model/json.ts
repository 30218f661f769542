/**
 * Reads a JSON text of which nothing is to be told if it is none: the error of `JSON.parse` quotes it.
 *
 * @returns `undefined` if it is not JSON
 */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
