/**
 * A warden's word in a source's own statements ref, where `firstmile distrust` puts it: a running gate hears it at each
 * of its questions, and nothing that becomes of the ref takes it back.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { keptDirectory } from "@firstmile/local/statements/kept";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { distrustOf, publish, storeTarget } from "../../../../testing/src/world-statements.ts";
import { filesBelow } from "../trust-repository/places-world.ts";

const RELEASE = "a release\n";
const SHA256 = createHash("sha256").update(RELEASE).digest("hex");
const FIXED = `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SHA256}";`;
const FILES = {
  "default.nix": `rec {
    tarball = ${derivationText("tarball", "echo a release > $out", FIXED)};
    app = ${derivationText("app", "read line < $src; echo $line > $out", "src = tarball;")};
    hello = ${derivationText("hello", "echo hello > $out")};
    all = [ app hello ];
  }`,
};

describe.each(VERSIONS)("places of statements, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("in a gate", () => {
    let world: GateWorld;
    let builder: Builder;
    const paths = new Map<string, { drv: string; out: StorePath }>();

    /** As the gate fetches, and from the same place, but by another program. */
    const fetchByHand = async () => {
      const copy = join(world.stateDir, "gate/sources/pkgs.git");
      const refspec = "+refs/firstmile/statements*:refs/firstmile/statements/mirror-0/statements*";
      const ended = await world.run("git", ["-C", copy, "fetch", "--quiet", world.source.dir, refspec]);
      expect([ended.code, ended.stderr]).toEqual([0, ""]);
    };
    /** What the hook, `why`, `why` of the output, and the substituter say. */
    const answers = async (name: string): Promise<string[]> => {
      const { drv, out } = paths.get(name)!;
      const codeOf = (body: string) => JSON.parse(body);
      const build = codeOf((await world.ask("GET", `/build?derivation=${encodeURIComponent(drv)}`)).body);
      const why = codeOf((await world.ask("GET", `/why?subject=${encodeURIComponent(drv)}`)).body);
      const whyOut = codeOf((await world.ask("GET", `/why?subject=${encodeURIComponent(out)}`)).body);
      const narinfo = await fetch(`${world.endpoint.url}/${hashPartOf(out)}.narinfo`);
      const said = [build, why, whyOut].map((one) => (one.allowed ? "allowed" : codesIn(one.reasons)));
      return [
        ...said,
        narinfo.status === 200 ? "allowed" : (narinfo.headers.get("x-firstmile-reason") ?? ""),
      ];
    };
    const everywhere = async (name: string, code: string) => {
      for (const answer of await answers(name)) expect(answer).toContain(code);
    };

    beforeAll(async () => {
      builder = await Builder.start("b1", "one");
      const roles = { builders: { any: 1, of: ["b1"] }, warden: ["bob"] };
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles, more: outputRules([builder]) },
      });
      await world.startGate();
      for (const name of ["tarball", "app", "hello"]) {
        const drv = await world.instantiate(name);
        const output = parseDerivation(readFileSync(drv), world.nix.storeDir).outputs.get("out")!;
        if ("path" in output) paths.set(name, { drv, out: output.path });
      }
      await world.admit("all");
      for (const { out } of paths.values()) builder.offer({ path: out, content: "theirs\n" });
    });
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
      await builder?.[Symbol.asyncDispose]();
    });

    test("a running gate hears at once what is fetched into its copy of a source", async () => {
      await everywhere("hello", "allowed");
      await everywhere("app", "allowed");
      const target = { kind: "content", sha256: SHA256, id: undefined, path: undefined } as const;
      const because = "a back door";
      await publish(
        world.source,
        distrustOf({ targets: [storeTarget(paths.get("hello")!.out)], because }),
        world.bob,
      );
      await fetchByHand();
      await everywhere("hello", "distrusted");
      await everywhere("app", "allowed");
      await publish(world.source, distrustOf({ targets: [target], because }), world.bob);
      await fetchByHand();
      await everywhere("app", "distrusted");
      const audit = JSON.parse((await world.ask("GET", "/audit")).body);
      expect(JSON.stringify(audit)).toContain("bob");
    });

    test("a push with force takes nothing back, nor does a new start of the gate", async () => {
      await world.source.git("update-ref", "-d", "refs/firstmile/statements");
      await publish(world.source, distrustOf({ keys: ["SHA256:x"], because: "another thing" }), world.alice);
      await fetchByHand();
      await everywhere("hello", "distrusted");
      await everywhere("app", "distrusted");
      await world.endGate();
      await world.startGate();
      await everywhere("hello", "distrusted");
      await everywhere("app", "distrusted");
    });

    test("while a kept word cannot be read, nothing is allowed; once it can, what was decided stands", async () => {
      const [word] = filesBelow(keptDirectory(world.stateDir)).filter((file) => file.endsWith(".json"));
      renameSync(word!, `${word}.away`);
      await everywhere("app", "evidence-unreadable");
      renameSync(`${word}.away`, word!);
      await everywhere("app", "distrusted");
    });
  });
});

interface Told {
  readonly code: string;
  readonly because?: readonly Told[];
}

function codesIn(reasons: readonly Told[]): string {
  return reasons.map(({ code, because = [] }) => `${code} ${codesIn(because)}`).join(" ");
}
