import { BlockList, isIP } from 'node:net';

/**
 * Addresses that belong to no host of the public internet. Source: the IANA special-purpose address registries for IPv4 and
 * IPv6 (RFC 6890 and its updates), multicast and reserved ranges.
 */
const special = new BlockList();
for (const network of [
  ...[
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
  ],
  ...[
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '192.175.48.0/24',
  ],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
])
  addTo(special, network, 'ipv4');
for (const network of [
  ...['::/128', '::1/128', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2620:4f:8000::/48'],
  ...['3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
])
  addTo(special, network, 'ipv6');

function addTo(list: BlockList, network: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', prefix = ''] = network.split('/');
  list.addSubnet(address, Number(prefix), family);
}

/** @param address canonical form @returns whether no public host has it */
export function isSpecialAddress(address: string): boolean {
  return special.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** An address as a number; `bits` tells the two families apart. */
export interface AddressNumber {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** @param address canonical form of an IPv4 or IPv6 address */
export function addressNumber(address: string): AddressNumber {
  const parts = address.includes(':') ? ipv6Groups(address) : address.split('.').map(Number);
  const width = address.includes(':') ? 16n : 8n;
  const value = parts.reduce((sum, part) => (sum << width) | BigInt(part), 0n);
  return { bits: address.includes(':') ? 128 : 32, value };
}

/** Eight groups; `::` stands for as many zeros as are missing. */
function ipv6Groups(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail ?? '')];
  return tail === undefined
    ? front
    : [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

/** The first bits of an address, as a key of the network that it lies in. */
export function networkKey({ bits, value }: AddressNumber, prefix: number): string {
  return `${bits}/${prefix}/${(value >> BigInt(bits - prefix)).toString(36)}`;
}
