/**
 * Which addresses are public. Against a cache on the Internet that redirects the gate to a service on this machine or
 * its network, by an address in the Location or by a name that resolves to one. Leaves out: a host that the user
 * configured may itself be private, and says what it likes.
 */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { lookup as resolve } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { TransferError } from "./transfer.ts";

/** IANA special-purpose registries (RFC 6890) and multicast; also the IPv6 ranges that embed an IPv4 address. */
const SPECIAL_IPV4 =
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 " +
  "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
const SPECIAL_IPV6 =
  "::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 " +
  "fe80::/10 fec0::/10 ff00::/8";

const special = new BlockList();
for (const range of SPECIAL_IPV4.split(" ")) addRange(range, "ipv4");
for (const range of SPECIAL_IPV6.split(" ")) addRange(range, "ipv6");

function addRange(range: string, family: "ipv4" | "ipv6") {
  const [net, prefix] = range.split("/");
  special.addSubnet(net!, Number(prefix), family);
}

/** Whether `address`, an IP address in text, is reachable on the Internet. IPv4-mapped IPv6 counts as its IPv4. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && !special.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** The host of a URL without the brackets of an IPv6 literal. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** Whether every address of the URL's host is public. Throws what the resolver throws. */
export async function isPublicHost(url: URL): Promise<boolean> {
  const host = bareHost(url);
  if (isIP(host) !== 0) return isPublicAddress(host);
  const found = await resolve(host, { all: true });
  return found.length > 0 && found.every((one) => isPublicAddress(one.address));
}

/** Throws `redirect-refused` for a private IP literal: sockets do not ask `publicLookup` about those. */
export function refusePrivateLiteral(url: URL) {
  const host = bareHost(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw privateTarget(host);
}

/** A resolver for sockets that refuses private answers at the moment of connecting, so that a name cannot change
 * its address between the check and the use (DNS rebinding). */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  const wanted: LookupOptions & { all: true } = { ...options, all: true };
  lookup(hostname, wanted, (error, found: LookupAddress[]) => {
    if (error) return callback(error, "", 0);
    const bad = found.find((one) => !isPublicAddress(one.address));
    if (bad !== undefined || found.length === 0) return callback(privateTarget(hostname), "", 0);
    if (options.all) return callback(null, found);
    callback(null, found[0]!.address, found[0]!.family);
  });
};

function privateTarget(host: string) {
  return new TransferError("redirect-refused", `redirect from a public host to the private ${host}`);
}
