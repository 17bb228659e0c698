/**
 * Argument lists that start the server in a mount namespace, and a command in one below it.
 *
 * The trees are put in their places in the command's namespace alone: were they visible to the server, or to the Git
 * that it asks, a view over the repository's own directory would wait for itself. Whoever is not root has both in a
 * user namespace in which they are, and the command in one more, in which they are themselves again.
 */
import type { Programs } from "./programs.ts";

/** A directory, and where it is to be seen. */
export interface Bind {
  readonly from: string;
  readonly to: string;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Who a process runs as. */
export function userOf({ getuid, getgid }: Pick<NodeJS.Process, "getuid" | "getgid">): User {
  return { uid: getuid!(), gid: getgid!() };
}

const OWN_MOUNTS = ["--mount", "--propagation", "private"];

/** For a process that may mount, and that dies with the one that started it. */
export function inNamespace(programs: Programs, user: User, argv: readonly string[]): string[] {
  const { unshare } = programs;
  return [unshare, ...OWN_MOUNTS, ...asRoot(user), "--", ...mortal(programs, argv)];
}

function asRoot({ uid }: User): string[] {
  return uid === 0 ? [] : ["--map-root-user"];
}

/**
 * Puts directories in their places and becomes the command. Says `started` on descriptor 3 right before, or what
 * failed. Its text is constant: paths and the command come as arguments.
 */
const BEGIN = `mount=$1; options=$2; shift 2
while [ "$1" != -- ]; do "$mount" -o "$options" "$1" "$2" 2>&3 || exit 126; shift 2; done; shift
cd "$1" 2>&3 || exit 126; shift
echo started >&3 || exit 126
exec "$@" 3>&-`;

export interface Inside {
  readonly binds: readonly Bind[];
  /** Whether what is bound could be written to where it comes from. */
  readonly protect?: boolean;
  readonly cwd: string;
  readonly argv: readonly string[];
}

/** For a command in the namespaces of a process. */
export function insideOf(programs: Programs, user: User, pid: number, inside: Inside): string[] {
  return [
    ...enter(programs, user, pid),
    programs.unshare,
    ...OWN_MOUNTS,
    "--",
    ...begin(programs, user, inside),
  ];
}

/** For a command in namespaces of its own. Without one to mount in, nothing can be put in its place. */
export function insideNew(programs: Programs, user: User, inside: Inside): string[] {
  return [programs.unshare, ...OWN_MOUNTS, ...asRoot(user), "--", ...begin(programs, user, inside)];
}

/** In the namespaces of a process, and at its root directory, which need not be that of the namespace. */
export function enter({ nsenter }: Pick<Programs, "nsenter">, { uid }: User, pid: number): string[] {
  const same = uid === 0 ? [] : ["--user", "--preserve-credentials"];
  return [nsenter, "--target", String(pid), "--mount", "--root", ...same, "--"];
}

/** For a command in this process's own namespaces. */
export function insideSame({ sh }: Programs, { cwd, argv }: Omit<Inside, "binds">): string[] {
  return [sh, "-c", BEGIN, "sh", "", "", "--", cwd, ...argv];
}

function begin(programs: Programs, user: User, { binds, protect, cwd, argv }: Inside): string[] {
  const { sh, mount } = programs;
  const options = protect ? "bind,ro" : "bind";
  // Outer ones first: they would hide what is put inside of them.
  const inOrder = binds.toSorted((a, b) => a.to.length - b.to.length);
  const pairs = inOrder.flatMap(({ from, to }) => [from, to]);
  return [sh, "-c", BEGIN, "sh", mount, options, ...pairs, "--", cwd, ...themselves(programs, user), ...argv];
}

function themselves({ unshare }: Programs, { uid, gid }: User): string[] {
  return uid === 0 ? [] : [unshare, `--map-user=${uid}`, `--map-group=${gid}`, "--"];
}

/** For a process that is killed when the one that started it ends. */
export function mortal({ setpriv }: Pick<Programs, "setpriv">, argv: readonly string[]): string[] {
  return [setpriv, "--pdeathsig", "KILL", "--", ...argv];
}
