import { writeSync } from 'node:fs'
import { homeAt, login, never, openHome } from './home.ts'

// Usage: asker.ts ROOT URL COUNT. Asks for slots 0, 1, …, with what the URL answers as the secret of a
// login of an hour, and prints each secret or error.
const [root = '', url = '', count = '1'] = process.argv.slice(2)
const { cache } = openHome(homeAt(root))

async function exchange(signal: AbortSignal) {
  const response = await fetch(url, { signal })
  if (!response.ok) throw new Error('refused')
  const expiresAt = new Date(Date.now() + 60 * 60_000)
  return { value: login(await response.text(), expiresAt), expiresAt }
}

for (let i = 0; i < Number(count); i++) {
  try {
    const found = await cache.get(`slot-${i}`, exchange, never)
    writeSync(1, `${found?.secret.reveal()}\n`)
  } catch {
    writeSync(1, 'error\n')
  }
}
