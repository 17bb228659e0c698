/** `firstmile waive SUBJECT --until DATE --because TEXT`. */
import { sortedTargets, type Target } from "@firstmile/formats/statement/target";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import { compileGlob } from "@firstmile/trust/policy/paths";
import { day } from "@firstmile/trust/slice/reason";
import { type WaiverEffect, waiverEffects } from "@firstmile/trust/slice/waiver-effect";
import { type Destination, destination } from "../../exceptions/destination.ts";
import { type NamedTarget, namedTarget } from "../../exceptions/named-target.ts";
import { signedBy } from "../../exceptions/signed-by.ts";
import { parseUntil } from "../../exceptions/until.ts";
import { type KeptStatement, signAndKeep } from "../../reviewing/keep.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { rulesAtHand } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { WaiveFlags } from "./waive.command.ts";

export async function waive(this: FirstmileContext, flags: WaiveFlags, subject?: string): Promise<void> {
  const because = requireReason(flags.because);
  const until = parseUntil(flags.until, this.now);
  const named = await subjectOf(this, flags, subject);
  const { source, paths = [] } = flags;
  const scope = { source, paths: [...new Set(paths)].sort(), targets: sortedTargets(named.targets) };
  const waiver: WaiverStatement = { kind: "waiver", ...scope, until, because };
  const where = await destination(this.cwd, flags.to, named.repository);
  const [kept] = await sign(this, [waiver], where);
  const effects = await effectsOf(this, flags, waiver, where, kept!);
  if (flags.json) return this.terminal.json({ ...asJson(waiver), statement: kept, effects: effects ?? null });
  show(this.terminal, named, waiver, where, kept!);
  if (effects) showEffects(this.terminal, effects);
  showNext(this.terminal, where);
}

/** Signs with what the user signs commits with there, and keeps it. */
export async function sign(
  { now, terminal }: FirstmileContext,
  statements: Parameters<typeof signAndKeep>[0],
  { place, repository }: Destination,
): Promise<KeptStatement[]> {
  const user = await readyKey(repository);
  await readyPlace(place);
  terminal.progress("signing");
  return signAndKeep(statements, { user, place, now });
}

/** What is signed and shown as it stands. */
export function requireReason(text: string): string {
  const reason = text.trim();
  if (reason === "") throw badInput("nothing is said of why", "say it to whoever will ask: --because TEXT");
  return reason;
}

async function subjectOf(
  context: FirstmileContext,
  flags: WaiveFlags,
  subject: string | undefined,
): Promise<NamedTarget> {
  if (flags.paths !== undefined && flags.paths.length > 0) return pathsOf(flags, subject);
  if (subject === undefined)
    throw badInput(
      "nothing is named that could be waived",
      "firstmile waive SUBJECT, or --paths GLOB --source NAME",
    );
  const named = await namedTarget(context.cwd, subject, flags.anywhere);
  if (named) return named;
  throw badInput(
    `${subject} is no file here, no path in a store and no hash`,
    "name a file of a checkout, a derivation or output, sha256:HEX; or patterns with --paths GLOB --source NAME",
  );
}

function pathsOf({ paths = [], source }: WaiveFlags, subject: string | undefined): NamedTarget {
  if (subject !== undefined)
    throw badInput(
      "a subject and paths are named",
      "waive them one by one: each waiver is for one or the other",
    );
  if (source === undefined) throw badInput("paths are of a source, and none is named", "--source NAME");
  for (const glob of paths) {
    const compiled = compileGlob(glob);
    if (typeof compiled === "string")
      throw badInput(
        `${JSON.stringify(glob)} is no pattern: ${compiled}`,
        "as in a policy: pkgs/hello/, **/*.nix",
      );
  }
  const words = `${paths.join(" ")} of source ${source}, whatever is there`;
  return { targets: [] satisfies Target[], words, repository: undefined };
}

/** What it counts for by the rules at hand; undefined where there are none. */
async function effectsOf(
  context: FirstmileContext,
  { policy: named }: WaiveFlags,
  waiver: WaiverStatement,
  { place, trust }: Destination,
  { name }: KeptStatement,
): Promise<WaiverEffect[] | undefined> {
  const rules = await rulesAtHand(context, named, trust);
  if (!rules) return undefined;
  return waiverEffects(rules.policy, waiver, await signedBy(rules.policy, place, [name], context.now));
}

function show(
  terminal: Terminal,
  { words }: NamedTarget,
  { until, because }: WaiverStatement,
  where: Destination,
  { name, fresh }: KeptStatement,
): void {
  const line = (text: string) => terminal.print(wrap(text, terminal.width, "  "));
  line(`${terminal.style("yellow", "waived")}  ${harmless(words)}, until ${day(until)}`);
  terminal.print(`  ${wrap(harmless(because), terminal.width - 2, "  ")}`);
  line(
    `statement ${name.slice(0, 12)} in ${harmless(where.words)}${fresh ? "" : "; you had signed it before"}`,
  );
}

function showEffects(terminal: Terminal, effects: readonly WaiverEffect[]): void {
  const line = (ok: boolean, text: string) => {
    const mark = ok ? terminal.style("green", "✓") : terminal.style("red", "✗");
    terminal.print(`  ${mark} ${wrap(text, terminal.width - 4, "    ")}`);
  };
  if (effects.length === 0) line(false, "it means nothing that these rules speak of");
  for (const { where, role, met, lack } of effects) {
    const others = lack.map((people) => people.join(" and ")).join(", or ");
    if (role === undefined) line(false, `${where}: these rules let nobody waive it`);
    else if (met) line(true, `${where}: passes, as role ${role} may waive it`);
    else line(false, `${where}: counts only with ${others || `others of role ${role}`} as well`);
  }
}

/** How others come to have it. */
export function showNext(terminal: Terminal, { next }: Destination): void {
  terminal.print("so that it counts for others:");
  for (const step of next) terminal.print(`  ${harmless(step)}`);
}

function asJson({ targets, paths, source, until, because }: WaiverStatement) {
  return { targets, paths, source: source ?? null, until, because };
}
