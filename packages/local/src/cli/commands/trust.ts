/** `firstmile trust add | update | show`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { groupText } from "@firstmile/trust/policy/group-text";
import type { Policy } from "@firstmile/trust/policy/policy";
import { verdict } from "@firstmile/trust/verdict/verdict";
import { trustedStateDirectory } from "../../state/directory.ts";
import { heldEvidence, updateEvidence } from "../../trust-repository/evidence.ts";
import {
  addTrust,
  type CurrentPolicy,
  currentPolicy,
  type Followed,
  placesOf,
  updateTrust,
} from "../../trust-repository/follow.ts";
import { type ImportUpdate, loadImports, updateImports } from "../../trust-repository/imports.ts";
import { readPin } from "../../trust-repository/pin.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { fingerprint, wholeId } from "../introduction-flags.ts";
import type { Terminal } from "../terminal.ts";
import { duration, minute } from "../time-text.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { AddFlags, ShowFlags } from "./trust.command.ts";
import { heldText, updateText } from "./trust-evidence.ts";

export async function add(this: FirstmileContext, flags: AddFlags, url: string): Promise<void> {
  const introduction = { commit: wholeId(flags.introduction), signedBy: flags.signedBy.map(fingerprint) };
  const { branch, replace } = flags;
  const place = (text: string) => (existsSync(resolve(this.cwd, text)) ? resolve(this.cwd, text) : text);
  const where = place(url);
  this.terminal.progress(`fetching and authenticating ${where}`);
  const followed = await addTrust(this.stateDir, where, introduction, this.now, {
    replace,
    mirrors: (flags.mirror ?? []).map(place),
    ...(branch === undefined ? {} : { branch }),
  });
  await answer(this, followed, flags.json);
}

export async function update(this: FirstmileContext, flags: ShowFlags): Promise<void> {
  this.terminal.progress("fetching and authenticating the trust repository");
  const followed = await updateTrust(this.stateDir, this.now);
  await answer(this, followed, flags.json);
  const current =
    flags.json || !readPin(this.stateDir) ? undefined : await currentPolicy(this.stateDir, this.now);
  for (const line of current ? ageOf(current, this.now) : []) this.terminal.print(line);
}

export async function show(this: FirstmileContext, flags: ShowFlags): Promise<void> {
  const current = await currentPolicy(trustedStateDirectory(this), this.now);
  if (!current)
    throw badInput(
      "this machine follows no trust repository",
      "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT",
    );
  const { pin, policy, reasons, freshness } = current;
  const stateDir = trustedStateDirectory(this);
  const evidence = heldEvidence(stateDir, policy, await loadImports(stateDir, policy, this.now));
  const subject = { kind: "trust repository", name: policy.name, commit: pin.followed } as const;
  if (flags.json) {
    this.terminal.json({
      name: policy.name,
      digest: policy.digest,
      expires: policy.expires,
      ...pin,
      mirrors: placesOf(pin, policy).slice(1),
      head: freshness && { statedAt: freshness.statedAt ?? null, until: freshness.until ?? null },
      roles: [...policy.roles.keys()],
      sources: [...policy.sources.keys()],
      evidence,
    });
  } else {
    showVerdict(this.terminal, verdict(subject, reasons));
    this.terminal.print(`from ${placesOf(pin, policy).join(", ")}`);
    for (const line of ageOf(current, this.now)) this.terminal.print(line);
    this.terminal.print(
      `introduction ${pin.introduction.commit}, signed by ${pin.introduction.signedBy.join(", ")}`,
    );
    showPolicy(this.terminal, policy);
    for (const place of evidence) this.terminal.print(heldText(place, this.now));
  }
  this.exit(reasons.every((reason) => reason.ok) ? EXIT.ok : EXIT.denied);
}

/** Whom the rules import from. What one of them cannot give denies what rests on it, and nothing else. */
async function followImports(
  context: FirstmileContext,
  { verdict, policy }: Followed,
): Promise<ImportUpdate[]> {
  if (!verdict.allowed || !policy || policy.imports.size === 0) return [];
  context.terminal.progress("fetching and authenticating the trust repositories that it imports from");
  return await updateImports(context.stateDir, policy, context.now);
}

/** Where statements are kept beside the rules. One that does not answer is told, and denies nothing. */
async function followEvidence(context: FirstmileContext, { verdict, policy }: Followed) {
  if (!verdict.allowed || !policy) return [];
  const { stateDir, now, terminal } = context;
  terminal.progress("fetching statements");
  return await updateEvidence(stateDir, policy, await loadImports(stateDir, policy, now), now);
}

async function answer(context: FirstmileContext, followed: Followed, json: boolean): Promise<void> {
  const { terminal } = context;
  const imports = await followImports(context, followed);
  const evidence = await followEvidence(context, followed);
  if (json) terminal.json({ ...followed.verdict, imports: imports.map(importJson), evidence });
  else {
    showVerdict(terminal, followed.verdict);
    for (const update of imports) showImport(terminal, update);
    if (followed.verdict.allowed) terminal.print(progressOf(followed.commits));
    for (const update of evidence) terminal.print(updateText(update));
  }
  context.exit(followed.verdict.allowed ? EXIT.ok : EXIT.denied);
}

/** How old what this machine has may be: when it last reached a place, and by whose word it is the newest. */
function ageOf({ pin, policy, freshness }: CurrentPolicy, now: number): string[] {
  const reached = `last reached ${minute(pin.updated)}, ${duration(now - pin.updated)} ago`;
  const expiry = `the rules expire on ${minute(policy.expires)}`;
  if (!freshness) return [`${reached}; ${expiry}`];
  const { statedAt, until } = freshness;
  const stated =
    statedAt === undefined || until === undefined
      ? "nobody has lately said that they are the newest"
      : `said to be the newest on ${minute(statedAt)}, ${duration(now - statedAt)} ago; that runs out on ${minute(until)}`;
  return [`${reached}; ${expiry}`, stated];
}

function showImport(terminal: Terminal, { name, verdict: said, commits }: ImportUpdate): void {
  terminal.print(said.allowed ? `import ${name}: ${progressOf(commits)}` : `import ${name}:`);
  if (!said.allowed) showVerdict(terminal, said);
}

function importJson({ name, verdict: said, commits }: ImportUpdate) {
  return { name, commits, ...said };
}

function showPolicy(terminal: Terminal, policy: Policy): void {
  for (const [name, group] of policy.roles) {
    terminal.print(`role ${name}: ${groupText(group)}`);
  }
  for (const source of policy.sources.values()) {
    terminal.print(
      `source ${source.name}: ${source.authenticate} from ${source.introduction.commit.slice(0, 12)}, ${source.rules.length} rules`,
    );
  }
  if (policy.output)
    terminal.print(`output: ${policy.output.builders} agree, caches ${policy.output.caches.join(", ")}`);
}

function progressOf(commits: number): string {
  if (commits === 0) return "nothing new";
  return commits === 1 ? "1 new commit authenticated" : `${commits} new commits authenticated`;
}
