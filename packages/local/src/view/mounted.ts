/** A view that is mounted: a server, and a command beside it. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { runCommand } from "./command.ts";
import { MAX_TREES } from "./inode-table.ts";
import { type Bind, insideOf, mortal, type User } from "./namespace.ts";
import { findPrograms, type Programs } from "./programs.ts";
import { ServerProcess } from "./server-process.ts";
import type { ViewCommand, ViewResult, ViewTree } from "./view.ts";
import { baseDirectory, removeLeftBehind, type ViewDirectory, viewDirectory } from "./view-directory.ts";
import { unavailable } from "./view-error.ts";

/** Throws `ViewError`, of the code `view-unavailable` where this machine cannot. */
export async function runMounted(trees: readonly ViewTree[], command: ViewCommand): Promise<ViewResult> {
  const programs = requirePrograms();
  const user = { uid: process.getuid!(), gid: process.getgid!() };
  const base = baseDirectory(process.env);
  removeLeftBehind(base);
  using directory = viewDirectory(base);
  const databases: NeutralGit[] = [];
  try {
    for (const { repository } of trees) databases.push(await neutralGit(repository));
    const served = trees.map(({ tree, rules }, place) => ({ env: databases[place]!.env, tree, rules }));
    const job = { trees: served, dir: directory.path, programs };
    const server = await ServerProcess.start(job, user);
    return await runBeside(server, { programs, user, binds: bindsOf(trees, directory) }, command);
  } finally {
    for (const database of databases) database.dispose();
  }
}

function requirePrograms(): Programs {
  if (process.platform !== "linux") throw unavailable("views are mounted on Linux only");
  const programs = findPrograms(process.env.PATH);
  if (!("missing" in programs)) return programs;
  throw unavailable(`${programs.missing.join(", ")} not found`, "install git, coreutils and util-linux");
}

function bindsOf(trees: readonly ViewTree[], directory: ViewDirectory): Bind[] {
  if (trees.length > MAX_TREES) throw unavailable(`a view has at most ${MAX_TREES} trees`);
  return trees.map(({ at }, place) => {
    if (!isAbsolute(at) || normalize(at) !== at)
      throw unavailable(`${at} is no absolute path without detours`);
    if (!existsSync(at) && `${dirname(at)}/`.startsWith(`${tmpdir()}/`)) directory.makePlace(at);
    return { from: join(directory.path, "root", String(place).padStart(2, "0")), to: at };
  });
}

interface Beside {
  readonly programs: Programs;
  readonly user: User;
  readonly binds: readonly Bind[];
}

async function runBeside(server: ServerProcess, beside: Beside, command: ViewCommand): Promise<ViewResult> {
  const { programs, user, binds } = beside;
  const own = command.stdio === "inherit" ? command.argv : mortal(programs, command.argv);
  const inside = { binds, cwd: command.cwd ?? process.cwd(), argv: own };
  try {
    const ended = await runCommand(insideOf(programs, user, server.pid, inside), command);
    return { ...ended, record: await server.stop(), how: "fuse" };
  } finally {
    server.kill();
  }
}
