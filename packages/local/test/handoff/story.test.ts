/**
 * The story of a compression library, with a stand-in: somebody is made a maintainer after years of patience, signs a
 * release with a back door, and every signature on the way is valid. What helps is that somebody says so.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { sortedTargets } from "@firstmile/formats/statement/target";
import { Author } from "@firstmile/testing/release-author";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { distrustOf, signedBy } from "../../../../testing/src/world-statements.ts";

/** The founder, and who was given a key of the project later. */
const founder = new Author("1111111111111111");
const successor = new Author("2222222222222222");

const HONEST = "echo compressing";
const BACK_DOOR = "echo compressing; echo listening";
const RELEASES: Readonly<Record<string, { content: string; by: Author }>> = {
  "5.4.6": { content: HONEST, by: founder },
  "5.6.0": { content: HONEST, by: successor },
  "5.6.1": { content: BACK_DOOR, by: successor },
};

function sha256Of(version: string): string {
  return createHash("sha256").update(`${RELEASES[version]!.content}\n`).digest("hex");
}

function packageOf(version: string): string {
  const fixed = `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${sha256Of(version)}";`;
  const url = `url = "https://press.example/press-${version}.tar";`;
  const source = derivationText(
    `press-${version}.tar`,
    `echo '${RELEASES[version]!.content}' > $out`,
    fixed + url,
  );
  return `{ press = ${derivationText("press", "/bin/sh $src > $out", `src = ${source};`)}; }`;
}

function handoff(version: string): HandoffStatement {
  const { content, by } = RELEASES[version]!;
  const name = `press-${version}.tar`;
  const source = Buffer.from(`${content}\n`);
  const file = { name, sha256: sha256Of(version), sha512: undefined, blake2b512: undefined };
  const signature = { kind: "minisign" as const, bytes: by.minisig(source, name, { legacy: true }) };
  return {
    kind: "handoff",
    output: { kind: "file", sha256: file.sha256, sha512: undefined },
    urls: [`https://press.example/${name}`],
    release: { kind: "file", file, becomes: "file", signed: { kind: "file" }, signature },
  };
}

const UPSTREAM = `[principal.press]
keys = ["${founder.listed("minisign")}", "${successor.listed("minisign")}"]
[[upstream]]
urls = ["https://press.example/**"]
author = "press"
handoff = "packager"
`;

describe.skipIf(missingForNixWorld("host") !== undefined)("a back door, validly signed", () => {
  let world: GateWorld;
  beforeAll(async () => {
    world = await GateWorld.make({
      version: "host",
      files: { "default.nix": packageOf("5.4.6") },
      policy: { roles: { packager: ["bob"], warden: ["bob"] }, more: UPSTREAM },
    });
    await world.startGate();
    for (const version of Object.keys(RELEASES))
      await world.carry(await signedBy(handoff(version), [world.bob]));
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const admit = () => world.firstmile("admit", "-f", "default.nix", "-A", "press");

  async function built(): Promise<string> {
    const ended = await world.build("press");
    return ended.code === 0 ? readFileSync(ended.stdout.trim(), "utf8") : ended.stderr;
  }

  test("the founder's release is admitted and built", async () => {
    expect((await admit()).code).toBe(0);
    expect(await built()).toBe("compressing\n");
  });

  test("so is the successor's, whose key is the project's too", async () => {
    await world.commit({ "default.nix": packageOf("5.6.0") });
    expect((await admit()).code).toBe(0);
    expect(await built()).toBe("compressing\n");
  });

  test("and so is the back door: a signature says who made it, and not what it does", async () => {
    await world.commit({ "default.nix": packageOf("5.6.1") });
    const ended = await admit();
    expect(ended.stdout).toContain("1 signed by their authors and handed on");
    expect(ended.code).toBe(0);
    expect(await built()).toBe("compressing\nlistening\n");
  });

  test("until a warden speaks against it: then nothing is built from it, and what was admitted is refused", async () => {
    const targets = sortedTargets([
      { kind: "content", sha256: sha256Of("5.6.1"), id: undefined, path: undefined },
    ]);
    await world.carry(await signedBy(distrustOf({ targets, because: "it listens" }), [world.bob]));
    const why = await world.firstmile("why", await world.instantiate("press"));
    expect(why.stdout).toContain("bob distrusts it: it listens");
    expect((await admit()).code).toBe(1);
  });

  test("the release before still stands; with the successor's key distrusted, the founder's alone does", async () => {
    await world.commit({ "default.nix": packageOf("5.6.0") });
    expect((await admit()).code).toBe(0);
    const keys = [successor.listed("minisign")];
    await world.carry(await signedBy(distrustOf({ keys, because: "not who it seemed" }), [world.bob]));
    const refused = await admit();
    expect(refused.stdout).toContain("handoff-invalid");
    expect(refused.code).toBe(1);
    await world.commit({ "default.nix": packageOf("5.4.6") });
    expect((await admit()).code).toBe(0);
  });
});
