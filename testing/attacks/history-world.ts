/** People with SSH keys, a question put cold and warm, and objects that Git would not write: for attacks on histories. */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import { expect } from "vitest";
import {
  BEGINNING,
  makeWorld,
  type Person,
  type PolicySpec,
  type Question,
  WORLD_NOW,
  type World,
  type WorldRepository,
} from "../src/world.ts";
import type { RuleSpec } from "../src/world-policy.ts";
import { emailOf } from "../src/world-repository.ts";

export type Mode = "every-commit" | "first-parent" | "tip";

/** Seven lines: enough for Git to see one file in two places. */
export const TEXT = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
export const EVIL = TEXT.replace("four", "evil");

export class HistoryWorld implements AsyncDisposable {
  readonly world: World;
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
  readonly dave: Person;
  /** Has a key that no rule names. */
  readonly mallory: Person;

  constructor(world: World, [alice, bob, carol, dave, mallory]: readonly Person[]) {
    this.world = world;
    this.alice = alice!;
    this.bob = bob!;
    this.carol = carol!;
    this.dave = dave!;
    this.mallory = mallory!;
  }

  static async open(): Promise<HistoryWorld> {
    const world = await makeWorld();
    const names = ["alice", "bob", "carol", "dave", "mallory"];
    return new HistoryWorld(world, await Promise.all(names.map((name) => world.person(name))));
  }

  repository(name = "attacked"): Promise<WorldRepository> {
    return this.world.repository(name);
  }

  /** Alice writes everything, and bob below docs/ alone. */
  byPath(
    introduction: CommitId,
    authenticate: Mode = "every-commit",
    owner: RuleSpec["write"] = "owner",
  ): PolicySpec {
    const { alice, bob, carol } = this;
    return {
      people: [alice, bob, carol],
      emails: true,
      roles: { root: [alice], owner: [alice], writer: [alice, bob], reader: [alice, bob, carol] },
      sources: {
        pkgs: {
          introduction,
          authenticate,
          signedBy: "owner",
          rules: [
            { paths: ["**"], write: owner! },
            { paths: ["/docs/"], write: "writer" },
          ],
        },
      },
    };
  }

  /** Alice, bob and carol write and read everything: each change asks for one who had no part in it. */
  reviewed(
    introduction: CommitId,
    rule: Partial<RuleSpec> = {},
    authenticate: Mode = "every-commit",
  ): PolicySpec {
    const { alice, bob, carol } = this;
    return {
      people: [alice, bob, carol],
      emails: true,
      roles: { root: [alice], reader: [alice, bob, carol] },
      sources: {
        pkgs: {
          introduction,
          authenticate,
          rules: [{ paths: ["**"], write: "writer", review: "reader", ...rule }],
        },
      },
    };
  }

  /** Refused with one of these codes and no other, and refused again when asked a second time of what is remembered. */
  async denied(question: Question, codes: RegExp, commit?: CommitId): Promise<void> {
    const cacheDir = this.world.fresh("state");
    for (const asked of ["cold", "warm"]) {
      const verdict = await this.world.verify({ cacheDir, ...question });
      expect([asked, verdict.allowed, whatFor(verdict)]).toEqual([
        asked,
        false,
        expect.stringMatching(codes),
      ]);
      if (commit) expect(verdict.denied.map((one) => one.commit)).toContain(commit);
    }
  }

  /** Allowed, cold and warm. */
  async allowed(question: Question): Promise<void> {
    const cacheDir = this.world.fresh("state");
    for (const asked of ["cold", "warm"]) {
      const verdict = await this.world.verify({ cacheDir, ...question });
      expect([asked, verdict.allowed, whatFor(verdict)]).toEqual([asked, true, ""]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

/** The codes of a verdict's denials, each once, in one line. */
export function whatFor({ denied }: Pick<HistoryVerdict, "denied">): string {
  return [...new Set(denied.map(({ code }) => code))].sort().join(" ");
}

/** `mode name` and an id: one entry of a tree, as it is told, whether or not Git would write it. */
export function entry(mode: string, name: string, id: ObjectId): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
}

/** A signed commit of a tree that is named by its id, on a branch. */
export async function commitTree(
  repository: WorldRepository,
  by: Person,
  tree: string,
  parents: readonly CommitId[],
  {
    branch = "main",
    headers = "",
    at = BEGINNING + 3600,
  }: { branch?: string; headers?: string; at?: number } = {},
): Promise<CommitId> {
  const who = `${by.name} <${emailOf(by.name)}> ${at} +0000`;
  const lines = [`tree ${tree}`, ...parents.map((id) => `parent ${id}`), `author ${who}`, `committer ${who}`];
  const head = `${lines.join("\n")}\n${headers}`;
  const signature = repository.signatureHeader(await by.sign(Buffer.from(`${head}\nmade by hand\n`)));
  return repository.raw(`${head}${signature}\n\nmade by hand\n`, branch);
}

export { WORLD_NOW };
