/** `firstmile channel follow URL`: what one's own rules need, so that a curator's slices are accepted. */

import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { visibleText } from "@firstmile/formats/bytes/visible";
import { type Amendment, amendPolicy } from "@firstmile/trust/policy/amend";
import { POLICY_FILE } from "@firstmile/trust/policy/defect";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { renderDefects } from "@firstmile/trust/policy/render";
import { readCurator } from "../../channel/curator.ts";
import { planToFollow, sourceToFollow } from "../../channel/follow-plan.ts";
import { readPolicyDirectory } from "../../state/policy-directory.ts";
import { askYes } from "../ask-yes.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import { fingerprint, wholeId } from "../introduction-flags.ts";
import { harmless } from "../terminal.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { FollowFlags } from "./channel.command.ts";

export async function follow(this: FirstmileContext, flags: FollowFlags, named: string): Promise<void> {
  const { terminal } = this;
  if (flags.json && !flags.yes) throw badInput("nobody is asked with --json", "say --yes");
  const rules = await OwnRules.read(resolve(this.cwd, flags.rules ?? "."));
  const introduction = { commit: wholeId(flags.introduction), signedBy: flags.signedBy.map(fingerprint) };
  const path = resolve(this.cwd, named);
  const url = existsSync(path) ? pathToFileURL(path).href : named;
  terminal.progress(`fetching and authenticating ${url}`);
  const followed = await readCurator(url, introduction, this.now);
  const curator = followed.policy;
  if (!followed.verdict.allowed || !curator) {
    showVerdict(terminal, followed.verdict);
    return this.exit(EXIT.denied);
  }
  const source = sourceToFollow(curator, flags.source) ?? noSource(curator, flags.source);
  const { role, name, review } = flags;
  const plan = planToFollow(rules.policy, curator, { url, introduction, role, source, name, review });
  if (plan.kind === "refused") throw badInput(plan.problem, plan.help);
  if (plan.kind === "there")
    return told(this, flags, `your rules accept what ${role} of ${curator.name} publishes`);
  const text = rules.amended(plan.amendment);
  if (!flags.json) for (const line of rules.difference(text)) terminal.print(line);
  if (!(await askYes(this, `Write these lines to ${rules.file}?`, flags.yes))) {
    terminal.say("nothing was written");
    return this.exit(EXIT.denied);
  }
  rules.write(text);
  if (flags.json)
    return terminal.json({ file: rules.file, source: source.name, role: plan.role, changed: true });
  terminal.print(
    `next: git -C ${rules.dir} commit -S ${POLICY_FILE}, signed by as many as your role root asks for;`,
  );
  terminal.print(
    "push it, and firstmile trust update on each machine; firstmile channel list shows what is published",
  );
}

function told({ terminal }: FirstmileContext, { json }: FollowFlags, text: string): void {
  if (json) terminal.json({ changed: false });
  else terminal.print(`${terminal.style("green", "nothing to do:")} ${harmless(text)}`);
}

function noSource({ name, sources }: Policy, asked: string | undefined): never {
  const all = [...sources.values()].filter(({ authenticate }) => authenticate === "slice");
  const names = all.map((one) => one.name).join(", ") || "none";
  const problem =
    asked === undefined ? "several sources, or none, that are judged by slices" : `no source ${asked}`;
  throw badInput(`${name} has ${problem}`, `choose one with --source: ${names}`);
}

/** The rules in a checkout, and their text as people wrote it. */
class OwnRules {
  readonly dir: string;
  readonly file: string;
  readonly policy: Policy;
  readonly #files: ReadonlyMap<string, Uint8Array>;

  private constructor(dir: string, policy: Policy, files: ReadonlyMap<string, Uint8Array>) {
    this.dir = dir;
    this.file = join(dir, POLICY_FILE);
    this.policy = policy;
    this.#files = files;
  }

  static async read(dir: string): Promise<OwnRules> {
    if (!existsSync(join(dir, POLICY_FILE)))
      throw badInput(
        `${dir} is no checkout of a trust repository`,
        "stand in yours, or name it: --rules DIR",
      );
    const files = await readPolicyDirectory(dir);
    const loaded = loadPolicy(files);
    if (!loaded.ok)
      throw badInput(
        `the rules in ${visibleText(dir)} are not valid`,
        undefined,
        renderDefects(loaded.defects, files),
      );
    return new OwnRules(dir, loaded.policy, files);
  }

  /** Throws `Failure` where the lines have no place, or do not give valid rules. */
  amended(amendment: Amendment): string {
    const result = amendPolicy(this.#text, amendment);
    if (!result.ok) {
      const tables = result.missing.map((table) => `[${table.join(".")}]`).join(" and ");
      const lines = [...amendment.into.map(({ line }) => line), ...amendment.behind.flat()].join("\n");
      throw new Failure(
        EXIT.input,
        `${this.file} has no table ${tables} to put lines into`,
        "add them by hand",
        { detail: lines },
      );
    }
    const files = new Map([...this.#files, [POLICY_FILE, Buffer.from(result.text)]]);
    const loaded = loadPolicy(files);
    if (loaded.ok) return result.text;
    const detail = renderDefects(loaded.defects, files);
    throw new Failure(EXIT.input, "with these lines the rules would not be valid", undefined, { detail });
  }

  /** The lines that are new, each with its number. */
  difference(text: string): string[] {
    const left = this.#text.split("\n");
    const shown: string[] = [];
    for (const [i, line] of text.split("\n").entries()) {
      if (left[0] === line) left.shift();
      else shown.push(`  ${String(i + 1).padStart(4)} + ${harmless(line)}`);
    }
    return [this.file, ...shown];
  }

  write(text: string): void {
    const { mode } = statSync(this.file);
    writeFileSync(`${this.file}.new`, text, { mode });
    renameSync(`${this.file}.new`, this.file);
  }

  get #text(): string {
    return Buffer.from(this.#files.get(POLICY_FILE)!).toString("utf8");
  }
}
