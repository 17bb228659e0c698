import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { sriHash } from "@firstmile/formats/nix/hash";
import { baseNameOf, fixedOutputPath } from "@firstmile/formats/nix/store-path";
import type { SignedRelease } from "@firstmile/formats/statement/handoff";
import { type BumpAnswer, safeBump } from "@firstmile/trust/handoff/bump";
import type { VerifiedHandoff } from "@firstmile/trust/handoff/verify";
import { isLaterVersion } from "@firstmile/trust/handoff/version";
import { Distrust } from "@firstmile/trust/slice/distrust";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Author, HandoffWorld, hex, NOW, released } from "./world.ts";

const world = new HandoffWorld();
const RULES = `
[[upstream]]
urls = ["mirror://gnu/hello/**", "https://ftp.gnu.org/gnu/hello/**"]
author = "hello"
handoff = "packager"
[[upstream]]
urls = ["https://example.org/pinned/**"]
pinned = true
`;
const policy = world.policy(RULES);
const [OLD, NEW] = [Buffer.from("hello 1.0"), Buffer.from("hello 1.1")];

function sri(bytes: Uint8Array): string {
  return sriHash({ algorithm: "sha256", digest: Buffer.from(hex("sha256", bytes), "hex") });
}

function packageOf(version: string, hash: string, more = ""): string {
  return `{ lib, stdenv, fetchurl }:

stdenv.mkDerivation (finalAttrs: {
  pname = "hello";
  version = "${version}";

  src = fetchurl {
    url = "mirror://gnu/hello/hello-\${finalAttrs.version}.tar.gz";
    hash = "${hash}"; # of the archive
  };
${more}
  meta = { description = "A program that says \\"hello\\""; };
})
`;
}

function handoff(
  version: string,
  bytes: Uint8Array,
  by: Author = world.hello,
  urls?: string[],
): VerifiedHandoff {
  const name = `hello-${version}.tar.gz`;
  const release: SignedRelease = {
    kind: "file",
    file: released(bytes, name),
    becomes: "file",
    signed: { kind: "file" },
    signature: { kind: "minisign", bytes: by.minisig(bytes, name) },
  };
  return world.handoff(release, ["alice"], { urls: urls ?? [`mirror://gnu/hello/${name}`] });
}

const both = [handoff("1.0", OLD), handoff("1.1", NEW)];
const before = packageOf("1.0", sri(OLD));
const after = packageOf("1.1", sri(NEW));

function judge(
  from: string,
  to: string,
  handoffs: readonly VerifiedHandoff[] = both,
  evidence: Partial<Parameters<typeof safeBump>[2]> = {},
): BumpAnswer {
  return safeBump(encodeUtf8(from), encodeUtf8(to), { policy, handoffs, now: NOW, ...evidence });
}

function why(...args: Parameters<typeof judge>): string {
  const answer = judge(...args);
  return answer.safe ? "safe" : answer.why;
}

describe("a bump is safe", () => {
  test("where version and hash alone change, to a source that the same author signed", () => {
    expect(judge(before, after)).toMatchObject({
      safe: true,
      author: "hello",
      version: { from: "1.0", to: "1.1" },
      by: ["alice"],
    });
  });

  test("however Nix spells the hash", () => {
    const base16 = (bytes: Uint8Array) => `sha256:${hex("sha256", bytes)}`;
    expect(judge(packageOf("1.0", base16(OLD)), packageOf("1.1", sri(NEW))).safe).toBe(true);
    const bare = (version: string, bytes: Uint8Array) =>
      packageOf(version, hex("sha256", bytes)).replace("hash =", "sha256 =");
    expect(judge(bare("1.0", OLD), bare("1.1", NEW)).safe).toBe(true);
  });

  test("in a rec set without a fetcher in between", () => {
    const flat = (version: string, bytes: Uint8Array) =>
      `derivation rec { name = "hello-\${version}"; version = "${version}"; outputHash = "${sri(bytes)}"; outputHashMode = "flat"; }`;
    expect(judge(flat("1.0", OLD), flat("1.1", NEW)).safe).toBe(true);
  });
});

