/** What too few builders made, accepted for now: by whom it can be, for what, and until when. */
import { readFileSync } from "node:fs";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { Person } from "../../../../testing/src/world.ts";
import { distrustOf, signedBy, storeTarget, waiverOf } from "../../../../testing/src/world-statements.ts";

const NAMES = ["one", "recipe", "stranger", "ended", "apart", "nobody", "bad", "moment"];
const FILES = {
  "default.nix": `rec {
    ${NAMES.map((name) => `${name} = ${derivationText(name, `echo ${name} > $out`)};`).join("\n")}
    all = [ ${NAMES.join(" ")} ];
  }`,
};
const NEVER = 4_000_000_000;

describe.each(VERSIONS)("waivers of outputs, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("before two builders", () => {
    let world: GateWorld;
    let builders: Builder[];
    const paths = new Map<string, { drv: string; out: StorePath }>();
    const out = (name: string) => paths.get(name)!.out;
    const narinfo = async (name: string) => {
      const answer = await fetch(`${world.endpoint.url}/${hashPartOf(out(name))}.narinfo`);
      return [answer.status, answer.headers.get("x-firstmile-reason") ?? ""] as const;
    };
    const waive = async (path: string, by: Person, until = NEVER) =>
      world.carry(
        await signedBy(waiverOf({ targets: [storeTarget(path)], until, because: "only one has it" }), [by]),
      );

    beforeAll(async () => {
      builders = await Promise.all([Builder.start("b1", "one"), Builder.start("b2", "two")]);
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: {
          roles: { builders: { any: 2, of: ["b1", "b2"] }, warden: ["bob"] },
          more: outputRules(builders, 'waive = "root"\n'),
        },
      });
      await world.startGate();
      for (const name of NAMES) {
        const drv = await world.instantiate(name);
        const output = parseDerivation(readFileSync(drv), world.nix.storeDir).outputs.get("out")!;
        if ("path" in output) paths.set(name, { drv, out: output.path });
      }
      await world.admit("all");
      for (const name of NAMES)
        if (name !== "nobody") builders[0]!.offer({ path: out(name), content: `${name} by b1\n` });
      expect((await narinfo("one"))[1]).toContain("too-few-builders");
    });
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
      for (const builder of builders ?? []) await builder[Symbol.asyncDispose]();
    });

    test("one builder's word suffices while it is waived, and the verdict says so", async () => {
      await waive(out("one"), world.alice);
      expect((await narinfo("one"))[0]).toBe(200);
      const why = (await world.firstmile("why", out("one"))).stdout.replace(/\s+[│├└─ ]*/g, " ");
      expect(why).toContain("is waived until 2096-10-02 by alice: only one has it");
      const ended = await world.build("one");
      expect(ended.stderr).toContain("copying path");
      expect(readFileSync(out("one"), "utf8")).toBe("one by b1\n");
    });

    test("a waiver may name the derivation", async () => {
      await waive(paths.get("recipe")!.drv, world.alice);
      expect((await narinfo("recipe"))[0]).toBe(200);
    });

    test("nobody else can waive", async () => {
      await waive(out("stranger"), world.bob);
      expect(await narinfo("stranger")).toEqual([404, expect.stringContaining("too-few-builders")]);
    });

    test("one that is over is told", async () => {
      await waive(out("ended"), world.alice, 1_700_000_000);
      const [status] = await narinfo("ended");
      const why = (await world.firstmile("why", out("ended"))).stdout.replace(/\s+[│├└─ ]*/g, " ");
      expect(status).toBe(404);
      expect(why).toContain("waiver-expired");
      expect(why).toContain("was waived until 2023-11-14 by alice only");
    });

    test("one that ends while the gate runs ends there", async () => {
      const until = Math.floor(Date.now() / 1000) + 6;
      await waive(out("moment"), world.alice, until);
      expect((await narinfo("moment"))[0]).toBe(200);
      await new Promise((done) => setTimeout(done, (until + 1) * 1000 - Date.now()));
      const why = await world.firstmile("why", out("moment"));
      expect([why.code, why.stdout]).toEqual([1, expect.stringContaining("waiver-expired")]);
      expect((await world.build("moment")).stderr).not.toContain("copying path");
    });

    test("what builders differ about cannot be waived", async () => {
      builders[1]!.offer({ path: out("apart"), content: "by b2\n" });
      await waive(out("apart"), world.alice);
      expect(await narinfo("apart")).toEqual([404, expect.stringContaining("too-few-builders")]);
    });

    test("nor what no builder made, whatever a cache offers", async () => {
      builders[0]!.offer({ path: out("nobody"), content: "mallory\n", signers: [] });
      await waive(out("nobody"), world.alice);
      expect(await narinfo("nobody")).toEqual([
        404,
        expect.stringContaining("signed by no key of a builder"),
      ]);
    });

    test("nor what is distrusted", async () => {
      await waive(out("bad"), world.alice);
      expect((await narinfo("bad"))[0]).toBe(200);
      const against = distrustOf({ targets: [storeTarget(out("bad"))] });
      await world.carry(await signedBy(against, [world.bob]));
      expect(await narinfo("bad")).toEqual([404, expect.stringContaining("distrusted")]);
    });
  });
});
