/** Gathers what `examine` judges: Nix's effective settings, the gate, the trust repository, files, tools. */

import { randomUUID } from "node:crypto";
import { get } from "node:http";
import { join } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import { gitDetectsCollisions } from "../git/collision-probe.ts";
import { ProcessError } from "../process/run.ts";
import { currentPolicy } from "../trust-repository/follow.ts";
import { EndpointError, type GateEndpoint, readGateEndpoint } from "./endpoint.ts";
import type { Answer, Configuration, DaemonFacts, Facts, GateFacts } from "./facts.ts";
import { changed, type DaemonProcess, daemonSocket, findDaemons, knock } from "./gather-daemon.ts";
import { keyFiles, pathFacts, programsOf } from "./gather-files.ts";
import {
  acceptedFlakeSettings,
  type Commands,
  effectiveSettings,
  NOTHING_OF_THE_CALLER,
  nixVersion,
  tryUnadmitted,
} from "./gather-nix.ts";
import { gatherPlace } from "./gather-place.ts";
import { words } from "./settings.ts";

export interface Asked {
  readonly env: NodeJS.ProcessEnv;
  readonly stateDir: string;
  /** Unix seconds. */
  readonly now: number;
  readonly uid: number;
  /** Also build something that nobody admitted. */
  readonly tryBuild: boolean;
  readonly run: Commands;
}

/** The facts of this machine, or undefined where there is no Nix. */
export async function gatherFacts(asked: Asked): Promise<Facts | undefined> {
  const version = await nixVersion(asked.run);
  if (version === undefined) return undefined;
  const gate = readGate(asked.stateDir);
  const { endpoint } = gate;
  const { daemons, ...configured } = await gatherConfigurations(asked, version);
  const gateDir = join(asked.stateDir, "gate");
  return {
    nixVersion: version,
    uid: asked.uid,
    storeDir: asked.env.NIX_STORE_DIR || "/nix/store",
    ...configured,
    acceptedFlakeSettings: await acceptedFlakeSettings(asked.env),
    gate,
    place: endpoint && (await gatherPlace(asked, endpoint, daemons)),
    hook: endpoint && (await pathFacts(endpoint.hookPath)),
    hookPrograms: endpoint ? await programsOf(endpoint.hookPath) : [],
    socket: await knock(join(gateDir, "gate.sock")),
    cacheInfo: endpoint && (await fetchText(`${endpoint.url.replace(/\/$/, "")}/nix-cache-info`)),
    trust: await gatherTrust(asked),
    stateDir: await pathFacts(asked.stateDir),
    gateDir: await pathFacts(gateDir),
    keys: await keyFiles(gateDir),
    namespaces: await probeNamespaces(asked),
    tried: asked.tryBuild ? await tryUnadmitted(asked.run, randomUUID(), hookOf(endpoint)) : undefined,
    git: await firstLine(asked.run, "git", ["--version"]),
    collisions: await gatherCollisions(),
    xz: await firstLine(asked.run, "xz", ["--version"]),
  };
}

async function gatherCollisions(): Promise<Answer> {
  try {
    return (await gitDetectsCollisions())
      ? { ok: true, said: "Git was shown one and noticed" }
      : { ok: false, problem: "Git was shown one and did not notice" };
  } catch (error) {
    if (error instanceof ProcessError) return { ok: false, problem: error.message };
    throw error;
  }
}

/** Without an endpoint no message of Nix can name the hook, and a line feed is in none of its paths. */
function hookOf(endpoint: GateEndpoint | undefined): string {
  return endpoint?.hookPath ?? "\n";
}

function readGate(stateDir: string): GateFacts {
  try {
    const endpoint = readGateEndpoint(stateDir);
    return endpoint ? { endpoint } : { endpoint: undefined, problem: "has not started on this machine" };
  } catch (error) {
    if (error instanceof EndpointError) return { endpoint: undefined, problem: error.message };
    throw error;
  }
}

async function gatherConfigurations(
  asked: Asked,
  version: string,
): Promise<Pick<Facts, "configurations" | "daemon"> & { readonly daemons: readonly DaemonProcess[] }> {
  const { env, run } = asked;
  const own = await effectiveSettings(run, version, {});
  const file = join(env.NIX_CONF_DIR || "/etc/nix", "nix.conf");
  if (!(await knock(daemonSocket(env))).ok) {
    const from = `${file} and this user's settings`;
    return { configurations: [{ from, of: "both", values: own }], daemon: undefined, daemons: [] };
  }
  const daemons = await findDaemons(env);
  const [daemon] = daemons;
  const machine = await effectiveSettings(run, version, environmentOf(daemon));
  const trusted = await isTrusted(asked, machine);
  return {
    configurations: [
      { from: `${file} (the daemon's)`, of: "builder", values: machine },
      // Root and trusted users bring their own settings with them; of anybody else the daemon takes none of these.
      { from: "this user's settings", of: trusted ? "both" : "caller", values: own },
    ],
    daemon: await judgeDaemon(daemon, file),
    daemons,
  };
}

