/**
 * Reads what comes from outside to its end, and no more of it than may come.
 *
 * @param tooLong - makes what is thrown if there are more than `maxBytes`; whoever sends them is not
 * heard out, for that destroys the stream
 */
export async function readBounded(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLong: () => Error,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    size += chunk.length
    if (size > maxBytes) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
