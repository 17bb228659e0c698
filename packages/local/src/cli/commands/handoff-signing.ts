/** The second half of `firstmile handoff`: asks about a new author's key, shows the lines for the policy, signs, keeps. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RoleName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { describeKeys, type KeyFile } from "../../handoff/key-file.ts";
import { type NewAuthor, policyLines, policyPatch } from "../../handoff/policy-lines.ts";
import { type KeptStatement, signAndKeep } from "../../reviewing/keep.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import { STATEMENTS_FOLDER, STATEMENTS_REF } from "../../statements/place.ts";
import type { WritablePlace } from "../../statements/write.ts";
import type { FirstmileContext } from "../context.ts";
import { harmless } from "../terminal.ts";
import type { HandoffFlags } from "./handoff.command.ts";
import type { Item } from "./handoff-shown.ts";
import type { Interruption } from "./review-interruption.ts";

export class HandoffSigning {
  readonly #context: FirstmileContext;
  readonly #flags: HandoffFlags;
  readonly #interruption: Interruption;
  /** What the user says are a new author's. */
  readonly #keys: KeyFile | undefined;

  constructor(
    context: FirstmileContext,
    flags: HandoffFlags,
    interruption: Interruption,
    keys: KeyFile | undefined,
  ) {
    this.#context = context;
    this.#flags = flags;
    this.#interruption = interruption;
    this.#keys = keys;
  }

  /** What holds is signed and kept; what was kept. */
  async sign(items: readonly Item[], policy: Policy | undefined): Promise<KeptStatement[]> {
    const holding = items.flatMap(({ outcome }) => (outcome.kind === "holds" ? [outcome] : []));
    if (holding.length === 0) return [];
    if (!this.#flags.yes && !isAtTerminal()) {
      this.#context.terminal.say("nobody can be asked here, so nothing was signed: compare, and say --yes");
      return [];
    }
    const place = await this.#place();
    const user = await readyKey(place.kind === "ref" ? place.repository : this.#context.cwd);
    await readyPlace(place);
    if (!(await this.#agreed(items, policy))) {
      this.#context.terminal.say("nothing was signed");
      return [];
    }
    const statements = holding.map(({ made }) => made.statement);
    const goOn = this.#interruption.settle;
    const kept = await signAndKeep(statements, { user, place, now: this.#context.now, goOn });
    if (!this.#flags.json) this.#tell(kept, place);
    return kept;
  }

  /** On first use of a key: the key, the question, the lines for the policy. Then whether to sign. */
  async #agreed(items: readonly Item[], policy: Policy | undefined): Promise<boolean> {
    const keys = this.#keys;
    const fresh = items.filter(({ outcome }) => outcome.kind === "holds" && outcome.isNew);
    if (keys && fresh.length > 0 && !(await this.#isAuthor(keys))) return false;
    if (keys && fresh.length > 0) this.#showLines(fresh, keys, policy);
    if (this.#flags.yes) return true;
    const { askSign } = await import("./handoff-question.ts");
    const count = items.filter(({ outcome }) => outcome.kind === "holds").length;
    return askSign(count, this.#interruption);
  }

  async #isAuthor(keys: KeyFile): Promise<boolean> {
    const { terminal, now } = this.#context;
    const from = keys.content ? ` (from ${harmless(this.#flags.key!)})` : "";
    terminal.say(`\nThe key for ${keys.name}${from}:`);
    for (const line of describeKeys(keys, now)) terminal.say(`  ${harmless(line)}`);
    if (this.#flags.yes) return true;
    const { askIsAuthor } = await import("./handoff-question.ts");
    return askIsAuthor(keys.name, this.#interruption);
  }

  #showLines(fresh: readonly Item[], keys: KeyFile, policy: Policy | undefined): void {
    const first = fresh[0]!.outcome;
    if (first.kind !== "holds" || this.#flags.json) return;
    const urls = fresh.flatMap(({ target }) => target.wanted.urls);
    const handoff = this.#flags.role ?? "packager";
    const signature = { url: first.made.signature.url, source: fresh[0]!.target.from[0]! };
    const added: NewAuthor = { keys, urls, signature, handoff };
    const { terminal } = this.#context;
    const text = this.#policyText();
    const how =
      text === undefined
        ? "add these lines to firstmile.toml"
        : "a patch for the policy, which git apply takes";
    terminal.say(`\n${how}${keys.content ? `, and the key as ${keys.listed}` : ""}:`);
    const lines = text === undefined ? policyLines(added).join("\n") : policyPatch(text, added).trimEnd();
    for (const line of lines.split("\n")) terminal.print(harmless(line));
    if (policy && !policy.roles.has(handoff as RoleName))
      terminal.say(`the policy has no role ${handoff}: name one that vouches for authors, with --role`);
  }

  #policyText(): string | undefined {
    const { policy } = this.#flags;
    const path =
      policy === undefined ? undefined : join(resolve(this.#context.cwd, policy), "firstmile.toml");
    return path !== undefined && existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  async #place(): Promise<WritablePlace> {
    const { to, policy } = this.#flags;
    const { cwd } = this.#context;
    if (to !== undefined) return { kind: "directory", path: resolve(cwd, to) };
    if (policy !== undefined)
      return { kind: "directory", path: join(resolve(cwd, policy), STATEMENTS_FOLDER) };
    return { kind: "ref", repository: cwd };
  }

  #tell(kept: readonly KeptStatement[], place: WritablePlace): void {
    const { terminal } = this.#context;
    const fresh = kept.filter((one) => one.fresh).length;
    const where = place.kind === "ref" ? STATEMENTS_REF : harmless(place.path);
    terminal.print(
      `${terminal.style("green", "handed on")}  ${kept.length} ${kept.length === 1 ? "statement" : "statements"} in ${where}, ${fresh} new`,
    );
    terminal.print(
      place.kind === "ref"
        ? `push it: git push origin ${STATEMENTS_REF}`
        : "commit it where the rules are, or hand it to whoever decides by it",
    );
  }
}

function isAtTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}
