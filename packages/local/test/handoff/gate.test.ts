/** Downloads under rules of their own, on stock Nix: at admission, and again whenever something is built from them. */
import { createHash } from "node:crypto";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { sortedTargets } from "@firstmile/formats/statement/target";
import { Author } from "@firstmile/testing/release-author";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { distrustOf, signedBy } from "../../../../testing/src/world-statements.ts";

const CONTENT = Buffer.from("the source\n");
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const URL = "https://example.org/hello-1.0.tar";
const FIXED = `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SHA256}";`;
const source = (url: string) =>
  `(${derivationText("hello-1.0.tar", "echo the source > $out", `${FIXED} url = "${url}";`)})`;
const user = (name: string, src: string) =>
  derivationText(name, "read line < $src; echo $line > $out", `src = ${src};`);
const FILES = {
  "default.nix": `{
    hello = ${user("hello", source(URL))};
    other = ${user("other", source("https://example.com/hello-1.0.tar"))};
    plain = ${derivationText("plain", "echo plain > $out")};
    both = ${derivationText("both", "echo both > $out", `a = ${user("hello", source(URL))}; b = ${derivationText("plain", "echo plain > $out")};`)};
  }`,
};

const author = new Author("0102030405060708");
const stranger = new Author("0102030405060709");

function handoff(by: Author): HandoffStatement {
  const file = { name: "hello-1.0.tar", sha256: SHA256, sha512: undefined, blake2b512: undefined };
  const signature = { kind: "minisign" as const, bytes: by.minisig(CONTENT, file.name, { legacy: true }) };
  return {
    kind: "handoff",
    output: { kind: "file", sha256: SHA256, sha512: undefined },
    urls: [URL],
    release: { kind: "file", file, becomes: "file", signed: { kind: "file" }, signature },
  };
}

const AUTHOR = `[principal.hello-author]\nkeys = ["${author.listed("minisign")}"]\n`;
const UPSTREAM = `${AUTHOR}
[[upstream]]
urls = ["https://example.org/**"]
author = "hello-author"
handoff = "packager"
`;

describe.each(VERSIONS)("downloads, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles: { packager: ["bob"] } },
      });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);

    test("are pinned by their hash where no rule speaks of them", async () => {
      expect((await admit("hello")).code).toBe(0);
      expect((await admit("both")).code).toBe(0);
    });

    test("are refused once there is a rule, and nothing is built from them; the rest is", async () => {
      await world.changeRules({ more: UPSTREAM });
      const refused = await world.build("hello");
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain("no-handoff");
      const why = await world.firstmile("why", await world.instantiate("hello"));
      expect(why.stdout).toContain("firstmile handoff https://example.org/hello-1.0.tar");
      // Admitted together with what is refused, and built without it.
      expect((await world.build("both.b")).code).toBe(0);
    });

    test("are not admitted without their author's signature, or from a place that no rule is for", async () => {
      expect((await admit("hello")).stdout).toContain("no-handoff");
      const other = await admit("other");
      expect(other.stdout).toContain("no-upstream-rule");
      expect(other.code).toBe(1);
      expect((await admit("plain")).code).toBe(0);
    });

    test("are not accepted with a signature of somebody else", async () => {
      await world.carry(await signedBy(handoff(stranger), [world.bob]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("not-the-author");
      expect(ended.code).toBe(1);
    });

    test("are not accepted from somebody who may not vouch", async () => {
      await world.carry(await signedBy(handoff(author), [world.alice]));
      expect((await admit("hello")).stdout).toContain("handed on by alice alone");
    });

    test("are accepted with the author's own, handed on: first on their word, then by the source itself", async () => {
      await world.carry(await signedBy(handoff(author), [world.bob]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("1 signed by their authors and handed on");
      expect(ended.stdout).toContain("till then this is their word");
      expect(ended.code).toBe(0);
      expect((await world.build("hello")).code).toBe(0);
      const why = await world.firstmile("why", await world.instantiate("hello"));
      expect(why.stdout).toMatch(/signature\s+was\s+checked\s+against\s+it/);
    });

    test("are refused at once when a warden speaks against them", async () => {
      await world.changeRules({ roles: { warden: ["alice"] } });
      expect((await admit("hello")).code).toBe(0);
      const targets = sortedTargets([{ kind: "content", sha256: SHA256, id: undefined, path: undefined }]);
      await world.carry(await signedBy(distrustOf({ targets, because: "a back door" }), [world.alice]));
      const why = await world.firstmile("why", await world.instantiate("hello"));
      expect(why.stdout).toContain("alice distrusts it: a back door");
      expect((await admit("hello")).code).toBe(1);
    });
  });
});
