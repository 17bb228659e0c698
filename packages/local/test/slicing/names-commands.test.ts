/** What people are told of names, and what they sign: one story on stock Nix. */
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { Authenticator } from "@firstmile/local/admission/authenticator";
import { SourceRepositories } from "@firstmile/local/admission/source-repositories";
import { Ledger } from "@firstmile/local/gate/ledger";
import { RulesHolder } from "@firstmile/local/gate/rules-in-force";
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { signingEnv } from "../../../../testing/src/world-people.ts";
import { FILES } from "./names-world.ts";

/** Unix seconds. */
const NOW = Math.floor(Date.now() / 1000);
const RULE = { paths: ["**"], review: "reader" } as const;

describe.each(VERSIONS)("names, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("shown and signed", () => {
    let world: GateWorld;
    let introduction: CommitId;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES as Readonly<Record<string, string>>,
        policy: { roles: { reader: ["bob"], curator: ["alice"] } },
      });
      introduction = world.source.tip();
      const sources = { pkgs: { introduction, authenticate: "slice", rules: [RULE] } } as const;
      await world.changeRules({ sources });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const bob = (...args: readonly string[]) =>
      world.run(world.program, args, { env: { ...signingEnv(world.bob), COLUMNS: "80" } });
    /** Reads what is left, and carries what was signed; gives that. */
    const reads = async (attr: string) => {
      const out = world.people.fresh("out");
      const ended = await bob("review", ".", "-A", attr, "--yes", "--to", out);
      const { found } = await readStatements([{ kind: "directory", path: out }]);
      await world.carry(...found.map(({ envelope }) => envelope));
      return { ...ended, signed: found.map(({ envelope }) => statementIn(envelope)) };
    };
    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);

    test("a reader is shown the names beside the files, and signs both", async () => {
      const listed = await bob("review", ".", "-A", "patches", "--list");
      expect(listed.stdout).toContain("2 names in 1 directory to read");
      expect(listed.stdout).toContain("2  names   patches/");
      const { code, stdout, signed } = await reads("patches");
      expect(stdout).toContain("patches/: 2 names");
      expect(stdout).toContain("f 1-fix-cve.patch");
      expect(stdout).toMatch(/approved {2}3 files, \d+ lines read; 2 names in 1 directory read/);
      expect(code).toBe(0);
      expect(signed).toMatchObject([{ kind: "review", names: [{ kind: "listing", path: "patches" }] }]);
      const ended = await admit("patches");
      expect(ended.stdout).toContain("3 files and 1 listing read by bob");
      expect(ended.code).toBe(0);
      const why = await world.firstmile("why", await world.instantiate("patches"));
      expect(why.stdout).toContain("3 files and 1 listing read by bob");
    });

    test("slice, coverage and their JSON count them", async () => {
      const slice = await bob("slice", ".", "-A", "patches", "--all");
      expect(slice.stdout).toContain("  1 listing\n");
      expect(slice.stdout).toContain("✓ patches/  2 names, read by bob");
      expect(slice.code).toBe(0);
      const json = JSON.parse((await bob("slice", ".", "-A", "patches", "--json")).stdout);
      expect(json.names).toMatchObject([
        { kind: "listing", path: "patches", standing: "read", passes: true },
      ]);
      expect(json.odd).toEqual([]);
      const coverage = await bob("coverage", ".", "-A", "patches");
      expect(coverage.stdout).toContain("  1 listing\n");
      const admitted = JSON.parse((await world.firstmile("coverage", "--admitted", "--json")).stdout);
      expect(admitted.parts).toMatchObject([{ names: { listings: 1, open: 0 } }]);
    });

    test("a patch that is gone is read with its name, and the statement says both", async () => {
      await world.commit({ "patches/1-fix-cve.patch": null, "patches/3.patch": "x\n" }, undefined);
      await world.commit({ "patches/3.patch": null }, undefined);
      const check = await bob("check", "HEAD~2..HEAD", "-A", "patches");
      expect(check.stdout).toContain("name  patches/: 1-fix-cve.patch is gone");
      expect(check.stdout).toContain(
        "patches:1: listing-not-covered: patches/: 1-fix-cve.patch is gone, and",
      );
      expect(check.code).toBe(1);
      const report = JSON.parse((await bob("check", "HEAD~2..HEAD", "-A", "patches", "--json")).stdout);
      expect(report.findings).toMatchObject([
        { code: "listing-not-covered", path: "patches", who: [["bob"]] },
      ]);
      const slice = await bob("slice", ".", "-A", "patches");
      expect(slice.stdout).toContain("✗ patches/  1 name, 1-fix-cve.patch is gone, not read");
      expect(slice.code).toBe(1);
      const { stdout, signed } = await reads("patches");
      expect(stdout).toContain("patches/: 1 name differs from what bob read");
      expect(stdout).toContain("1-fix-cve.patch is gone");
      expect(stdout).toContain("patches/1-fix-cve.patch is gone");
      expect(signed).toMatchObject([
        {
          changes: [{ path: "patches/1-fix-cve.patch", after: undefined }],
          names: [{ kind: "change", path: "patches", gone: [{ name: "1-fix-cve.patch" }], come: [] }],
        },
      ]);
      const ended = await admit("patches");
      expect(ended.stdout).toContain("1 listing read change by change by bob");
      expect(ended.code).toBe(0);
    });

    test("new names are work only where they decide something", async () => {
      await reads("names");
      await reads("count");
      await world.commit({ "hooks/more": "x" }, undefined);
      const count = await bob("review", ".", "-A", "count", "--list");
      expect(count.stdout).toContain("nothing to read");
      expect(count.stdout).not.toContain("name");
      expect((await admit("count")).stdout).toContain("1 name without a reader, in hooks/, had no influence");
      const names = await bob("review", ".", "-A", "names", "--list");
      expect(names.stdout).toContain("1 name in 1 directory to read");
      expect(names.stdout).toContain("more is new");
      const check = await bob("check", "HEAD~1..HEAD", "-A", "names", "-A", "count");
      expect(check.stdout).toMatch(/hooks\/: more\s+is\s+new,\s+decides\s+what\s+it\s+evaluates\s+to/);
      expect(check.code).toBe(1);
      const { signed } = await reads("names");
      expect(signed).toMatchObject([{ names: [{ kind: "change", come: [{ name: "more" }], gone: [] }] }]);
      expect((await admit("names")).code).toBe(0);
    });

    test("check stops at a name that a shell would take for more", async () => {
      await world.commit({ "hooks/$(id)": "x" }, undefined);
      const check = await bob("check", "HEAD~1..HEAD", "-A", "count");
      expect(check.stdout).toContain("odd-name");
      expect(check.stdout).toContain("hooks/: '$(id)'");
      expect(check.code).toBe(1);
      const slice = await bob("slice", ".", "-A", "count");
      expect(slice.stdout).toContain("odd name 'hooks/$(id)'");
      expect(slice.code).toBe(1);
      await world.commit({ "hooks/$(id)": null }, undefined);
    });

    test("an absence is read, and what was there is told", async () => {
      await reads("strict");
      await world.commit({ strict: null }, undefined);
      const slice = await bob("slice", ".", "-A", "strict");
      expect(slice.stdout).toContain("✗ strict  asked for: nothing, was a file, not read");
      const { signed } = await reads("strict");
      expect(signed).toMatchObject([
        { names: [{ kind: "answers", answers: [{ type: "-", name: "strict" }] }] },
      ]);
      const ended = await admit("strict");
      expect(ended.stdout).toContain("1 asked name read by bob");
      expect(ended.code).toBe(0);
    });

    test("an admission that noted no names is refused, but where names pass", async () => {
      const codes = async () => {
        const rules = await new RulesHolder(world.stateDir, () => NOW).get();
        if (!rules.ok) throw new Error(rules.reason.message);
        using ledger = new Ledger(join(world.stateDir, "gate/ledger.sqlite"));
        const authenticator = new Authenticator({
          repositories: new SourceRepositories(join(world.stateDir, "gate/sources")),
          cacheDir: join(world.nix.dir, "other-cache"),
          clock: () => NOW,
          notedSlice: (slice) => ({ ...ledger.slice(slice)!, names: undefined }),
        });
        const [newest] = ledger.admissions();
        return (await authenticator.authenticateAll(rules.rules, newest!.basis)).map(({ code }) => code);
      };
      expect(await codes()).toEqual(["listings-not-noted"]);
      const rules = [{ ...RULE, more: 'listings = "shown"' }];
      await world.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
      expect(await codes()).toEqual(["covered"]);
      await world.commit({ "hooks/yet-another": "x" }, undefined);
      const ended = await admit("names");
      expect(ended.stdout).toContain("1 listing not read: the rule lets names pass");
      expect(ended.code).toBe(0);
    });
  });
});
