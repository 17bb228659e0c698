/** A view that is mounted: a server, and a command beside it. */
import { join } from "node:path";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { runCommand } from "./command.ts";
import { type Bind, insideOf, mortal, type User, userOf } from "./namespace.ts";
import { makePlaces } from "./places.ts";
import { type Programs, requirePrograms } from "./programs.ts";
import { MOUNT } from "./server-job.ts";
import { ServerProcess } from "./server-process.ts";
import type { ViewCommand, ViewResult, ViewTree } from "./view.ts";
import { baseDirectory, removeLeftBehind, ViewDirectory } from "./view-directory.ts";
import { watch } from "./watchdog.ts";

/** Throws `ViewError`, of the code `view-unavailable` where this machine cannot. */
export async function runMounted(trees: readonly ViewTree[], command: ViewCommand): Promise<ViewResult> {
  await using mounted = await openMounted(trees, (directory) => makePlaces(trees, directory));
  const { programs, user, server, roots } = mounted;
  const binds = trees.map(({ at }, place) => ({ from: roots[place]!, to: at }));
  return await runBeside(server, { programs, user, binds }, command);
}

/** Trees that are served, in a namespace where they have no places yet. */
export interface Mounted extends AsyncDisposable {
  readonly programs: Programs;
  readonly user: User;
  readonly server: ServerProcess;
  /** Where each tree is, in the server's namespace. */
  readonly roots: readonly string[];
}

/** `prepare`: what is to be done before anything is mounted. Throws as `runMounted`. */
export async function openMounted(
  trees: readonly ViewTree[],
  prepare: (directory: ViewDirectory) => void = () => {},
): Promise<Mounted> {
  const programs = requirePrograms();
  const user = userOf(process);
  const base = baseDirectory(process.env);
  removeLeftBehind(base);
  await using opening = new AsyncDisposableStack();
  const directory = opening.use(new ViewDirectory(base));
  const databases: NeutralGit[] = [];
  opening.defer(() => {
    for (const database of databases) database.dispose();
  });
  const server = new ServerProcess(programs, user, directory.path);
  opening.defer(() => server.end());
  // While the server's process starts.
  for (const { repository } of trees) databases.push(await neutralGit(repository));
  prepare(directory);
  const served = trees.map(({ tree, rules }, place) => ({ env: databases[place]!.env, tree, rules }));
  await server.serve({ trees: served, dir: directory.path, programs });
  const roots = trees.map((_, place) => join(directory.path, MOUNT, String(place).padStart(2, "0")));
  const opened = opening.move();
  return { programs, user, server, roots, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

interface Beside {
  readonly programs: Programs;
  readonly user: User;
  readonly binds: readonly Bind[];
}

async function runBeside(server: ServerProcess, beside: Beside, command: ViewCommand): Promise<ViewResult> {
  const { programs, user, binds } = beside;
  const argv = command.stdio === "inherit" ? command.argv : mortal(programs, command.argv);
  const inside = { binds, cwd: command.cwd ?? process.cwd(), argv };
  const release = watch(server, programs, user);
  try {
    const ended = await runCommand(insideOf(programs, user, server.pid, inside), command);
    return { ...ended, record: await server.finish(), how: "fuse" };
  } finally {
    release();
  }
}
