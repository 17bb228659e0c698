/** A machine that follows a trust repository, by the command line, and a source that its rules are about. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect } from "vitest";
import { type Machine, type Person, type PolicySpec, WORLD_NOW, type WorldRepository } from "../src/world.ts";
import { contentTarget, distrustOf, publish, reviewOf } from "../src/world-statements.ts";
import type { HistoryWorld } from "./history-world.ts";

/** What one state of the rules says, but for the source. */
export type Rules = Pick<PolicySpec, "people" | "roles" | "life" | "top" | "more">;

export class Following {
  readonly world: HistoryWorld;
  readonly trust: WorldRepository;
  readonly source: WorldRepository;
  readonly introduction: CommitId;
  readonly machine: Machine;

  private constructor(
    world: HistoryWorld,
    trust: WorldRepository,
    source: WorldRepository,
    introduction: CommitId,
  ) {
    this.world = world;
    this.trust = trust;
    this.source = source;
    this.introduction = introduction;
    this.machine = world.world.machine();
  }

  /** Alice is root and writes; the machine follows the first state of the rules. */
  static async begin(world: HistoryWorld, rules: Rules): Promise<Following> {
    const source = await world.repository("source");
    const introduction = await source.commit({ by: world.alice, files: { a: "1\n" } });
    const told = new Following(world, await world.repository("trust"), source, introduction);
    const commit = await world.world.rules(told.trust, { by: world.alice, policy: told.policy(rules) });
    const added = await told.machine.add(told.trust, { commit, signedBy: [world.alice] }, { now: now() });
    expect(added.verdict.reasons.filter(({ ok }) => !ok)).toEqual([]);
    return told;
  }

  policy(rules: Rules): PolicySpec {
    const { introduction, world } = this;
    const isReviewed = rules.roles !== undefined && "reader" in rules.roles;
    const rule = { paths: ["**"], write: "writer", ...(isReviewed ? { review: "reader" } : {}) };
    return {
      emails: true,
      ...rules,
      roles: { root: [world.alice], writer: [world.alice], ...rules.roles },
      sources: { pkgs: { introduction, url: `file://${this.source.dir}`, rules: [rule] } },
    };
  }

  /** A further state of the rules, which the machine follows; with what was said of it. */
  async changes(rules: Rules, files: Readonly<Record<string, Uint8Array>> = {}): Promise<string> {
    await this.world.world.rules(this.trust, { by: this.world.alice, policy: this.policy(rules), files });
    return this.update();
  }

  async update(): Promise<string> {
    const { code, stdout, stderr } = await this.run(["trust", "update"]);
    const text = stdout.toString() + stderr;
    expect([code, text]).toEqual([expect.toBeOneOf([0, 1]), expect.not.stringContaining("TypeError")]);
    return text;
  }

  run(args: readonly string[]) {
    return this.world.world.firstmile(args, { env: { FIRSTMILE_STATE: this.machine.stateDir } });
  }

  /** `allowed`, or the codes of the refusal. */
  async verify(what: string = this.source.dir): Promise<string> {
    const { stdout, stderr } = await this.run(["verify", what, "main", "--json"]);
    try {
      const verdict = JSON.parse(stdout.toString()) as { allowed: boolean; denied: { code: string }[] };
      return verdict.allowed
        ? "allowed"
        : [...new Set(verdict.denied.map(({ code }) => code))].sort().join(" ");
    } catch {
      return /([a-z]+(?:-[a-z]+)+):/.exec(stderr)?.[1] ?? stderr;
    }
  }

  /** Alice commits what a person is about to speak against. */
  bad(): Promise<CommitId> {
    return this.source.commit({ by: this.world.alice, files: { a: "bad\n" } });
  }

  /** A distrust of the bad content by this person, in this repository. */
  async distrusted(by: Person, where: WorldRepository = this.source): Promise<void> {
    const target = await contentTarget(this.source, await this.bad(), "a", "anywhere");
    await publish(where, distrustOf({ targets: [target] }), by);
  }

  /** A rejection of the bad content, which another person had read. */
  async rejected(by: Person, reader: Person): Promise<void> {
    const bad = await this.bad();
    await publish(this.source, await reviewOf(this.source, this.introduction, bad), reader);
    await publish(
      this.source,
      await reviewOf(this.source, this.introduction, bad, { verdict: "reject" }),
      by,
    );
  }
}

/** The command line has the machine's own time. */
export function now(): number {
  return Math.max(WORLD_NOW, Math.floor(Date.now() / 1000));
}

/** Carol and dave, each alone, in this role. */
export function both({ alice, carol, dave }: HistoryWorld, role: string): Rules {
  return { people: [alice, carol, dave], roles: { [role]: [carol, dave] } };
}

/** Alice's rules, and a repository of statements that they name. */
export async function withEvidence(world: HistoryWorld) {
  const evidence = await world.repository("evidence");
  await evidence.commit({ files: { readme: "statements\n" } });
  const rules = { ...both(world, "warden"), top: `evidence = ["file://${evidence.dir}"]` };
  const told = await Following.begin(world, rules);
  await told.distrusted(world.carol, evidence);
  await told.update();
  expect(await told.verify()).toBe("distrusted");
  return { told, evidence, rules };
}

/** Packs of the evidence that the machine keeps. */
export const heldCopies = (told: Following) => {
  const dir = join(told.machine.stateDir, "trust/evidence");
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((path) => /objects\/pack$/.test(path))
    .map((path) => join(dir, path));
};
