/**
 * Who listens on a TCP port of this machine, as the kernel lists it in /proc/net/tcp and tcp6 (proc_pid_net(5)), with
 * the user whose process opened the socket. Of this network namespace alone.
 */
import { readFileSync } from "node:fs";

export interface Listener {
  /** `127.0.0.1`, `0.0.0.0`, or an IPv6 address as the kernel prints it. */
  readonly address: string;
  readonly uid: number;
}

const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];
/** TCP_LISTEN, include/net/tcp_states.h. */
const LISTEN = "0A";

/**
 * The listeners that a connection to 127.0.0.1 at `port` can reach; those on other addresses are left out. Undefined
 * where the kernel's tables cannot be read or are not understood.
 */
export function listenersOn(port: number): readonly Listener[] | undefined {
  try {
    return TABLES.flatMap((table) => parseListeners(readTable(table), port));
  } catch {
    return undefined;
  }
}

/** A machine without IPv6 has no second table. */
function readTable(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (file.endsWith("6") && error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

/** Throws where a line has another form. */
export function parseListeners(table: string, port: number): Listener[] {
  const lines = table
    .split("\n")
    .slice(1)
    .filter((line) => line.trim() !== "");
  return lines.flatMap((line) => {
    const found = LINE.exec(line);
    if (!found) throw new Error(`unknown line in /proc/net/tcp: ${line.slice(0, 80)}`);
    const [, address, at, state, uid] = found;
    if (state !== LISTEN || Number.parseInt(at!, 16) !== port || !REACHED.has(address!)) return [];
    return [{ address: REACHED.get(address!)!, uid: Number(uid) }];
  });
}

/** sl, local address and port, remote ones, state, queues, timers, retransmissions, uid. */
const LINE =
  /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) \S+ \S+ +[0-9A-F]+ +(\d+) /;

/** In the byte order of this machine: little-endian on x86 and ARM. */
const REACHED = new Map([
  ["0100007F", "127.0.0.1"],
  ["00000000", "0.0.0.0"],
  ["00000000000000000000000000000000", "[::]"],
  ["0000000000000000FFFF00000100007F", "[::ffff:127.0.0.1]"],
]);
