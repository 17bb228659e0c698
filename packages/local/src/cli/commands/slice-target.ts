/** Which commit of which source a person means: a checkout, or a source of the policy that is fetched. */

import { basename } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { chooseSource } from "../../evidence/sources.ts";
import { gitIn } from "../../git/in-directory.ts";
import { resolveRevision } from "../../git/neutral.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { fetchTarget, targetOf } from "./verify-target.ts";

export interface SliceTarget {
  readonly repository: string;
  readonly source: Source;
  readonly commit: CommitId;
  /** What paths such as `./.` are named after. */
  readonly directoryName: string;
}

/** `named`: a path, a URL or a source's name; `revision`: HEAD, or what the first mirror calls its own. */
export async function sliceTarget(
  context: FirstmileContext,
  policy: Policy,
  named: string,
  revision: string | undefined,
): Promise<SliceTarget> {
  const target = targetOf(context.cwd, policy, named, revision);
  const found = target.kind === "path" ? await here(policy, target) : await remote(context, policy, target);
  const { source } = found;
  if (source.authenticate === "slice") return found;
  throw badInput(
    `source ${source.name} is judged by its commits, not by what is read of it`,
    `firstmile verify ${source.name}; or authenticate = "slice" in [source.${tomlKey(source.name)}]`,
  );
}

async function here(
  policy: Policy,
  { path, revision }: { path: string; revision: string },
): Promise<SliceTarget> {
  const commit = (await resolveRevision(path, revision)) as CommitId;
  const source = await chooseSource(policy, path);
  const root = await gitIn(path, ["rev-parse", "--show-toplevel"]);
  const name =
    root.code === 0 ? basename(root.stdout.toString().trimEnd()) : basename(path).replace(/\.git$/, "");
  return { repository: path, source, commit, directoryName: name };
}

async function remote(
  { stateDir, terminal }: FirstmileContext,
  policy: Policy,
  target: Parameters<typeof fetchTarget>[2],
): Promise<SliceTarget> {
  terminal.progress(`fetching from ${target.urls.join(", ")}`);
  const { repository, source, heads } = await fetchTarget(stateDir, policy, target, undefined);
  return { repository, source, commit: heads[0]!.head, directoryName: source.name };
}
