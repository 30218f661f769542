import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { readBounded } from '../model/bytes.ts'
import { PurserError, systemCode } from '../model/errors.ts'
import { type ContainerRequest, MAX_REQUEST_BYTES, parseRequest } from './request.ts'

/**
 * Reads a container request from where the user says it is.
 *
 * @param where - a file's path, `-` for standard input, or the JSON itself if it starts with `{`
 * @param stdin - absent where standard input is somebody else's, as a helper's is its client's
 * @throws `request-invalid`, which quotes nothing of it
 */
export async function loadRequest(
  where: string,
  { stdin }: { stdin?(): AsyncIterable<Uint8Array> },
): Promise<ContainerRequest> {
  if (where.trimStart().startsWith('{')) return parseRequest(where)
  if (where !== '-') return parseRequest(decodeRequest(readFile(where)))
  if (stdin !== undefined) {
    return parseRequest(decodeRequest(await readBounded(stdin(), MAX_REQUEST_BYTES, tooLong)))
  }
  throw new PurserError('request-invalid', 'the request cannot be standard input here', {
    hint: 'name a file, or pass JSON that starts with {',
  })
}

/**
 * A request's text, byte for byte: a replacement character in a password would be another password.
 *
 * @throws `request-invalid`
 */
export function decodeRequest(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new PurserError('request-invalid', 'the request is not UTF-8', {
      hint: 'save it as UTF-8',
    })
  }
}

function readFile(path: string): Uint8Array {
  let fd: number
  try {
    // Not to wait for a pipe's writer: what is no file is told, not read.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    // The system's own message would quote the path, and that may be a request gone wrong.
    const code = systemCode(error) ?? 'unknown error'
    throw new PurserError('request-invalid', `cannot read the request's file: ${code}`, {
      hint: 'name a file, or pass JSON that starts with {',
    })
  }
  try {
    if (!fstatSync(fd).isFile()) {
      throw new PurserError('request-invalid', 'the request is not a file', {
        hint: 'to pipe one in, write --request -',
      })
    }
    const buffer = Buffer.alloc(MAX_REQUEST_BYTES + 1)
    const size = readFully(fd, buffer)
    if (size > MAX_REQUEST_BYTES) throw tooLong()
    return buffer.subarray(0, size)
  } finally {
    closeSync(fd)
  }
}

/** A file that grows while it is read is not followed. */
function readFully(fd: number, buffer: Buffer): number {
  let size = 0
  while (size < buffer.length) {
    const read = readSync(fd, buffer, size, buffer.length - size, size)
    if (read === 0) break
    size += read
  }
  return size
}

function tooLong(): PurserError {
  return new PurserError('request-invalid', 'the request has more than 1 MiB', {
    hint: 'leave out what is not about images and their credentials',
  })
}
