import { expect, test } from 'vitest'
import { parseExceptions } from '../../src/net/exceptions.ts'

test.each([
  // As in golang.org/x/net/http/httpproxy's own tests.
  { entries: 'corp.example', host: 'corp.example', spared: true },
  { entries: 'corp.example', host: 'ghcr.corp.example', spared: true },
  { entries: 'corp.example', host: 'evilcorp.example', spared: false },
  { entries: 'corp.example', host: 'corp.example.evil', spared: false },
  { entries: '.corp.example', host: 'ghcr.corp.example', spared: true },
  { entries: '.corp.example', host: 'corp.example', spared: false },
  { entries: '*.corp.example', host: 'ghcr.corp.example', spared: true },
  { entries: '*.corp.example', host: 'corp.example', spared: false },
  { entries: 'CORP.example', host: 'Ghcr.Corp.Example', spared: true },
  { entries: 'corp.example:5000', host: 'corp.example', port: 5000, spared: true },
  { entries: 'corp.example:5000', host: 'corp.example', spared: false },
  { entries: '*', host: 'ghcr.io', spared: true },
  { entries: '*', host: '2001:db8::1', spared: true },
  { entries: '10.1.2.3', host: '10.1.2.3', spared: true },
  { entries: '10.1.2.3', host: '10.1.2.30', spared: false },
  { entries: '10.1.2.3:443', host: '10.1.2.3', spared: true },
  { entries: '10.1.2.3:80', host: '10.1.2.3', spared: false },
  { entries: '10.0.0.0/8', host: '10.255.0.1', spared: true },
  { entries: '10.0.0.0/8', host: '11.0.0.1', spared: false },
  // A name is not looked up for it.
  { entries: '0.0.0.0/0', host: 'ghcr.io', spared: false },
  { entries: '2001:db8::/32', host: '2001:db8:1::1', spared: true },
  { entries: '2001:db8::1', host: '2001:db8:0::1', spared: true },
  { entries: '[2001:db8::1]:443', host: '2001:db8::1', spared: true },
  { entries: '[2001:db8::1]:80', host: '2001:db8::1', spared: false },
  { entries: 'a.example, b.example', host: 'b.example', spared: true },
  { entries: 'a.example b.example', host: 'b.example', spared: true },
  { entries: ',, ,', host: 'ghcr.io', spared: false },
  { entries: '10.0.0.0/99', host: '10.0.0.1', spared: false },
  { entries: 'http://corp.example', host: 'corp.example', spared: false },
  { entries: '', host: 'localhost', spared: true },
  { entries: '', host: 'ghcr-io.localhost', spared: true },
  { entries: '', host: '127.9.9.9', spared: true },
  { entries: '', host: '::1', spared: true },
  { entries: '', host: 'localhost.evil.example', spared: false },
  { entries: '', host: '127.evil.example', spared: false },
])('"$entries": $host is spared: $spared', ({ entries, host, port = 443, spared }) => {
  expect(parseExceptions([entries])(host, port)).toBe(spared)
})
