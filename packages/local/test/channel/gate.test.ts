/** A curator publishes, another machine follows: exactly what was published is accepted there, on stock Nix. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { readStatements } from "@firstmile/local/statements/read";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { Person, PolicySpec, WorldRepository } from "../../../../testing/src/world.ts";
import { channelOf, publish, signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";

const FILES = {
  "default.nix": "{ hello = import ./hello.nix; other = import ./other.nix; }",
  "hello.nix": derivationText("hello", "read line < $src; echo $line > $out", "src = ./hello.txt;"),
  "hello.txt": "hello\n",
  "other.nix": derivationText("other", "echo other > $out"),
};
const HELLO = ["default.nix", "hello.nix", "hello.txt"];

/** The rules and their trust repository, of whoever follows or publishes. */
interface Rules {
  readonly repository: WorldRepository;
  readonly dir: string;
  introduction: CommitId;
}

describe.each(VERSIONS)("a channel, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("between two machines", () => {
    let world: GateWorld;
    let carol: Person;
    let dave: Person;
    let acme: Rules;
    let acmeSpec: PolicySpec;
    let ownSpec: PolicySpec;
    let own: string;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES, policy: { roles: { reader: ["bob"] } } });
      [carol, dave] = [await world.people.person("carol"), await world.people.person("dave")];
      const pkgs = {
        introduction: world.source.tip(),
        authenticate: "slice",
        url: `file://${world.source.dir}`,
        rules: [{ paths: ["**"], review: "reader" }],
      } as const;
      acmeSpec = {
        name: "acme",
        people: [carol, dave],
        roles: { root: ["carol"], curator: { any: 2, of: ["carol", "dave"] }, reader: ["carol"] },
        sources: { pkgs },
      };
      acme = await rulesOf("acme", acmeSpec, carol);
      ownSpec = {
        people: [world.alice, world.bob],
        roles: { root: ["alice"], reader: ["bob"] },
        sources: { pkgs },
      };
      own = await world.people.policyDirectory(ownSpec);
      await world.changeRules({ sources: { pkgs } });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    async function rulesOf(name: string, policy: PolicySpec, by: Person): Promise<Rules> {
      const repository = await world.people.repository(name);
      const dir = await world.people.policyDirectory(policy);
      return { repository, dir, introduction: await world.people.rules(repository, { by, policy }) };
    }

    /** As somebody types it in the checkout of the source. */
    function types(person: Person, ...args: readonly string[]) {
      const entries = Object.entries(person.gitConfig);
      const config = entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]);
      const env = { GIT_CONFIG_COUNT: `${entries.length}`, ...Object.fromEntries(config) };
      return world.run(world.program, args, { env });
    }

    const publishes = (person: Person, ...more: readonly string[]) =>
      types(
        person,
        "channel",
        "publish",
        world.checkout,
        "HEAD",
        "-A",
        "hello",
        "--policy",
        acme.dir,
        "--to",
        acme.dir,
        ...more,
      );
    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);
    const lists = async () => {
      const { stdout } = await world.firstmile("channel", "list", "pkgs", "--json");
      return JSON.parse(stdout)[0].published as {
        commit: string;
        accepted: boolean;
        problem: string | null;
      }[];
    };

    /** What lies in the curators' checkout, committed and pushed; and this machine's update. */
    async function pushed(policy: PolicySpec = acmeSpec): Promise<void> {
      const { found } = await readStatements([{ kind: "directory", path: join(acme.dir, "statements") }]);
      const files = Object.fromEntries(
        found.map(({ name, envelope }) => [`statements/${name}.json`, envelope]),
      );
      await world.people.rules(acme.repository, { by: carol, policy, files });
      expect((await world.firstmile("trust", "update")).code).toBe(0);
    }

    async function reviewedByCarol(): Promise<void> {
      const review = await wholeReviewOf(world.source, world.source.tip(), HELLO);
      const path = join(acme.dir, "statements", "review.json");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await signedBy(review, [carol]));
    }

    test("what the curator's own rules do not cover is not published", async () => {
      const ended = await publishes(carol, "--yes");
      expect(ended.stdout).toContain("0 files, 0 lines covered by your own rules; not covered: 3 files");
      expect(ended.stdout).toContain("hello.txt  1 line  not read");
      expect(ended.stderr).toContain(
        "3 of 3 files are not covered by your own rules, and nothing was signed",
      );
      expect(ended.stderr).toContain("--vouch-all");
      expect(ended.code).toBe(1);
      expect((await publishes(carol)).code).toBe(1);
    });

    test("what they cover is, once, and nobody is asked where nobody can be", async () => {
      await reviewedByCarol();
      const unasked = await publishes(carol);
      expect(unasked.stderr).toContain("say --yes");
      expect(unasked.code).toBe(2);
      const ended = await publishes(carol, "--yes");
      expect(ended.stdout).toContain("3 files, 3 lines covered by your own rules; not covered: 0 files");
      expect(ended.stdout).toMatch(/published: statement [0-9a-f]{12} in .*\/statements/);
      expect(ended.stdout).toContain("commit -S");
      expect(ended.code).toBe(0);
      expect((await publishes(carol, "--yes")).stdout).toContain("you had signed that before");
    });

    test("another machine follows by lines that are shown, and keeps what its people wrote", async () => {
      const file = join(own, "firstmile.toml");
      writeFileSync(file, `# ours\n${readFileSync(file, "utf8")}`);
      const before = readFileSync(file, "utf8");
      const args = ["channel", "follow", acme.repository.dir, "--introduction", acme.introduction];
      const signed = ["--signed-by", carol.fingerprint, "--rules", own];
      const wrong = await world.firstmile(...args, "--signed-by", dave.fingerprint, "--rules", own, "--yes");
      expect(wrong.stdout).toContain("introduction-not-vouched");
      expect(wrong.code).toBe(1);
      expect((await world.firstmile(...args, ...signed)).stderr).toContain("say --yes");
      expect(readFileSync(file, "utf8")).toBe(before);
      const ended = await world.firstmile(...args, ...signed, "--yes");
      expect(ended.stdout).toContain('+ curator = { any = 1, of = ["acme/curator"] }');
      expect(ended.stdout).toContain("+ [import.acme]");
      expect(ended.stdout).toContain("commit -S firstmile.toml");
      expect(ended.code).toBe(0);
      const after = readFileSync(file, "utf8");
      for (const line of before.split("\n")) expect(after).toContain(line);
      expect((await world.firstmile(...args, ...signed, "--yes")).stdout).toContain("nothing to do");
      const files = { "firstmile.toml": after };
      await world.people.rules(world.trust, { by: world.alice, policy: ownSpec, files });
      expect((await world.firstmile("trust", "update")).code).toBe(0);
    });

    test("one curator of two is not enough", async () => {
      await pushed();
      expect(await lists()).toMatchObject([{ accepted: false, problem: "role curator asks for more" }]);
      expect((await admit("hello")).stdout).toContain("not-covered");
    });

    test("two are, for the attribute that they published and no other", async () => {
      expect((await publishes(dave, "--yes")).code).toBe(0);
      await pushed();
      const ended = await admit("hello");
      expect(ended.stdout).toContain("3 files published by acme/carol and acme/dave");
      expect(ended.code).toBe(0);
      expect((await world.build("hello")).code).toBe(0);
      expect(await lists()).toMatchObject([{ commit: world.source.tip(), accepted: true, problem: null }]);
      const shown = await world.firstmile("channel", "list");
      expect(shown.stdout).toMatch(/✓ [0-9a-f]{40} {2}2025-01-01, by acme\/carol and acme\/dave, 3 files/);
      expect(shown.stdout).toContain("default.nix -A hello (x86_64-linux)");
      const other = await admit("other");
      expect(other.stdout).toContain("other.nix: role reader has not read it");
      expect(other.code).toBe(1);
    });

    test("the rest is covered by the user's own review", async () => {
      const review = await wholeReviewOf(world.source, world.source.tip(), ["other.nix"]);
      await publish({ dir: world.checkout } as WorldRepository, review, world.bob);
      const ended = await admit("other");
      expect(ended.stdout).toContain("1 file read by bob");
      expect(ended.stdout).toContain("1 file published by acme/carol and acme/dave");
      expect(ended.code).toBe(0);
    });

    test("of a later commit nothing is accepted, though not one file differs", async () => {
      await world.commit({ "README.md": "later\n" }, undefined);
      expect((await admit("hello")).stdout).toContain("not-covered");
      expect((await admit("hello")).code).toBe(1);
    });

    test("a statement of which one file at the commit is another vouches for none", async () => {
      const good = await channelOf(world.source, world.source.tip(), "pkgs", HELLO);
      const path = join(acme.dir, "statements", "exchanged.json");
      writeFileSync(path, await signedBy({ ...good, contents: "0".repeat(64) }, [carol, dave]));
      await pushed();
      const [newest] = await lists();
      expect(newest).toMatchObject({
        accepted: false,
        problem: "the files at this commit are not those that were signed",
      });
      expect((await admit("hello")).code).toBe(1);
    });

    test("curators who leave the role take along what they published", async () => {
      const curatedBy = (curator: readonly string[]) =>
        pushed({ ...acmeSpec, roles: { ...acmeSpec.roles, curator } });
      await curatedBy(["dave"]);
      expect((await lists()).map(({ accepted }) => accepted)).toEqual([false, true]);
      const derivation = await world.instantiate("hello");
      expect((await world.firstmile("why", derivation)).code).toBe(0);
      const erin = await world.people.person("erin");
      const roles = { ...acmeSpec.roles, curator: ["erin"] };
      await pushed({ ...acmeSpec, people: [carol, dave, erin], roles });
      expect((await world.firstmile("why", derivation)).stdout).toContain("not-covered");
    });
  });
});
