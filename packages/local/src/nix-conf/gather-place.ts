/**
 * What could answer in place of the gate: who listens on its port, which ports every user may bind, which programs of
 * other users may bind the rest, and whether the process that substitutes reaches this machine's 127.0.0.1 at all.
 */
import { existsSync, realpathSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { GateClient } from "../gate/client.ts";
import { listenersOn } from "../gate/listeners.ts";
import { unprivilegedPortStart } from "../gate/place.ts";
import { gateSocket } from "../gate/socket.ts";
import { type GateEndpoint, portOf } from "./endpoint.ts";
import type { GateSays, PlaceFacts, ReaderOfPlace } from "./facts.ts";
import type { DaemonProcess } from "./gather-daemon.ts";
import type { Commands } from "./gather-nix.ts";
import { proxyForLoopback } from "./proxy.ts";

export interface PlaceAsked {
  readonly env: NodeJS.ProcessEnv;
  readonly stateDir: string;
  readonly uid: number;
  readonly run: Commands;
}

/** The facts of the gate's place. `daemons`: all that were found, since each may substitute. */
export async function gatherPlace(
  asked: PlaceAsked,
  endpoint: GateEndpoint,
  daemons: readonly DaemonProcess[],
): Promise<PlaceFacts> {
  return {
    start: unprivilegedPortStart(),
    listeners: listenersOn(portOf(endpoint.url)),
    says: await gateSays(asked.stateDir),
    network: await networkOf("self"),
    readers: [await caller(asked), ...(await Promise.all(daemons.map(reader)))],
    processes: await privilegedProcesses(asked.uid),
    programs: await privilegedPrograms(asked.run),
  };
}

const said = z.looseObject({
  url: z.string(),
  trust: z.enum(["place", "key"]),
  heldBy: z.enum(["gate", "service manager"]),
  network: z.string(),
});

/** Only of this state directory: the client would else ask the machine's gate. */
async function gateSays(stateDir: string): Promise<GateSays | undefined> {
  if (!existsSync(gateSocket(stateDir))) return undefined;
  const asking = new GateClient(stateDir).get<unknown>("/status").catch(() => undefined);
  const parsed = said.safeParse(await Promise.race([asking, sleep(3000, undefined, { ref: false })]));
  return parsed.success ? parsed.data : undefined;
}

async function caller({ env }: PlaceAsked): Promise<ReaderOfPlace> {
  const variables = new Map(Object.entries(env).map(([name, value]) => [name, value ?? ""]));
  return { of: "caller", proxy: proxyForLoopback(variables), seen: true, network: await networkOf("self") };
}

async function reader({ pid, env }: DaemonProcess): Promise<ReaderOfPlace> {
  const network = await networkOf(String(pid));
  return { of: "daemon", proxy: env && proxyForLoopback(env), seen: env !== undefined, network };
}

function networkOf(pid: string): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/net`).catch(() => undefined);
}

/** Bit 10 of the capability sets, linux/capability.h. */
const CAP_NET_BIND_SERVICE = 1n << 10n;

/**
 * Processes of other users that may bind any port of this network now: those of this user namespace alone, since a
 * container's own capabilities do not reach further. Undefined for a user who may not see that of others.
 */
async function privilegedProcesses(uid: number): Promise<string[] | undefined> {
  if (uid !== 0) return undefined;
  const here = await namespaces("self");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => privileged(pid, here)));
  return found.filter((one) => one !== undefined);
}

async function privileged(pid: string, here: string): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const uids = /^Uid:\t(.*)$/m.exec(status)?.[1]?.split("\t").map(Number) ?? [0];
  const may = /^CapPrm:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  // A process that runs as root, a setuid program too, does what root installed.
  if (uids[1] === 0 || (BigInt(`0x${may}`) & CAP_NET_BIND_SERVICE) === 0n) return undefined;
  if ((await namespaces(pid)) !== here) return undefined;
  return `${/^Name:\t(.*)$/m.exec(status)?.[1]} (process ${pid} of user ${uids[1]})`;
}

async function namespaces(pid: string): Promise<string> {
  const links = ["net", "user"].map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => "gone"));
  return (await Promise.all(links)).join(" ");
}

/** Where programs are that users start; the last is NixOS's. */
const PROGRAM_DIRECTORIES = [
  ...["bin", "sbin", "lib", "libexec", "local"].map((name) => `/usr/${name}`),
  ...["/bin", "/sbin", "/opt", "/run/wrappers/bin"],
];
/** Binds UDP ports 319 and 320 alone, whatever it is told. */
const HARMLESS = /\/gst-ptp-helper$/;

/** Programs that give the user who starts them the right to bind any port (getcap(8)); undefined where that is not there. */
async function privilegedPrograms(run: Commands): Promise<string[] | undefined> {
  const there = PROGRAM_DIRECTORIES.filter((directory) => existsSync(directory));
  const once = new Set(there.map((directory) => realpathSync(directory)));
  const ended = await run("getcap", ["-r", ...once]).catch(() => undefined);
  if (ended === undefined) return undefined;
  const lines = ended.stdout.split("\n").filter((line) => /cap_net_bind_service/.test(line));
  return lines.map((line) => line.replace(/ (?:= )?cap_\S+$/, "")).filter((path) => !HARMLESS.test(path));
}
