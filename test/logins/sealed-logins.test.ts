import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'
import { never } from './home.ts'
import { HOUR, MINUTE, machine, modeOf, slotFile } from './machine.ts'

describe('logins on disk', () => {
  it('serve the next process, which asks nobody', async () => {
    const { open, ask, exchanges } = machine()
    expect([await ask(open()), await ask(open())]).toEqual(['minted-1', 'minted-1'])
    expect(exchanges()).toBe(1)
  })

  it('come back as they were, misses too', async () => {
    const { open, pass } = machine()
    const expiresAt = new Date(Date.now() + HOUR)
    const made = { username: '<token>', secret: new Secret('a\u0000ü\n"'), expiresAt }
    await open().cache.get('k', async () => ({ value: made, expiresAt }), never)
    await open().cache.get('miss', async () => ({ value: undefined, expiresAt }), never)
    pass(MINUTE)
    const fail = () => Promise.reject(new Error('asked'))
    const found = await open().cache.get('k', fail, never)
    expect(found).toEqual(made)
    expect(found?.secret.reveal()).toBe('a\u0000ü\n"')
    expect(await open().cache.get('miss', fail, never)).toBeUndefined()
  })

  it('are files of their user alone, which tell nothing', async () => {
    const { home, open, ask } = machine()
    await ask(open(), '["ecr","us-east-1","AKIAEXAMPLE"]')
    const file = slotFile(home)
    expect([modeOf(home.directory), modeOf(file)]).toEqual(['700', '600'])
    expect(file).toMatch(/\/[0-9a-f]{64}$/)
    const text = readFileSync(file, 'utf8')
    const bytes = Buffer.from(text, 'base64').toString('latin1')
    expect(text + bytes).not.toMatch(/minted|AWS|ecr|AKIA|us-east/)
  })

  it('are counted together: 12 exchanges an hour, of all processes', async () => {
    const { open, ask, produce, exchanges, pass } = machine()
    for (let i = 0; i < 12; i++) {
      const process = open()
      const made = await process.cache.get('slot', produce, never)
      process.cache.drop('slot', made)
      pass(1_000)
    }
    await expect(ask(open())).rejects.toMatchObject({ code: 'exchange-limit' })
    expect(exchanges()).toBe(12)
    pass(HOUR)
    expect(await ask(open())).toBe('minted-13')
  })

  it('remember failures for all processes, with what they said', async () => {
    const { open, ask, exchanges, pass, fail } = machine()
    fail(new PurserError('exchange-failed', 'refused', { hint: 'mend it', status: 403 }))
    for (let i = 0; i < 3; i++) await expect(ask(open())).rejects.toThrow('refused')
    await expect(ask(open())).rejects.toMatchObject({
      code: 'exchange-failed',
      message: 'refused; next try in 30 s',
      hint: 'mend it',
      status: 403,
    })
    expect(exchanges()).toBe(3)
    fail(undefined)
    pass(30_000)
    expect(await ask(open())).toBe('minted-4')
  })

  it('are dropped for all processes, unless another one is there by then', async () => {
    const { open, ask, produce, exchanges, pass } = machine()
    const first = open()
    const second = open()
    const refused = await first.cache.get('slot', produce, never)
    await ask(second)
    pass(1)
    first.cache.drop('slot', refused)
    expect(await ask(open())).toBe('minted-2')
    // The second process has not noticed, and its refusal is of the old one.
    second.cache.drop('slot', refused)
    expect(await ask(second)).toBe('minted-2')
    expect(exchanges()).toBe(2)
  })

  it('are renewed by one process for all', async () => {
    const { open, ask, produce, exchanges, pass } = machine()
    const [first, second] = [open(), open()]
    await Promise.all([ask(first), ask(second)])
    pass(9 * HOUR)
    expect((await first.cache.renew('slot', produce, never))?.secret.reveal()).toBe('minted-2')
    expect((await second.cache.renew('slot', produce, never))?.secret.reveal()).toBe('minted-2')
    expect(exchanges()).toBe(2)
  })

  it('end when they end, in every process', async () => {
    const { open, ask, pass } = machine()
    await ask(open())
    pass(10.8 * HOUR - 1)
    expect(await ask(open())).toBe('minted-1')
    pass(1)
    expect(await ask(open())).toBe('minted-2')
  })
})
