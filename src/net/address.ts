import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * IPv4 blocks that are not the public internet, from IANA's special-purpose registry.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/
 */
const IPV4_BLOCKS: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and with it 169.254.169.254: the metadata service of every large cloud.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure's wire server: in a public block, and answers to every virtual machine.
  ['168.63.129.16', 32],
]

/** @see https://www.iana.org/assignments/iana-ipv6-special-registry/ */
const IPV6_BLOCKS: readonly (readonly [string, number])[] = [
  // Unspecified, loopback, and addresses that spell an IPv4 address in a deprecated way.
  ['::', 96],
  // IPv4-mapped: the kernel connects to the IPv4 address within.
  ['::ffff:0:0', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // Teredo, ORCHID and their neighbours; 6to4: tunnels that end at an IPv4 address within.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  // Unique local, and with it fd00:ec2::254, Amazon's metadata service.
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** Two lists, because one takes every IPv4 address for the IPv4-mapped one, which it refuses. */
interface NotPublic {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

let notPublic: NotPublic | undefined

/** Made when first asked for: a helper that asks a cloud needs none, and they take a millisecond. */
function notPublicBlocks(): NotPublic {
  if (notPublic !== undefined) return notPublic
  const [ipv4, ipv6] = [new BlockList(), new BlockList()]
  for (const [net, bits] of IPV4_BLOCKS) {
    ipv4.addSubnet(net, bits, 'ipv4')
    // NAT64 (RFC 6052) carries the IPv4 address in the last 32 bits, and is how an IPv6-only host
    // reaches the public ones.
    ipv6.addSubnet(`64:ff9b::${net}`, 96 + bits, 'ipv6')
  }
  for (const [net, bits] of IPV6_BLOCKS) ipv6.addSubnet(net, bits, 'ipv6')
  notPublic = { ipv4, ipv6 }
  return notPublic
}

/**
 * Whether a hostname, without brackets, is an IP address.
 *
 * Not by `isIP`, whose expression for IPv6 takes V8 5 ms to compile: no name has a colon.
 */
export function isAddress(hostname: string): boolean {
  return hostname.includes(':') || isIPv4(hostname)
}

/**
 * Whether an IP address, without brackets, is one of the public internet's.
 *
 * @returns `false` for what is no IP address, and for one with a zone (`fe80::1%eth0`).
 */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false
  switch (isIP(address)) {
    case 4:
      return !notPublicBlocks().ipv4.check(address, 'ipv4')
    case 6:
      return !notPublicBlocks().ipv6.check(address, 'ipv6')
    default:
      return false
  }
}
