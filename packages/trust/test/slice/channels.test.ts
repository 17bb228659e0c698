/** Slices that were published whole: this commit, these files, all of them. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type ChannelStatement, contentsDigest } from "@firstmile/formats/statement/channel";
import { describe, expect, test } from "vitest";
import type { RoleName } from "../../src/policy/names.ts";
import { publishedSlices, vouchedSlices } from "../../src/slice/channels.ts";
import type { VerifiedStatement } from "../../src/statement/verify.ts";
import { content, IDENTITIES, POLICY, signed, source } from "./slices.ts";

const COMMIT = "a".repeat(40) as CommitId;
const OTHER = "b".repeat(40) as CommitId;
const FILES = new Map(
  ["a.nix", "b.nix"].map((path) => [path, { mode: 0o100644, sha256: content(path).sha256 }]),
);

function channel(more: Partial<ChannelStatement> = {}): ChannelStatement {
  return {
    kind: "channel",
    commit: COMMIT,
    source: "pkgs",
    attributes: ["hello"],
    system: "x86_64-linux",
    paths: [...FILES.keys()],
    contents: contentsDigest([...FILES].map(([path, file]) => ({ path, ...file }))),
    ...more,
  };
}

function published(statements: readonly VerifiedStatement[], role: string | undefined = "curator") {
  const asked = source([{}], { channel: role as RoleName | undefined });
  return publishedSlices(POLICY, asked, COMMIT, IDENTITIES.ownerOf, statements);
}

describe("is published", () => {
  test.each([
    ["by a curator", [signed(channel(), "carol")], "curator", [["carol"]]],
    ["by nobody else", [signed(channel(), "alice", "mallory")], "curator", []],
    ["by nobody whose signature does not hold", [signed(channel())], "curator", []],
    ["by two, in one envelope", [signed(channel(), "carol", "dave")], "curators", [["carol", "dave"]]],
    [
      "by two, in one each",
      [signed(channel(), "dave"), signed(channel(), "carol")],
      "curators",
      [["carol", "dave"]],
    ],
    ["not by one of two", [signed(channel(), "carol", "mallory")], "curators", []],
    [
      "not by two who name other files",
      [signed(channel(), "carol"), signed(channel({ contents: "0".repeat(64) }), "dave")],
      "curators",
      [],
    ],
    ["with the names of curators alone", [signed(channel(), "carol", "mallory")], "curator", [["carol"]]],
    ["at this commit alone", [signed(channel({ commit: OTHER }), "carol")], "curator", []],
    ["for this source alone", [signed(channel({ source: "other" }), "carol")], "curator", []],
  ])("%s", (_, statements, role, by) => {
    expect(published(statements, role).map((one) => one.by)).toEqual(by);
  });

  test("nothing where the source follows no channel", () => {
    const statements = [signed(channel(), "carol")];
    expect(publishedSlices(POLICY, source(), COMMIT, IDENTITIES.ownerOf, statements)).toEqual([]);
    expect(published(statements, "none")).toEqual([]);
  });
});

describe("a path is vouched for", () => {
  const at = (
    files: ReadonlyMap<string, { mode: number; sha256: string }>,
    ...slices: readonly ChannelStatement[]
  ) =>
    vouchedSlices(
      slices.map((one) => ({ channel: one, by: ["carol" as never] })),
      { fileAt: (path) => files.get(path), listingAt: () => undefined, typeAt: () => "-" },
    ).paths;
  const other = { mode: 0o100644, sha256: content("other").sha256 };

  test("with the content that was signed", () => {
    expect(at(FILES, channel())).toEqual(
      new Map([...FILES].map(([path, file]) => [path, { ...file, by: ["carol"] }])),
    );
  });

  test.each([
    ["one of the files has another content", new Map([...FILES, ["b.nix", other]])],
    ["one is executable now", new Map([...FILES, ["b.nix", { ...FILES.get("b.nix")!, mode: 0o100755 }]])],
    ["one is missing", new Map([...FILES].slice(0, 1))],
    [
      "two have changed places",
      new Map([
        ["a.nix", FILES.get("b.nix")!],
        ["b.nix", FILES.get("a.nix")!],
      ]),
    ],
  ])("not where %s: none of them", (_, files) => {
    expect(at(files, channel()).size).toBe(0);
  });

  test("whatever else lies beside it", () => {
    expect([...at(new Map([...FILES, ["c.nix", other]]), channel()).keys()]).toEqual(["a.nix", "b.nix"]);
  });

  test("by another slice that is as it was signed", () => {
    const small = channel({
      paths: ["a.nix"],
      contents: contentsDigest([{ path: "a.nix", ...FILES.get("a.nix")! }]),
    });
    const files = new Map([...FILES, ["b.nix", other]]);
    expect([...at(files, channel(), small).keys()]).toEqual(["a.nix"]);
  });
});

test("the digest of contents tells files, modes and paths apart", () => {
  const [a, b] = [...FILES].map(([path, file]) => ({ path, ...file }));
  const digests = [[a!], [b!], [a!, b!], [{ ...a!, mode: 0o100755 }], [{ ...a!, path: "c" }], []].map(
    contentsDigest,
  );
  expect(new Set(digests).size).toBe(digests.length);
});
