/**
 * The command line that seals a command: one run of bubblewrap, which makes all mounts and namespaces.
 *
 * Claims: inside are the mounts given here and nothing else of the machine; no network, no process but its own, no
 * procfs, no capability, no way to get one. Root's evaluations run as a user that no account has, without a user
 * namespace; an ordinary user's run as themselves in a user namespace, where their files are not. Against: whatever
 * an expression makes Nix do, a fault in Nix's parser or evaluator included. Leaves out faults of the kernel.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { User } from "../view/namespace.ts";
import { SEALED } from "./places.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { SealPrograms } from "./programs.ts";

/**
 * Who evaluates for root. Between what systemd and Debian give to containers and the largest number, where no account
 * is; the second one for a container that has no more than 65,536.
 */
const EVALUATORS = [1_997_000_009, 65_011];

/**
 * Who evaluates: for root another user; for an ordinary user, that user. The same holds for a root in a user namespace
 * that has no other id.
 *
 * @param map Text of /proc/self/uid_map.
 */
export function evaluatorOf(user: User, map: string = readFileSync("/proc/self/uid_map", "utf8")): User {
  if (user.uid !== 0) return user;
  const ranges = map
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const isMapped = (id: number) =>
    ranges.some(([first = 0, , count = 0]) => id >= first && id < first + count);
  const uid = EVALUATORS.find(isMapped);
  return uid === undefined ? user : { uid, gid: uid };
}

export interface Mount {
  readonly from: string;
  readonly at: string;
  /** Default: read-only. */
  readonly writable?: boolean;
}

export interface Recipe {
  readonly programs: SealPrograms;
  readonly user: User;
  readonly evaluator: User;
  readonly nix: ProgramFiles;
  /** Further programs, by name. */
  readonly others: Readonly<Record<string, ProgramFiles>>;
  /** Outer ones first. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
}

/** Arguments of bubblewrap, and what stands between it and the command. */
export function sealing(recipe: Recipe, command: string, args: readonly string[]): string[] {
  const { programs, env } = recipe;
  const variables = Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]);
  const inside = [`${SEALED.programs}/${command}`, ...args];
  return [
    programs.bwrap,
    ...namespaces(recipe),
    "--clearenv",
    ...variables,
    ...mounts(recipe),
    "--chdir",
    "/",
    "--",
    ...unprivileged(recipe),
    ...inside,
  ];
}

function namespaces({ user, evaluator }: Recipe): string[] {
  const shared = ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"];
  const ending = ["--die-with-parent", "--new-session", "--hostname", "sealed", "--cap-drop", "ALL"];
  if (isSame(user, evaluator)) {
    const who = ["--unshare-user", "--uid", String(SHOWN_ID), "--gid", String(SHOWN_ID)];
    return [...who, ...shared, ...ending];
  }
  const needed = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"];
  return [...shared, ...ending, ...needed.flatMap((name) => ["--cap-add", name])];
}

/** What their own number looks like inside: root's would have Nix look for build users. */
const SHOWN_ID = EVALUATORS[0]!;

/** Whether it takes a user namespace to give up what the caller may do. */
export function isSame(user: User, evaluator: User): boolean {
  return user.uid === evaluator.uid;
}

/** The evaluator's number inside. */
export function shownId(user: User, evaluator: User): number {
  return isSame(user, evaluator) ? SHOWN_ID : evaluator.uid;
}

/** Privileges to drop without a user namespace. */
function unprivileged({ user, evaluator }: Recipe): string[] {
  if (isSame(user, evaluator)) return [];
  const who = [`--reuid=${evaluator.uid}`, `--regid=${evaluator.gid}`, "--clear-groups"];
  return [
    `${SEALED.programs}/setpriv`,
    ...who,
    "--no-new-privs",
    "--inh-caps=-all",
    "--bounding-set=-all",
    "--",
  ];
}

const DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom"];

function mounts({ nix, others, mounts: given }: Recipe): string[] {
  const programs = [nix, ...Object.values(others)];
  const libraries = new Map(programs.flatMap(({ libraries }) => libraries.map(({ at, from }) => [at, from])));
  const binaries = Object.entries({ nix, ...others }).map(([name, { program }]) => [
    `${SEALED.programs}/${name}`,
    program,
  ]);
  const files = [...libraries, ...binaries] as [string, string][];
  const bound = given.flatMap(({ at, from, writable }) => [writable ? "--bind" : "--ro-bind", from, at]);
  const places = [...files.map(([at]) => at), ...given.map(({ at }) => at), ...DEVICES, "/proc/self/exe"];
  return [
    ...parents([...places, `${SEALED.configuration}/x`]),
    ...DEVICES.flatMap((device) => ["--dev-bind", device, device]),
    ...bound,
    ...parents(files.map(([at]) => at)),
    ...files.flatMap(([at, from]) => ["--ro-bind", from, at]),
    ...["nix-instantiate", "nix-store"].flatMap((name) => ["--symlink", "nix", `${SEALED.programs}/${name}`]),
    // No procfs: in it an open descriptor or a mount point would lead outside. 2.34 asks for this one name.
    ...["--symlink", `${SEALED.programs}/nix`, "/proc/self/exe"],
    ...["--remount-ro", "/"],
  ];
}

/** Made here, because bubblewrap makes them for root alone. */
function parents(places: readonly string[]): string[] {
  const all = new Set<string>();
  for (const place of places) {
    for (let dir = dirname(place); dir !== "/" && !all.has(dir); dir = dirname(dir)) all.add(dir);
  }
  return [...all].sort().flatMap((dir) => ["--perms", "0755", "--dir", dir]);
}
