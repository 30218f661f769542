import { describe, expect, test } from 'vitest'
import { parseHostAndPrefix, parsePlace } from '../../src/cli/place.ts'

describe('IMAGE|HOST', () => {
  test.each([
    ['ghcr.io', 'ghcr.io', undefined],
    ['GHCR.io:443', 'ghcr.io', undefined],
    ['docker.io', 'docker.io', undefined],
    ['localhost', 'localhost', undefined],
    ['localhost:5000', 'localhost:5000', undefined],
    ['127.0.0.1:5000', '127.0.0.1:5000', undefined],
    ['[::1]:5000', '[::1]:5000', undefined],
    ['alpine', 'docker.io', 'library/alpine'],
    ['alpine:3.20', 'docker.io', 'library/alpine'],
    ['acme/app', 'docker.io', 'acme/app'],
    ['ghcr.io/acme/app:1.2', 'ghcr.io', 'acme/app'],
    ['localhost:5000/app', 'localhost:5000', 'app'],
    ['registry:5000/app', 'registry:5000', 'app'],
  ])('%s', (text, host, repository) => {
    const place = parsePlace(text)
    expect([place.host.name, place.repository]).toEqual([host, repository])
  })

  test.each([
    ['ghcr.io@evil.example', 'reference-invalid'],
    ['ghcr.io.', 'host-invalid'],
    ['ghcr.io:99999', 'host-invalid'],
    ['ghcr.io/Acme', 'reference-invalid'],
    ['', 'reference-invalid'],
  ])('%j names neither', (text, code) => {
    expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code }))
  })
})

describe('HOST[/PREFIX]', () => {
  test.each([
    ['ghcr.io', 'ghcr.io', ''],
    ['ghcr.io/', 'ghcr.io', ''],
    ['ghcr.io/acme/', 'ghcr.io', 'acme'],
    ['registry-1.docker.io/acme/app', 'docker.io', 'acme/app'],
    ['myregistry', 'myregistry', ''],
  ])('%s', (text, host, prefix) => {
    const parsed = parseHostAndPrefix(text)
    expect([parsed.host.name, parsed.prefix]).toEqual([host, prefix])
  })

  test.each([
    ['https://ghcr.io', 'usage', 'cannot read "https://ghcr.io" as HOST[/PREFIX]'],
    ['ghcr.io/Acme', 'usage', 'cannot read "Acme" as the start of a repository'],
    ['ghcr.io/acme:1', 'usage', 'cannot read "acme:1" as the start of a repository'],
    ['ghcr.io//acme', 'usage', 'cannot read "/acme" as the start of a repository'],
    ['ghcr.io/../acme', 'usage', 'cannot read "../acme" as the start of a repository'],
    ['', 'host-invalid', 'cannot read "" as a registry host'],
  ])('%j is refused', (text, code, message) => {
    expect(() => parseHostAndPrefix(text)).toThrow(expect.objectContaining({ code, message }))
  })
})
