/** What does not hold any more, by cause, and where in the store it lies. */
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Audited, AuditedFinding } from "@firstmile/local/auditing/audit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import {
  contentTarget,
  distrustOf,
  signedBy,
  storeTarget,
  waiverOf,
  wholeReviewOf,
} from "../../../../testing/src/world-statements.ts";

const RELEASE = "release\n";
const SHA256 = createHash("sha256").update(RELEASE).digest("hex");
const FILES = {
  "default.nix": `rec {
    tarball = ${derivationText("tarball", "echo release > $out", `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SHA256}";`)};
    lib = ${derivationText("lib", "read line < $src; echo $line > $out; echo $src >> $out", "src = tarball;")};
    app = ${derivationText("app", "echo $lib > $out", "inherit lib;")};
    other = ${derivationText("other", "echo other > $out")};
  }`,
};

async function audited(world: GateWorld): Promise<Audited & { code: number | null }> {
  const { code, stdout, stderr } = await world.firstmile("audit", "--json");
  if (stdout === "") throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Audited), code };
}

const namesOf = (paths: readonly string[]) =>
  paths.map((path) => path.replace(/^.*\/[0-9a-z]{32}-/, "")).sort();

describe.each(VERSIONS)("audit, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("of signed commits", () => {
    let world: GateWorld;
    let beforeCarol: CommitId;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES, policy: { roles: { warden: ["bob"] } } });
      const introduction = world.source.tip();
      await world.changeRules({ sources: { pkgs: { introduction, signedBy: "root" } } });
      await world.startGate();
      await world.admit("app");
      await world.admit("other");
      const built = await world.run("nix-build", ["-A", "app", "-o", join(world.nix.dir, "profile")]);
      expect(built.code).toBe(0);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("where everything holds it says so", async () => {
      const { code, findings, admissions, derivations } = await audited(world);
      expect({ code, findings, admissions, derivations }).toEqual({
        code: 0,
        findings: [],
        admissions: 2,
        derivations: 4,
      });
      expect((await world.firstmile("audit")).stdout).toContain("holds  2 admissions, 4 derivations");
    });

    test("a distrusted release: all that rests on it, its outputs, what refers to them, what keeps them", async () => {
      const target = { kind: "content", sha256: SHA256, id: undefined, path: undefined } as const;
      await world.carry(
        await signedBy(distrustOf({ targets: [target], because: "a back door" }), [world.bob]),
      );
      const { code, findings } = await audited(world);
      const [finding, more] = findings as [AuditedFinding, AuditedFinding | undefined];
      expect([code, more, finding.kind, finding.code]).toEqual([1, undefined, "distrusted", "distrusted"]);
      expect(finding.message).toContain("bob distrusts");
      expect(namesOf(finding.derivations)).toEqual(["app.drv", "lib.drv", "tarball.drv"]);
      expect(namesOf(finding.here)).toEqual(["app", "app.drv", "lib", "lib.drv", "tarball", "tarball.drv"]);
      expect(finding.roots).toEqual([expect.stringContaining("profile")]);
      const text = (await world.firstmile("audit")).stdout;
      expect(text).toContain("touched  3 derivations of 2 admissions, 4 derivations");
      expect(text).toContain("nix-store --delete");
    });

    test("what was put into the store without being admitted is found too, and what refers to it", async () => {
      const file = join(world.nix.dir, "copy");
      writeFileSync(file, RELEASE);
      const copy = (await world.run("nix-store", ["--add-fixed", "sha256", file])).stdout.trim();
      writeFileSync(file, "stray\n");
      const stray = (await world.run("nix-store", ["--add", file])).stdout.trim();
      await world.carry(await signedBy(distrustOf({ targets: [storeTarget(stray)] }), [world.bob]));
      const { findings } = await audited(world);
      const strays = findings.filter(({ derivations }) => derivations.length === 0);
      expect(strays.flatMap(({ here }) => here).sort()).toEqual([copy, stray].sort());
    });

    test("its paths can be deleted once nothing keeps them; the admission is told as long as there is one", async () => {
      rmSync(join(world.nix.dir, "profile"));
      const paths = (await world.firstmile("audit", "--paths")).stdout.trim().split("\n");
      expect(namesOf(paths)).toEqual(["app", "copy", "copy", "lib", "tarball"]);
      const deleted = await world.run("nix-store", ["--delete", ...paths]);
      expect(deleted.code).toBe(0);
      const { code, findings } = await audited(world);
      expect([code, findings.length]).toEqual([1, 1]);
      expect(namesOf(findings[0]!.here)).toEqual(["app.drv", "lib.drv", "tarball.drv"]);
    });

    test("a key that root calls compromised: what it alone signed, by cause", async () => {
      const carol = await world.people.person("carol");
      const people = [world.alice, world.bob, carol];
      await world.changeRules({ people, roles: { writer: [world.alice, carol] } });
      beforeCarol = world.source.tip();
      await world.commit({ "later.nix": derivationText("later", "echo later > $out") }, carol);
      expect((await world.firstmile("admit", "-f", "later.nix")).code).toBe(0);
      await world.changeRules({ life: new Map([[carol, 'compromised = { reason = "stolen" }']]) });
      const [key] = (await audited(world)).findings.filter(({ kind }) => kind === "key");
      expect([key!.code, namesOf(key!.derivations)]).toEqual(["compromised-key", ["later.drv"]]);
      expect(key!.requests).toEqual([expect.stringContaining("later.nix")]);
    });

    test("a rule that lets somebody write no more", async () => {
      await world.changeRules({ life: new Map(), roles: { writer: [world.alice] } });
      const [rule] = (await audited(world)).findings.filter(({ kind }) => kind === "rule");
      expect([rule!.code, namesOf(rule!.derivations)]).toEqual(["not-in-role", ["later.drv"]]);
    });

    test("an admission that another one holds for is not told", async () => {
      // The same file by somebody who may, without what carol committed.
      const files = { "later.nix": derivationText("later", "echo later > $out") };
      await world.source.commit({ by: world.alice, files, parents: [beforeCarol], branch: "other" });
      await world.run("git", ["fetch", "--quiet", "origin", "other"]);
      await world.run("git", ["checkout", "--quiet", "FETCH_HEAD"]);
      expect((await world.firstmile("admit", "-f", "later.nix")).code).toBe(0);
      const { findings } = await audited(world);
      expect(findings.filter(({ kind }) => kind !== "distrusted")).toEqual([]);
    });
  });

  describe.skipIf(missingForNixWorld(version) !== undefined)("of slices", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES, policy: { roles: { reader: ["bob"] } } });
      const introduction = world.source.tip();
      const rules = [{ paths: ["**"], review: "reader", waive: "root" }];
      await world.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("a waiver that is over, and then a review", async () => {
      const commit = world.source.tip();
      const until = Math.floor(Date.now() / 1000) + 8;
      const targets = [await contentTarget(world.source, commit, "default.nix")];
      await world.carry(await signedBy(waiverOf({ targets, until, because: "at first" }), [world.alice]));
      await world.admit("other");
      expect((await audited(world)).findings).toEqual([]);
      await new Promise((done) => setTimeout(done, (until + 1) * 1000 - Date.now()));
      const { findings } = await audited(world);
      expect(findings.map(({ kind, code, derivations }) => [kind, code, namesOf(derivations)])).toEqual([
        ["waiver", "waiver-expired", ["other.drv"]],
      ]);
      expect(findings[0]!.remedy).toContain("firstmile review");
      await world.carry(await signedBy(await wholeReviewOf(world.source, commit), [world.bob]));
      expect((await audited(world)).findings).toEqual([]);
    });
  });
});

test("without a gate there is nothing to ask", async () => {
  const world = await import("@firstmile/testing/world").then(({ makeWorld }) => makeWorld());
  const ended = await world.firstmile(["audit"], { env: { FIRSTMILE_STATE: world.fresh("state") } });
  expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining("the gate is not running")]);
  await world[Symbol.asyncDispose]();
});
