/** `firstmile trust graph [SOURCE[:PATH]]`. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type GraphQuestion, trustGraph } from "@firstmile/trust/graph/graph";
import type { SourceName } from "@firstmile/trust/policy/names";
import { ruleFor } from "@firstmile/trust/policy/paths";
import type { Policy } from "@firstmile/trust/policy/policy";
import { trustedStateDirectory } from "../../state/directory.ts";
import { currentPolicy } from "../../trust-repository/follow.ts";
import { withImports } from "../../trust-repository/imports.ts";
import type { FirstmileContext } from "../context.ts";
import { graphSvg } from "../drawing/graph-svg.ts";
import { showGraph } from "../drawing/graph-tree.ts";
import { badInput } from "../failure.ts";
import { rulesToJudgeBy } from "../rules.ts";
import type { GraphFlags } from "./trust-graph.command.ts";

export async function graph(this: FirstmileContext, flags: GraphFlags, part?: string): Promise<void> {
  const policy = await rulesToShow(this, flags.policy);
  const question = part === undefined ? {} : questionOf(policy, part);
  const resolved = await withImports(trustedStateDirectory(this), policy, this.now);
  const drawn = trustGraph(resolved, this.now, question);
  if (flags.svg !== undefined) write(this, flags.svg, graphSvg(drawn));
  if (flags.json) this.terminal.json(drawn);
  else if (flags.svg === undefined) showGraph(this.terminal, drawn);
}

/** What is shown decides nothing: rules that have expired are shown as well, and say when they did. */
async function rulesToShow(context: FirstmileContext, directory: string | undefined): Promise<Policy> {
  const state = trustedStateDirectory(context);
  const current = directory === undefined ? await currentPolicy(state, context.now) : undefined;
  return current?.policy ?? (await rulesToJudgeBy(context, directory)).policy;
}

function questionOf(policy: Policy, part: string): GraphQuestion {
  const colon = part.indexOf(":");
  const name = (colon < 0 ? part : part.slice(0, colon)) as SourceName;
  const source = policy.sources.get(name);
  if (!source) {
    const known = [...policy.sources.keys()].join(", ") || "none";
    throw badInput(`the policy has no source ${JSON.stringify(name)}`, `its sources: ${known}`);
  }
  if (colon < 0) return { source: name };
  // Paths are bytes in Git, and in rules Latin-1 that stands for them.
  const path = Buffer.from(part.slice(colon + 1).replace(/^\/+/, "")).toString("latin1");
  if (path === "") throw badInput(`${part} names no path`, `firstmile trust graph ${name}:pkgs/default.nix`);
  if (!ruleFor(path, source.rules))
    throw badInput(`no rule of source ${name} lets anybody write ${part.slice(colon + 1)}`);
  return { source: name, path };
}

function write(context: FirstmileContext, file: string, svg: string): void {
  try {
    writeFileSync(resolve(context.cwd, file), svg);
  } catch (error) {
    throw badInput(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
  context.terminal.say(`drawn into ${file}`);
}
