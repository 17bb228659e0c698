/** Reviews that reach the gate by other ways than the trust repository, on stock Nix. */
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runOk } from "@firstmile/local/process/run";
import { envelopeName, STATEMENTS_REF } from "@firstmile/local/statements/place";
import { writeStatement } from "@firstmile/local/statements/write";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { Person, WorldRepository } from "../../../../testing/src/world.ts";
import { gitEnv } from "../../../../testing/src/world-repository.ts";
import {
  contentTarget,
  distrustOf,
  publish,
  signedBy,
  wholeReviewOf,
} from "../../../../testing/src/world-statements.ts";

const FILES = {
  "default.nix": "{ hello = import ./hello.nix; other = import ./other.nix; third = import ./third.nix; }",
  "hello.nix": derivationText("hello", "echo hello > $out"),
  "other.nix": derivationText("other", "echo other > $out"),
  "third.nix": derivationText("third", "echo third > $out"),
};

describe.each(VERSIONS)("evidence, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("at the gate", () => {
    let world: GateWorld;
    let team: WorldRepository;
    let mallory: Person;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles: { reader: ["bob"], warden: ["alice"] } },
      });
      mallory = await world.people.person("mallory");
      team = await world.people.repository("team");
      const introduction = world.source.tip();
      const rules = [{ paths: ["**"], review: "reader" }];
      await world.changeRules({
        sources: { pkgs: { introduction, authenticate: "slice", rules } },
        top: `evidence = ["file://${team.dir}"]`,
      });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);
    const reviewed = (...paths: string[]) => wholeReviewOf(world.source, world.source.tip(), paths);
    const kept = () => {
      const dir = join(world.stateDir, "gate/statements");
      return existsSync(dir)
        ? readdirSync(dir, { recursive: true }).filter((name) => /json$/.test(`${name}`))
        : [];
    };

    test("a review that was made in the checkout counts, once the checkout is asked about", async () => {
      expect((await admit("hello")).stdout).toContain("not-covered");
      await writeStatement(
        { kind: "ref", repository: world.checkout },
        await signedBy(await reviewed("default.nix", "hello.nix"), [world.bob]),
      );
      const ended = await admit("hello");
      expect(ended.stdout).toContain("2 files read by bob");
      expect(ended.code).toBe(0);
      expect(kept().length).toBe(1);
    });

    test("and stays, whatever becomes of the checkout", async () => {
      await runOk("git", ["-C", world.checkout, "update-ref", "-d", STATEMENTS_REF], { env: gitEnv() });
      await world.endGate();
      await world.startGate();
      expect((await admit("hello")).code).toBe(0);
      expect((await world.build("hello")).code).toBe(0);
    });

    test("words of nobody whom the rules know take no room", async () => {
      const place = { kind: "ref", repository: world.checkout, ref: `${STATEMENTS_REF}/mallory` } as const;
      const review = await reviewed("other.nix");
      for (let i = 0; i < 5; i++) {
        const note = `${i}`;
        await writeStatement(place, await signedBy({ ...review, note }, [mallory]));
      }
      const mixed = await signedBy({ ...review, note: "both" }, [mallory, world.bob]);
      await writeStatement(place, mixed);
      const ended = await admit("other");
      expect(ended.stdout).toContain("read by bob");
      expect(kept().length).toBe(2);
      expect(kept().join(" ")).toContain(envelopeName(mixed).slice(2));
    });

    test("more than may be sent at once is told, and the answer is given without it", async () => {
      const blob = (
        await runOk("git", ["-C", world.checkout, "hash-object", "-w", "--stdin"], { input: "{}" })
      )
        .toString()
        .trim();
      const lines = Array.from({ length: 10_001 }, (_, i) => `100644 blob ${blob}\t${i}.json\n`).join("");
      const git = async (args: string[], input = "") =>
        (await runOk("git", ["-C", world.checkout, ...args], { input, env: { ...gitEnv(), ...WHO } }))
          .toString()
          .trim();
      const tree = await git(["mktree"], lines);
      const commit = await git(["commit-tree", tree, "-m", "many"]);
      await git(["update-ref", `${STATEMENTS_REF}/many`, commit]);
      const ended = await admit("other");
      expect(ended.stderr).toContain("the statements of the checkout cannot be taken");
      expect(ended.code).toBe(0);
      await git(["update-ref", "-d", `${STATEMENTS_REF}/many`]);
    });

    test("a review in an evidence repository counts after the next update", async () => {
      await publish(team, await reviewed("third.nix"), world.bob);
      expect((await admit("third")).code).toBe(1);
      const update = await world.firstmile("trust", "update");
      expect(update.stdout).toContain("1 new statement, 1 statement in all");
      expect((await admit("third")).code).toBe(0);
    });

    test("while it cannot be read, nothing is allowed", async () => {
      const root = join(world.stateDir, "trust/evidence");
      const [name] = readdirSync(root).filter((entry) => entry !== "index.json");
      renameSync(join(root, name!), join(root, "away"));
      const ended = await world.firstmile("admit", "-f", "default.nix", "-A", "hello", "--json");
      renameSync(join(root, "away"), join(root, name!));
      const told = firstOf(JSON.parse(ended.stdout)[0].verdict.reasons, "evidence-unreadable");
      expect(told).toMatchObject({ ok: false, message: expect.stringContaining(`file://${team.dir}`) });
      expect([ended.code, (await admit("hello")).code]).toEqual([1, 0]);
    });

    test("and a distrust there ends what was allowed, which the gate itself asks for at its start", async () => {
      const derivation = await world.instantiate("third");
      const target = await contentTarget(world.source, world.source.tip(), "third.nix");
      await publish(team, distrustOf({ targets: [target], because: "a third is too many" }), world.alice);
      await world.endGate();
      await world.startGate();
      for (let i = 0; i < 100 && !world.gateLog().includes(`evidence file://${team.dir}: 1 new`); i++)
        await sleep(100);
      const why = await world.firstmile("why", derivation);
      expect(why.stdout).toContain("distrusted: third.nix: alice distrusts it: a third is too many");
      expect((await world.build("third")).code).not.toBe(0);
    });
  });
});

function firstOf(reasons: readonly Reason[], code: string): Reason | undefined {
  return reasons.flatMap((one) => (one.code === code ? one : (firstOf(one.because ?? [], code) ?? []))).at(0);
}

const WHO = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.org",
};
