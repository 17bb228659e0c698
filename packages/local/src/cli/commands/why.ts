/** `firstmile why SUBJECT`: the whole verdict as a tree. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { historyReason } from "@firstmile/trust/history/reason";
import { groupText } from "@firstmile/trust/policy/group-text";
import { ruleFor } from "@firstmile/trust/policy/paths";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { shellWord } from "@firstmile/trust/slice/visible-path";
import { found, lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import { checkoutOf } from "../../asking/checkout.ts";
import { authenticateHistory } from "../../evidence/history.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { GateClient } from "../../gate/client.ts";
import type { Decision } from "../../gate/ledger.ts";
import { resolveRevision } from "../../git/neutral.ts";
import type { Nearest } from "../../nearest/nearest-signed.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { WhyFlags } from "./why.command.ts";
import { nearestJson, showNearest, sliceFile } from "./why-slice.ts";

export async function why(this: FirstmileContext, flags: WhyFlags, subject?: string): Promise<void> {
  if (flags.last === (subject !== undefined))
    throw badInput("name one subject, or --last", "firstmile why SUBJECT, firstmile why --last");
  const answer = subject === undefined ? await lastRefusal(this) : await answerOn(this, flags, subject);
  if (!answer) return this.terminal.print("the gate has refused nothing");
  const { nearest, ...plain } = answer;
  if (flags.json) this.terminal.json(nearest ? { ...plain, nearest: nearestJson(nearest) } : plain);
  else {
    showVerdict(this.terminal, plain);
    if (nearest) showNearest(this.terminal, nearest);
  }
  this.exit(answer.allowed ? EXIT.ok : EXIT.denied);
}

/** Beside the verdict on a file of a slice: the signed file that it is nearest to. */
type Answer = Verdict & { readonly nearest?: Nearest | undefined };

async function lastRefusal(context: FirstmileContext): Promise<Answer | undefined> {
  const [last] = await new GateClient(context.stateDir).get<Decision[]>("/refusals", { limit: "1" });
  return last?.verdict;
}

const COMMIT = /^[0-9a-f]{7,64}$/;

async function answerOn(context: FirstmileContext, flags: WhyFlags, subject: string): Promise<Answer> {
  const path = resolve(context.cwd, subject);
  if (/^\/.*\/[0-9a-df-np-sv-z]{32}-[^/]+(?:$|\/)/.test(subject)) {
    return new GateClient(context.stateDir).get<Verdict>("/why", {
      subject: subject.replace(/(\/[0-9a-df-np-sv-z]{32}-[^/]+)\/.*$/, "$1"),
    });
  }
  if (COMMIT.test(subject) && !existsSync(path)) return commitVerdict(context, flags, subject);
  if (existsSync(path)) return fileVerdict(context, flags, path);
  throw badInput(
    `${subject} is no store path, no commit and no file here`,
    "name a path in the store, a commit id with --repository REPO, or a file in a checkout",
  );
}

async function commitVerdict(context: FirstmileContext, flags: WhyFlags, revision: string): Promise<Verdict> {
  const repository = resolve(context.cwd, flags.repository ?? ".");
  const commit = (await resolveRevision(repository, revision)) as CommitId;
  const rules = await rulesToJudgeBy(context, flags.policy);
  const source = await chooseSource(rules.policy, repository);
  return verdict({ kind: "commit", source: source.name, id: commit }, [
    await judge(context, rules, source, repository, commit),
  ]);
}

/** A file is as good as the commit it is checked out from, and shows who may write it; in a slice, as its content. */
async function fileVerdict(context: FirstmileContext, flags: WhyFlags, path: string): Promise<Answer> {
  const checkout = await checkoutOf(path);
  const rules = await rulesToJudgeBy(context, flags.policy);
  const source = await chooseSource(rules.policy, checkout.root);
  const changed = checkout.dirty.filter((line) => line.slice(3) === checkout.inside);
  const dirty = changed.map(() =>
    lacking(
      "dirty-tree",
      `${visibleText(checkout.inside)} differs from commit ${checkout.commit.slice(0, 12)}`,
      {
        remedy: `git -C ${shellWord(checkout.root)} diff -- ${shellWord(checkout.inside)}`,
      },
    ),
  );
  const subject = { kind: "request", words: path } as const;
  if (source.authenticate === "slice") {
    const { reasons, nearest } = await sliceFile(context, rules, source, checkout);
    return { ...verdict(subject, [...reasons, ...dirty]), nearest };
  }
  const history = await judge(context, rules, source, checkout.root, checkout.commit as CommitId);
  return verdict(subject, [history, ...dirty, whoMayWrite(rules.policy, source, checkout.inside)]);
}

async function judge(
  context: FirstmileContext,
  rules: Rules,
  source: Source,
  repository: string,
  tip: CommitId,
): Promise<Reason> {
  return historyReason(
    await authenticateHistory({
      repository,
      tip,
      policy: rules.policy,
      statements: rules.statements,
      source,
      now: context.now,
      cacheDir: context.stateDir,
    }),
  );
}

function whoMayWrite(policy: Policy, source: Source, path: string): Reason {
  const rule = ruleFor(Buffer.from(path).toString("latin1"), source.rules);
  if (!rule)
    return lacking(
      "outside-paths",
      `no rule of source ${source.name} lets anybody write ${visibleText(path)}`,
    );
  const group = rule.role ? `role ${rule.role}` : "the group";
  return found(
    "signed",
    `${visibleText(path)} may be written by ${group} of the rule at line ${rule.line} of firstmile.toml of ${visibleText(policy.name)}: ${groupText(rule.write)}`,
  );
}