async function judgeDaemon(daemon: DaemonProcess | undefined, file: string): Promise<DaemonFacts> {
  // Started by its socket when somebody comes: it will read what is there now.
  if (daemon === undefined) return { listens: true, environmentRead: true, stale: false, options: [] };
  return {
    listens: true,
    environmentRead: daemon.env !== undefined,
    options: daemon.options,
    stale: (await changed(file)) > daemon.started + 1,
  };
}

const DAEMON_VARIABLES = [
  "NIX_CONF_DIR",
  "NIX_CONFIG",
  "NIX_USER_CONF_FILES",
  "NIX_REMOTE",
  "HOME",
  "XDG_CONFIG_HOME",
];

function environmentOf(daemon: DaemonProcess | undefined): Record<string, string> {
  const { env } = daemon ?? {};
  if (env === undefined) return NOTHING_OF_THE_CALLER;
  const taken = DAEMON_VARIABLES.flatMap((name) => (env.has(name) ? [[name, env.get(name)!] as const] : []));
  const given = Object.fromEntries(taken);
  // Without a home the daemon has no user configuration; this user's must not stand in for it.
  const user = env.has("HOME") || env.has("NIX_USER_CONF_FILES") ? {} : { NIX_USER_CONF_FILES: "" };
  // The address of its store can turn signatures off: `local?require-sigs=false`.
  return { NIX_CONFIG: "", NIX_REMOTE: "", ...user, ...given };
}

async function isTrusted({ uid, run }: Asked, machine: Configuration["values"]): Promise<boolean> {
  if (uid === 0) return true;
  const trusted = words(machine.get("trusted-users") ?? "");
  if (trusted.includes("*")) return true;
  const name = (await run("id", ["-un"])).stdout.trim();
  const groups = words((await run("id", ["-Gn"])).stdout);
  return trusted.includes(name) || groups.some((group) => trusted.includes(`@${group}`));
}

async function gatherTrust({ stateDir, now }: Asked): Promise<Answer> {
  try {
    const current = await currentPolicy(stateDir, now);
    if (!current) return { ok: false, problem: "none is pinned" };
    const refusal = current.reasons.find((reason) => !reason.ok);
    if (refusal) return { ok: false, problem: `${refusal.code}: ${refusal.message}` };
    return { ok: true, said: `${visibleText(current.policy.name)} at ${current.pin.followed.slice(0, 12)}` };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What a build's sandbox is made of; without privilege a user namespace first. */
async function probeNamespaces({ run, uid }: Asked): Promise<Answer> {
  const user = uid === 0 ? [] : ["--user", "--map-root-user"];
  const args = [...user, "--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "true"];
  const ended = await run("unshare", args).catch(() => undefined);
  if (ended === undefined) return { ok: false, problem: "unshare (util-linux) cannot be run to see" };
  return ended.code === 0 ? { ok: true, said: "work" } : { ok: false, problem: ended.stderr.trim() };
}

async function firstLine(run: Commands, command: string, args: readonly string[]): Promise<Answer> {
  const ended = await run(command, args).catch(() => undefined);
  if (ended?.code !== 0) return { ok: false, problem: `${command} is not installed` };
  return { ok: true, said: ended.stdout.split("\n")[0] ?? "" };
}

const MAX_ANSWER = 4096;

/** One GET of this machine's own gate, with limits: whoever took its port could send without end. */
function fetchText(url: string): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const fail = (problem: string) => resolve({ ok: false, problem: `${url}: ${problem}` });
  const request = get(url, { agent: false }, (response) => {
    let said = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      said += text;
      if (said.length > MAX_ANSWER) request.destroy(new Error("answers at too great length"));
    });
    response.on("error", (error) => fail(error.message));
    response.on("end", () =>
      response.statusCode === 200 ? resolve({ ok: true, said }) : fail(`HTTP ${response.statusCode}`),
    );
  });
  request.setTimeout(3000, () => request.destroy(new Error("did not answer within 3 s")));
  request.on("error", (error) => fail(error.message));
  return promise;
}
