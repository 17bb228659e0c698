/**
 * The story of xz 5.6.1, with a stand-in: a release that its own maintainer made and signed, pinned by its hash in an
 * expression that everybody who should has signed. Nothing of that saves anybody; a warden's word does.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { distrustOf, signedBy, storeTarget } from "../../../../testing/src/world-statements.ts";

const RELEASE = "build-to-host.m4\n";
const SHA256 = createHash("sha256").update(RELEASE).digest("hex");
const download = (name: string) =>
  derivationText(
    name,
    "echo build-to-host.m4 > $out",
    `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SHA256}";`,
  );
const FILES = {
  "default.nix": `rec {
    tarball = ${download("xz-5.6.1.tar")};
    xz = ${derivationText("xz", "read line < $src; echo $line > $out", "src = tarball;")};
    sshd = ${derivationText("sshd", "read line < $xz; echo $line > $out", "inherit xz;")};
    later = ${derivationText("later", "read line < $xz; echo $line > $out", "inherit xz;")};
    mirror = ${download("xz.tar")};
    hello = ${derivationText("hello", "echo hello > $out")};
    greeting = ${derivationText("greeting", "read line < $hello; echo $line > $out", "inherit hello;")};
    apart = ${derivationText("apart", "echo apart > $out")};
    all = [ sshd later mirror greeting apart ];
  }`,
};

describe.each(VERSIONS)("distrust, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("in a gate", () => {
    let world: GateWorld;
    let builders: Builder[];
    const paths = new Map<string, { drv: string; out: StorePath }>();
    /** On one line, without the lines of the tree. */
    const flat = (text: string) => text.replace(/\s+[│├└─ ]*/g, " ");
    const told = async (subject: string) => flat((await world.firstmile("why", subject)).stdout);
    const narinfo = async (name: string) => {
      const answer = await fetch(`${world.endpoint.url}/${hashPartOf(paths.get(name)!.out)}.narinfo`);
      return [answer.status, answer.headers.get("x-firstmile-reason") ?? ""] as const;
    };

    beforeAll(async () => {
      builders = await Promise.all([Builder.start("b1", "one"), Builder.start("b2", "two")]);
      const roles = { builders: { any: 2, of: ["b1", "b2"] }, warden: ["bob"] };
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles, more: outputRules(builders) },
      });
      await world.startGate();
      for (const name of ["tarball", "xz", "sshd", "later", "mirror", "hello", "greeting", "apart"]) {
        const drv = await world.instantiate(name);
        const output = parseDerivation(readFileSync(drv), world.nix.storeDir).outputs.get("out")!;
        if ("path" in output) paths.set(name, { drv, out: output.path });
      }
      await world.admit("all");
      expect((await world.build("sshd")).code).toBe(0);
      for (const name of ["later", "apart"])
        for (const builder of builders) builder.offer({ path: paths.get(name)!.out, content: "theirs\n" });
    });
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
      for (const builder of builders ?? []) await builder[Symbol.asyncDispose]();
    });

    describe("of a release by its hash", () => {
      beforeAll(async () => {
        expect((await narinfo("later"))[0]).toBe(200);
        const target = { kind: "content", sha256: SHA256, id: undefined, path: undefined } as const;
        const because = "its configure script opens a door in sshd";
        await world.carry(await signedBy(distrustOf({ targets: [target], because }), [world.bob]));
      });

      test("stops what is made of it, however far up, though what lies between is in the store", async () => {
        const { tarball, later } = Object.fromEntries(paths);
        const ended = await world.build("later", "--option", "substitute", "false");
        expect([ended.code === 0, await world.isValid(later!.out)]).toEqual([false, false]);
        const why = await told(later!.drv);
        expect(why).toContain("distrusted");
        expect(why).toContain(
          `rests on ${tarball!.out}, which bob distrusts: its configure script opens a door in sshd`,
        );
      });

      test("stops its download, under whichever name", async () => {
        for (const name of ["tarball", "mirror"])
          expect(await told(paths.get(name)!.drv)).toContain("its configure script opens a door");
        expect((await world.build("mirror")).code).not.toBe(0);
      });

      test("stops what builders agree on, too", async () => {
        expect(await narinfo("later")).toEqual([404, expect.stringContaining("distrusted")]);
      });

      test("is told when somebody wants it admitted anew", async () => {
        const ended = await world.firstmile("admit", "-f", "default.nix", "-A", "xz");
        expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining("distrusted")]);
      });

      test("leaves everything else as it was", async () => {
        expect((await world.build("greeting")).code).toBe(0);
        expect((await narinfo("apart"))[0]).toBe(200);
      });
    });

    test("of a derivation stops what needs it; of an output, every way to it", async () => {
      const { greeting, hello, apart } = Object.fromEntries(paths);
      const targets = [storeTarget(hello!.drv), storeTarget(apart!.out)];
      await world.carry(await signedBy(distrustOf({ targets, because: "we saw it" }), [world.bob]));
      expect(await told(hello!.drv)).toContain("bob distrusts");
      expect(await told(greeting!.drv)).toContain("rests on");
      expect(await told(apart!.drv)).toContain("distrusted");
      expect(await narinfo("apart")).toEqual([404, expect.stringContaining("distrusted")]);
      expect((await world.build("apart")).code).not.toBe(0);
    });

    test("of a builder's key leaves too few builders, and the reason is told", async () => {
      const commit = await world.commit({ "new.nix": derivationText("new", "echo new > $out") });
      const drv = (await world.run("nix-instantiate", ["new.nix"])).stdout.trim();
      expect((await world.firstmile("admit", "-f", "new.nix")).code).toBe(0);
      const output = parseDerivation(readFileSync(drv), world.nix.storeDir).outputs.get("out")!;
      if (!("path" in output)) throw new Error(commit);
      paths.set("new", { drv, out: output.path });
      for (const builder of builders) builder.offer({ path: output.path, content: "theirs\n" });
      expect((await narinfo("new"))[0]).toBe(200);
      const key = /"(nix:[^"]+)"/.exec(builders[0]!.principal)![1]!;
      await world.carry(
        await signedBy(distrustOf({ keys: [key], because: "it was broken into" }), [world.bob]),
      );
      expect(await narinfo("new")).toEqual([404, expect.stringContaining("distrusted")]);
      expect(await told(output.path)).toContain(
        "b1 signed it with b1-1, which bob distrusts: it was broken into",
      );
    });

    test("of a person's key takes what they signed, by itself", async () => {
      const drv = paths.get("new")!.drv;
      const words = distrustOf({ keys: [world.alice.fingerprint], because: "lost on a train" });
      await world.carry(await signedBy(words, [world.bob]));
      expect(await told(drv)).toContain("not-admitted");
      const ended = await world.firstmile("admit", "-f", "new.nix");
      expect(flat(ended.stdout)).toContain("which bob distrusts: lost on a train");
    });
  });
});
