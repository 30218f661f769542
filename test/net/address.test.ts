import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/net/address.ts'

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '223.255.255.255',
  '2606:4700::1111',
  '2a00:1450:4001::1',
  '64:ff9b::808:808',
]

const NOT_PUBLIC: readonly (readonly [string, string])[] = [
  ['unspecified', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['loopback', '127.0.0.1'],
  ['loopback, other', '127.255.255.254'],
  ['private 10', '10.0.0.1'],
  ['private 172', '172.16.0.1'],
  ['private 172, last', '172.31.255.255'],
  ['private 192', '192.168.1.1'],
  ['CGNAT', '100.64.0.1'],
  ['CGNAT, last', '100.127.255.255'],
  ['link-local', '169.254.1.1'],
  ['metadata', '169.254.169.254'],
  ['ECS credentials', '169.254.170.2'],
  ['Azure wire server', '168.63.129.16'],
  ['Alibaba metadata', '100.100.100.200'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['benchmark', '198.18.0.1'],
  ['documentation', '192.0.2.1'],
  ['IPv6 unspecified', '::'],
  ['IPv6 loopback', '::1'],
  ['IPv6 loopback, long', '0:0:0:0:0:0:0:1'],
  ['IPv4-compatible', '::127.0.0.1'],
  ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
  ['IPv4-mapped, hexadecimal', '::ffff:7f00:1'],
  ['IPv4-mapped metadata', '::ffff:169.254.169.254'],
  ['IPv4-mapped public', '::ffff:8.8.8.8'],
  ['NAT64 of loopback', '64:ff9b::7f00:1'],
  ['NAT64 of metadata', '64:ff9b::a9fe:a9fe'],
  ['local NAT64', '64:ff9b:1::808:808'],
  ['6to4 of loopback', '2002:7f00:1::'],
  ['Teredo', '2001:0:1::1'],
  ['unique local', 'fd12:3456::1'],
  ['Amazon metadata', 'fd00:ec2::254'],
  ['link-local v6', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['public with a zone', '2606:4700::1111%eth0'],
  ['site-local', 'fec0::1'],
  ['multicast v6', 'ff02::1'],
  ['documentation v6', '2001:db8::1'],
  ['no address', 'localhost'],
  ['short', '127.1'],
  ['decimal', '2130706433'],
  ['octal', '0177.0.0.1'],
  ['brackets', '[::1]'],
  ['empty', ''],
]

describe('isPublicAddress', () => {
  test.each(PUBLIC)('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  test.each(NOT_PUBLIC)('%s is not: %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})
