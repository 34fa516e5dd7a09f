import { BlockList, isIP } from 'node:net';

/** Decides where the hub may connect: by name and port first, and again by the address that the name resolved to. */
export interface AllowedHosts {
  /** Before anything is resolved: is this host, as the address writes it, allowed at this port? */
  allowsName(host: string, port: number): boolean;
  /** At connect time, on the resolved address (DNS may have been changed meanwhile, faults.md S24). */
  allowsAddress(address: string, host: string, port: number): boolean;
}

/**
 * `entries` are `host`, `host:port`, an IP address (IPv6 in brackets if a port follows) or a CIDR range, e.g.
 * `10.0.0.0/8`. Government intranets use private addresses, so this is a list of what is allowed, never
 * “block private”. Addresses that no bureau has (link-local with the cloud metadata service, unspecified,
 * multicast) are refused even for an allowed name; loopback only for names and entries that say loopback.
 */
export function allowedHosts(entries: readonly string[]): AllowedHosts {
  const names = entries.filter((entry) => !entry.includes('/')).map(splitEntry);
  const ranges = new BlockList();
  for (const entry of entries.filter((text) => text.includes('/'))) addRange(ranges, entry);
  const inRange = (address: string) => ranges.check(address, familyOf(address));
  const named = (host: string, port: number) =>
    names.some((entry) => entry.host === plain(host) && (entry.port === undefined || entry.port === port));
  return {
    allowsName: (host, port) =>
      named(host, port) || (isIP(plain(host)) !== 0 ? inRange(plain(host)) : hasRanges(entries)),
    allowsAddress: (address, host, port) => {
      const target = plain(address);
      if (NEVER.check(target, familyOf(target))) return false;
      if (inRange(target) || named(target, port)) return true;
      const loopback = LOOPBACK.check(target, familyOf(target));
      return named(host, port) && (!loopback || isLoopbackName(plain(host)));
    },
  };
}

const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('224.0.0.0', 3, 'ipv4');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
NEVER.addAddress('::', 'ipv6');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const isLoopbackName = (host: string): boolean =>
  host === 'localhost' || (isIP(host) !== 0 && LOOPBACK.check(host, familyOf(host)));

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

const hasRanges = (entries: readonly string[]): boolean => entries.some((entry) => entry.includes('/'));

/** Lower case, no brackets, no final dot; an IPv4 address inside IPv6 (::ffff:7f00:1) is that IPv4 address. */
function plain(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/.exec(bare);
  if (mapped === null) return bare;
  if (mapped[1] !== undefined) return mapped[1];
  const [high, low] = [Number.parseInt(mapped[2] ?? '0', 16), Number.parseInt(mapped[3] ?? '0', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function splitEntry(entry: string): { readonly host: string; readonly port: number | undefined } {
  const withPort = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(entry);
  if (withPort === null) return { host: plain(entry), port: undefined };
  return { host: plain(withPort[1] ?? ''), port: Number(withPort[2]) };
}

/** A range that cannot be read allows nothing; `hub check` names it (settings). */
function addRange(ranges: BlockList, entry: string): void {
  const [address = '', bits = ''] = entry.split('/');
  const family = isIP(address);
  const prefix = Number(bits);
  if (family === 0 || !/^\d{1,3}$/.test(bits) || prefix > (family === 4 ? 32 : 128)) return;
  ranges.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
}
