/** `firstmile distrust SUBJECT --because TEXT`. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { renderStatement } from "@firstmile/formats/statement/statement";
import type { Target } from "@firstmile/formats/statement/target";
import type { Policy } from "@firstmile/trust/policy/policy";
import { peopleOf } from "@firstmile/trust/policy/thresholds";
import { WARDEN } from "@firstmile/trust/slice/distrust";
import { commitContents } from "../../exceptions/commit-contents.ts";
import { type Destination, destination } from "../../exceptions/destination.ts";
import { isListed, namedKey, namedPrincipal } from "../../exceptions/named-key.ts";
import { namedTarget } from "../../exceptions/named-target.ts";
import { signedBy } from "../../exceptions/signed-by.ts";
import { split } from "../../exceptions/split.ts";
import { withdrawalsOf } from "../../exceptions/words.ts";
import type { KeptStatement } from "../../reviewing/keep.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { rulesAtHand } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import type { DistrustFlags } from "./distrust.command.ts";
import { requireReason, showNext, sign } from "./waive.ts";

export async function distrust(this: FirstmileContext, flags: DistrustFlags, subject: string): Promise<void> {
  const because = requireReason(flags.because);
  const policy = (await rulesAtHand(this, flags.policy, flags.to))?.policy;
  const named = await new Naming(this, policy, flags.anywhere).find(subject);
  const { keys } = named;
  const statements = split(
    named.targets,
    (targets) => ({ kind: "distrust", targets, keys, because }) as const,
  );
  await refuseWithdrawn(this, flags, statements);
  const where = await destination(this.cwd, flags.to, named.repository);
  const kept = await sign(this, statements, where);
  const doubts = policy ? await doubtsOf(this, policy, named, where, kept) : [];
  if (flags.json)
    return this.terminal.json({ targets: named.targets, keys, because, statements: kept, doubts });
  show(this.terminal, named, because, where, kept);
  for (const doubt of doubts) this.terminal.say(wrap(doubt, this.terminal.width, "  "));
  showNext(this.terminal, where);
}

/** Words that were taken back are not heard when they are said again exactly so. */
async function refuseWithdrawn(
  context: FirstmileContext,
  flags: DistrustFlags,
  statements: readonly DistrustStatement[],
): Promise<void> {
  const { places } = await wordsAtHand(context, flags.policy, flags.to);
  for (const statement of statements) {
    const digest = createHash("sha256").update(renderStatement(statement)).digest("hex");
    if ((await withdrawalsOf(digest, places)) > 0)
      throw badInput(
        `these very words were withdrawn before (${digest.slice(0, 16)}), so they would not be heard`,
        "give the reason in other words: --because TEXT",
      );
  }
}

interface Named extends Pick<DistrustStatement, "keys"> {
  readonly targets: readonly Target[];
  readonly words: string;
  readonly repository: string | undefined;
}

/** What a person means; where it could be two things, neither. */
class Naming {
  readonly #context: FirstmileContext;
  readonly #policy: Policy | undefined;
  readonly #anywhere: boolean;

  constructor(context: FirstmileContext, policy: Policy | undefined, anywhere: boolean) {
    this.#context = context;
    this.#policy = policy;
    this.#anywhere = anywhere;
  }

  async find(text: string): Promise<Named> {
    const { cwd } = this.#context;
    const key = namedKey(text);
    if (key) return byKey(key);
    const person = this.#policy && !text.includes("/") ? namedPrincipal(this.#policy, text) : undefined;
    if (person && existsSync(resolve(cwd, text)))
      throw badInput(`${text} is somebody of the rules, and a file here`, `for the file: ./${text}`);
    if (person) return byKey(person);
    const target = await namedTarget(cwd, text, this.#anywhere);
    if (target) return { ...target, keys: [] };
    const commit = await commitContents(cwd, text, this.#anywhere);
    if (commit) return { ...commit, keys: [] };
    throw badInput(
      `${text} is nothing here that could be distrusted`,
      "name a file or a commit of a checkout, a path in the store, sha256:HEX, a fingerprint (OpenPGP in capitals), or somebody of the rules (--policy DIR)",
    );
  }
}

function byKey({ keys, words }: Pick<Named, "keys" | "words">): Named {
  return { keys, words, targets: [], repository: undefined };
}

/** What the person who signed should know of what it is worth. */
async function doubtsOf(
  { now }: FirstmileContext,
  policy: Policy,
  { keys }: Named,
  { place }: Destination,
  kept: readonly KeptStatement[],
): Promise<string[]> {
  const names = kept.map(({ name }) => name);
  const by = [...(await signedBy(policy, place, names, now))];
  const group = policy.roles.get(WARDEN);
  const wardens = group ? peopleOf(group, policy) : new Set();
  const unknown = keys.filter((key) => !isListed(policy, key));
  return [
    ...(by.some((name) => wardens.has(name)) ? [] : [notHeard(policy, by, group !== undefined)]),
    ...unknown.map(
      (key) =>
        `the rules of ${visibleText(policy.name)} list no key ${key}: it stops only what was signed as a part of one`,
    ),
  ];
}

function notHeard({ name }: Policy, by: readonly string[], hasWardens: boolean): string {
  const who = by.length > 0 ? by.join(" and ") : "your key is nobody's";
  const why = !hasWardens
    ? `they have no role ${WARDEN}`
    : by.length > 0
      ? `${who} is not in their role ${WARDEN}`
      : `${who} among those whom they list`;
  return `nobody who goes by the rules of ${name} will hear it: ${why}`;
}

function show(
  terminal: Terminal,
  { words }: Named,
  because: string,
  where: Destination,
  kept: readonly KeptStatement[],
): void {
  const line = (text: string) => terminal.print(wrap(text, terminal.width, "  "));
  line(`${terminal.style("red", "distrusted")}  ${harmless(words)}`);
  terminal.print(`  ${wrap(harmless(because), terminal.width - 2, "  ")}`);
  const what = kept.length > 1 ? `${kept.length} statements` : `statement ${kept[0]!.name.slice(0, 12)}`;
  line(
    `${what} in ${harmless(where.words)}${kept.some(({ fresh }) => fresh) ? "" : "; you had signed it before"}`,
  );
}