describe("a bump is not safe", () => {
  test.each<[string, string, string, RegExp]>([
    ["with a line more", before, after.replace("meta", 'postInstall = "";\n  meta'), /more than literals/],
    ["with another URL", before, after.replace("mirror://gnu", "https://x"), /more than plain strings/],
    ["with another name", before, after.replace('pname = "hello"', 'pname = "hullo"'), /3 literals/],
    [
      "with another description",
      before,
      after.replace("A program", "The program"),
      /more than plain strings/,
    ],
    ["with another comment", before, after.replace("# of", "# off"), /spaces or comments/],
    ["with other spaces", before, after.replace("\n\n", "\n"), /spaces or comments/],
    ["with the hash alone", before, packageOf("1.0", sri(NEW)), /1 literals/],
    ["with the version alone", before, packageOf("1.1", sri(OLD)), /1 literals/],
    ["with nothing changed", before, before, /0 literals/],
    ["to an older version", after, before, /no later one/],
    [
      "to the same version, spelt otherwise",
      packageOf("1.0", sri(OLD)),
      packageOf("1.0.", sri(NEW)),
      /characters/,
    ],
    ["with a version that climbs", before, packageOf("1.1/../../evil", sri(NEW)), /characters/],
    ["with two dots in a version", before, packageOf("1..1", sri(NEW)), /characters/],
    [
      "with an antiquotation in the version",
      before,
      packageOf("1.1$" + "{evil}", sri(NEW)),
      /more than literals/,
    ],
    ["with an escape in the version", before, packageOf("1.1\\n", sri(NEW)), /more than literals/],
    ["with a quote in the version", before, packageOf('1.1"; x = "', sri(NEW)), /more than literals/],
    [
      "with a hash of another algorithm",
      before,
      packageOf("1.1", `sha512-${Buffer.alloc(64).toString("base64")}`),
      /algorithm/,
    ],
    ["with a hash by SHA-1", before, packageOf("1.1", `sha1-${Buffer.alloc(20).toString("base64")}`), /sha1/],
    ["with what is no hash", before, packageOf("1.1", "lib.fakeHash"), /nix hash/],
  ])("%s", (_, from, to, problem) => {
    expect(why(from, to)).toMatch(problem);
  });

  test("where the version is bound elsewhere than the hash", () => {
    const apart = (version: string, bytes: Uint8Array) =>
      `{ a = { version = "${version}"; }; b = fetchurl { hash = "${sri(bytes)}"; }; }`;
    expect(why(apart("1.0", OLD), apart("1.1", NEW))).toContain("different attribute sets");
    const byLet = (version: string, bytes: Uint8Array) =>
      `let version = "${version}"; in { hash = "${sri(bytes)}"; }`;
    expect(why(byLet("1.0", OLD), byLet("1.1", NEW))).toMatch(/attribute set|another binding/);
    const inner = (version: string, bytes: Uint8Array) =>
      `{ version = "${version}"; src = let h = { hash = "${sri(bytes)}"; }; in f h; }`;
    expect(why(inner("1.0", OLD), inner("1.1", NEW))).toContain("different attribute sets");
  });

  test("where what changes is bound to something else, or is part of a path of names", () => {
    for (const name of ["cargoHash", "narHash", "rev", "x.hash", "src.hash"]) {
      const to = (text: string) => text.replace("hash =", `${name} =`);
      expect(why(to(before), to(after)), name).toMatch(/another binding/);
    }
  });

  test("where it is text in a string, or in a comment", () => {
    const quoted = (version: string, bytes: Uint8Array) =>
      `{ x = ''{ version = "${version}"; hash = "${sri(bytes)}"; }''; }`;
    expect(why(quoted("1.0", OLD), quoted("1.1", NEW))).toContain("more than plain strings");
    const commented = (version: string, bytes: Uint8Array) =>
      `/* version = "${version}"; hash = "${sri(bytes)}"; */ { }`;
    expect(why(commented("1.0", OLD), commented("1.1", NEW))).toContain("0 literals");
  });

  test("where either source was not handed on", () => {
    expect(why(before, after, [both[1]!])).toContain("not both handed on");
    expect(why(before, after, [both[0]!])).toContain("not both handed on");
  });

  test("where the new one is signed by another key, of a stranger or of the author", () => {
    const stranger = handoff("1.1", NEW, world.stranger);
    expect(why(before, after, [both[0]!, stranger])).toContain("not both handed on");
    const two = world.policy(
      RULES,
      `"${world.hello.listed("minisign")}", "${world.stranger.listed("minisign")}"`,
    );
    expect(why(before, after, [both[0]!, stranger], { policy: two })).toContain("not both handed on");
    expect(judge(before, after, both, { policy: two }).safe).toBe(true);
  });

  test("where the new one is an older release under a newer version", () => {
    const renamed = handoff("0.9", NEW);
    expect(why(before, after, [both[0]!, renamed])).toContain("not both handed on");
  });

  test("where the URL of the handoff falls under another rule, or under two", () => {
    const elsewhere = handoff("1.1", NEW, world.hello, ["https://example.org/pinned/hello-1.1.tar.gz"]);
    expect(why(before, after, [both[0]!, elsewhere])).toContain("not both handed on");
    const mixed = handoff("1.1", NEW, world.hello, [
      "mirror://gnu/hello/hello-1.1.tar.gz",
      "https://example.org/pinned/hello-1.1.tar.gz",
    ]);
    expect(why(before, after, [both[0]!, mixed])).toContain("not both handed on");
  });

  test("where somebody handed it on who may not, or too few did", () => {
    const carol = { ...both[1]!, outcomes: world.handoff(release(), ["carol"]).outcomes };
    expect(why(before, after, [both[0]!, carol])).toContain("not both handed on");
    const two = world.policy(RULES.replace('"packager"', '"two"'));
    expect(why(before, after, both, { policy: two })).toContain("not both handed on");
  });

  test("where a warden speaks against the path of either source in the store", () => {
    const base = (bytes: Uint8Array, name: string) => {
      const digest = Buffer.from(hex("sha256", bytes), "hex");
      return baseNameOf(fixedOutputPath("flat", { algorithm: "sha256", digest }, name));
    };
    for (const path of [base(NEW, "hello-1.1.tar.gz"), base(OLD, "source"), base(NEW, "any-other-name")]) {
      const distrust = new Distrust(policy, [world.distrustOfPath(path, ["bob"])]);
      expect(why(before, after, both, { distrust }), path).toContain("not both handed on");
    }
    const other = new Distrust(policy, [
      world.distrustOfPath(base(Buffer.from("x"), "hello-1.1.tar.gz"), ["bob"]),
    ]);
    expect(
      safeBump(encodeUtf8(before), encodeUtf8(after), { policy, handoffs: both, now: NOW, distrust: other })
        .safe,
    ).toBe(true);
  });

  test("where a warden speaks against the new source, or the author's key", () => {
    const distrust = new Distrust(policy, [world.distrust(NEW, ["bob"])]);
    expect(why(before, after, both, { distrust })).toContain("not both handed on");
    const key = world.hello.listed("minisign");
    const applied = new Distrust(policy, [world.distrustOfKey(key, ["bob"])]).applied(policy);
    expect(why(before, after, both, { policy: applied })).toContain("not both handed on");
  });
});

function release(): SignedRelease {
  const { release: made } = both[1]!.statement;
  if (made.kind !== "file") throw new Error("no file");
  return made;
}

describe("no change beside version and hash is ever safe", () => {
  test("whatever one byte becomes", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Buffer.from(encodeUtf8(after));
        bytes[at % bytes.length]! ^= flip;
        expect(safeBump(encodeUtf8(before), bytes, { policy, handoffs: both, now: NOW }).safe).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

test.each([
  ["1.0", "1.1", true],
  ["1.9", "1.10", true],
  ["1.10", "1.9", false],
  ["1.0", "1.0", false],
  ["1.0pre1", "1.0", true],
  ["1.0", "1.0pre1", false],
  ["1.0", "1.0a", true],
  ["1.0a", "1.0.1", true],
  ["2", "10", true],
  ["1.0", "1.0.0", true],
])("from %s to %s is later: %s, as compareVersions has it", (from, to, expected) => {
  expect(isLaterVersion(from, to)).toBe(expected);
});
