/**
 * Which port the gate may listen on. Root's gate is trusted by its place: Nix believes the program that answers at
 * 127.0.0.1:PORT, and no key that others could collect signatures of. So the port must be one that no user but root
 * can ever bind, also while the gate is down: below `net.ipv4.ip_unprivileged_port_start` (ip(7)).
 *
 * Against another user of the machine, who would answer in place of the gate. Leaves out: programs of other users
 * that root gave CAP_NET_BIND_SERVICE, proxies and other network namespaces, which `doctor` looks for.
 */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";

/**
 * What makes Nix believe the gate: the port that it answers on, or the key that it signs with. A signature by a
 * trusted key has no end, so "key" is for a gate that is not root's.
 */
export type Trust = "place" | "key";

/** Not assigned by IANA, and below the ports that RPC clients take for themselves (512 to 1023, bindresvport(3)). */
export const PLACE_PORT = 339;
/** For a gate that is trusted by its key. */
export const KEY_PORT = 17339;

/** The gate may not listen there, or cannot. */
export class PlaceError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "PlaceError";
    this.help = help;
  }
}

const START_FILE = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** The first port that every user may bind, in this network namespace; undefined where the kernel does not say. */
export function unprivilegedPortStart(read: (file: string) => string = readText): number | undefined {
  try {
    const text = read(START_FILE).trim();
    return /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  return readFileSync(file, "utf8");
}

/**
 * Throws `PlaceError` unless `port` is one that only root can bind. `start`: what `unprivilegedPortStart` gave.
 * Port 0, any free one, needs only that there are such ports.
 */
export function requirePrivileged(port: number, start: number | undefined): void {
  if (start === undefined)
    throw new PlaceError(`${START_FILE} cannot be read, so no port is known to be root's alone`, BY_KEY);
  // The kernel never reserves more: a larger number here would be a misreading.
  if (port < Math.min(start, 1024)) return;
  throw port >= 1024 && start >= 1024
    ? new PlaceError(
        `every user can listen on port ${port} while the gate is down`,
        `choose one below 1024. ${BY_KEY}`,
      )
    : new PlaceError(
        `every user can listen on port ${port} here: net.ipv4.ip_unprivileged_port_start is ${start}`,
        `sysctl -w net.ipv4.ip_unprivileged_port_start=1024, and the same in /etc/sysctl.d. ${BY_KEY}`,
      );
}

const BY_KEY = "Or, with the limits that docs/decisions/trust-by-place.md names: firstmile gate --trust key";

/** Those below 512 that browsers and `fetch` never ask at (https://fetch.spec.whatwg.org/#port-blocking). */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
]);

/** Ports to try for "any free one", in random order: only such as root alone can bind where the place is trusted. */
export function portsToTry(port: number, trust: Trust, start: number | undefined): readonly number[] {
  if (port !== 0 || trust === "key") return [port];
  const end = Math.min(start ?? 0, 512);
  const ports = Array.from({ length: Math.min(end, 256) }, (_, i) => end - 1 - i).filter(
    (one) => one > 0 && !BLOCKED_PORTS.has(one),
  );
  for (let i = ports.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [ports[i], ports[j]] = [ports[j]!, ports[i]!];
  }
  return ports;
}
