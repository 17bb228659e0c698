/** `firstmile view SOURCE REV -- COMMAND…`: a command over a tree from Git objects, and what it opened. */

import { existsSync, mkdtempSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { visibleJson } from "@firstmile/formats/bytes/visible";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { GitTree } from "../../git/git-tree.ts";
import { neutralGit } from "../../git/neutral.ts";
import { GitObjects } from "../../git/objects.ts";
import { allowedIn } from "../../slicing/allowed.ts";
import { runInView, type ViewResult, type ViewRules } from "../../view/view.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { ViewFlags } from "./view.command.ts";
import { recordJson, showRefused, showSummary } from "./view-shown.ts";
import { type ViewTarget, viewTarget } from "./view-target.ts";

export async function view(
  this: FirstmileContext,
  flags: ViewFlags,
  named?: string,
  revision?: string,
  ...argv: readonly string[]
): Promise<void> {
  if (named === undefined || revision === undefined || argv.length === 0)
    throw badInput("a view needs a source, a revision and a command", "firstmile view SOURCE REV -- COMMAND");
  const target = await viewTarget(this, flags.policy, named, revision);
  const { judged, commit } = target;
  if (judged && !judged.origin.ok) {
    const subject = { kind: "commit", source: `source ${judged.source.name}`, id: commit } as const;
    showVerdict(this.terminal, { allowed: false, subject, reasons: [judged.origin] });
    return this.exit(EXIT.denied);
  }
  const result = await run(this, flags, target, argv);
  await report(this, flags, target, result);
  const refused = result.record.files.some(({ allowed }) => !allowed);
  this.exit(result.code === 0 && refused ? EXIT.denied : result.code);
}

async function run(
  { cwd, env, terminal }: FirstmileContext,
  { at, enforce }: ViewFlags,
  target: ViewTarget,
  argv: readonly string[],
): Promise<ViewResult> {
  const { repository, tree } = target;
  const rules = enforce ? await enforcing(target) : OBSERVING;
  using place = at === undefined ? ownPlace(target.name) : { path: resolve(cwd, at), [Symbol.dispose]() {} };
  if (at !== undefined && !existsSync(place.path))
    throw badInput(`${at} is not there`, "name a directory that is");
  terminal.clearProgress();
  const inside = `${cwd}${sep}`.startsWith(`${place.path}${sep}`) ? cwd : place.path;
  return await runInView([{ repository, tree, at: place.path, rules }], {
    argv,
    cwd: inside,
    env,
    stdio: "inherit",
  });
}

const OBSERVING: ViewRules = { kind: "observe" };

/** Named as the source is: expressions that copy their own directory have its name in their results. */
function ownPlace(name: string): { readonly path: string } & Disposable {
  const parent = mkdtempSync(join(tmpdir(), "firstmile-"));
  return { path: join(parent, name), [Symbol.dispose]: () => rmdirSync(parent) };
}

async function enforcing({ judged, unjudged, repository, tree }: ViewTarget): Promise<ViewRules> {
  if (!judged)
    throw badInput(`no rules say which files may be opened: ${unjudged}`, "name rules with --policy DIR");
  const { gathered, source } = judged;
  if (!gathered)
    throw badInput(
      `source ${source.name} is judged by its commits, and this one is authentic with all its files`,
      `leave out --enforce, or write authenticate = "slice" in [source.${tomlKey(source.name)}]`,
    );
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const { coverage } = gathered;
    return allowedIn(await GitTree.read(objects, tree), { coverage });
  } finally {
    git.dispose();
  }
}

/** On stderr, since what the command printed is the result. */
async function report(
  context: FirstmileContext,
  { record, json }: ViewFlags,
  target: ViewTarget,
  result: ViewResult,
): Promise<void> {
  const { terminal, cwd } = context;
  const text = visibleJson(JSON.stringify(recordJson(target, result), undefined, 2));
  if (record !== undefined) writeFileSync(resolve(cwd, record), `${text}\n`);
  if (json) return terminal.say(text);
  showSummary(terminal, target, result);
  await showRefused(context, target, result);
}
