/** Exceptions: of whom, for what, until when. */
import type { Target } from "@firstmile/formats/statement/target";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import { describe, expect, test } from "vitest";
import type { RoleName } from "../../src/policy/names.ts";
import { Waivers } from "../../src/slice/waivers.ts";
import type { VerifiedStatement } from "../../src/statement/verify.ts";
import { content, IDENTITIES, NOW, POLICY, signed } from "./slices.ts";

const [A, B] = [content("a"), content("b")];
const ONE = "waiver" as RoleName;
const TWO = "waivers" as RoleName;
const STORE = "0c2l9ihfp6mzf5qzfvsmh5s1zm8d8jr5-hello";

const target = (path?: string): Target => ({ kind: "content", sha256: A.sha256, id: A.id, path });

function waiver(more: Partial<WaiverStatement> = {}): WaiverStatement {
  const targets = more.paths ? [] : [target()];
  return { kind: "waiver", targets, paths: [], source: undefined, until: NOW + 1, because: "later", ...more };
}

function waivers(statements: readonly VerifiedStatement[], now = NOW): Waivers {
  return new Waivers(POLICY, IDENTITIES.ownerOf, statements, now);
}

/** Who waived content `a` at `d/a.nix` of `pkgs`. */
function holders(statements: readonly VerifiedStatement[], role: RoleName | undefined = ONE) {
  return waivers(statements).ofFile(role, "pkgs", "d/a.nix", A.sha256).holds?.by;
}

describe("whose waivers count", () => {
  test.each([
    ["somebody's of the role", [signed(waiver(), "bob")], ONE, ["bob"]],
    ["nobody else's", [signed(waiver(), "carol")], ONE, undefined],
    ["nobody's without a signature that holds", [signed(waiver())], ONE, undefined],
    ["nobody's where the rule names no role", [signed(waiver(), "bob")], undefined, undefined],
    ["nobody's where there is no such role", [signed(waiver(), "bob")], "none" as RoleName, undefined],
    ["two of two, in one envelope", [signed(waiver(), "bob", "alice")], TWO, ["alice", "bob"]],
    [
      "two of two, each in an envelope of their own",
      [signed(waiver(), "bob"), signed(waiver(), "alice")],
      TWO,
      ["alice", "bob"],
    ],
    ["not one of two", [signed(waiver(), "bob")], TWO, undefined],
    ["not one of two and somebody else", [signed(waiver(), "bob", "carol")], TWO, undefined],
    [
      "not two who say different things",
      [signed(waiver(), "bob"), signed(waiver({ because: "other" }), "alice")],
      TWO,
      undefined,
    ],
    ["with the names of those who count alone", [signed(waiver(), "mallory", "bob")], ONE, ["bob"]],
  ])("%s", (_, statements, role, by) => {
    // `undefined` is a value here, and no default.
    expect(waivers(statements).ofFile(role, "pkgs", "d/a.nix", A.sha256).holds?.by).toEqual(by);
  });
});

describe("until when", () => {
  const statement = signed(waiver({ until: NOW }), "bob");
  const told = { by: ["bob"], until: NOW, because: "later", statement: statement.digest };
  test.each([
    ["it holds to the last second", NOW - 1, "holds"],
    ["and not in the one that it names", NOW, "ended"],
    ["and never after", NOW + 1e9, "ended"],
  ] as const)("%s", (_, now, which) => {
    const answer = waivers([statement], now).ofFile(ONE, "pkgs", "a", A.sha256);
    expect(answer[which]).toMatchObject(told);
    expect(answer[which === "holds" ? "ended" : "holds"]).toBe(undefined);
  });

  test("the one that ends last is told, in whichever order they are found", () => {
    const statements = [NOW - 5, NOW + 9, NOW + 5].map((until) => signed(waiver({ until }), "bob"));
    for (const found of [statements, statements.toReversed()]) {
      expect(waivers(found).ofFile(ONE, "pkgs", "a", A.sha256).holds?.until).toBe(NOW + 9);
      expect(waivers(found, NOW + 20).ofFile(ONE, "pkgs", "a", A.sha256).ended?.until).toBe(NOW + 9);
    }
  });

  test("one that nobody who counts signed has not ended either", () => {
    const answer = waivers([signed(waiver({ until: NOW - 1 }), "mallory")]).ofFile(
      ONE,
      "pkgs",
      "a",
      A.sha256,
    );
    expect(answer).toEqual({ holds: undefined, ended: undefined });
  });
});

describe("for what", () => {
  test.each<[string, Partial<WaiverStatement>, boolean]>([
    ["this content, wherever it lies", {}, true],
    ["this content at this path", { targets: [target("d/a.nix")] }, true],
    ["this content at another path", { targets: [target("a.nix")] }, false],
    ["this content of this source", { source: "pkgs" }, true],
    ["this content of another source", { source: "other" }, false],
    ["another content", { targets: [{ ...target(), sha256: B.sha256 } as Target] }, false],
    [
      "another content of the same Git id",
      { targets: [{ kind: "content", sha256: B.sha256, id: A.id, path: undefined }] },
      false,
    ],
    ["every path below", { source: "pkgs", paths: ["d/**"] }, true],
    ["every such name", { source: "pkgs", paths: ["*.nix"] }, true],
    ["one of several patterns", { source: "pkgs", paths: ["/x", "d/a.nix"] }, true],
    ["paths elsewhere", { source: "pkgs", paths: ["/a.nix"] }, false],
    ["such paths of another source", { source: "other", paths: ["**"] }, false],
    ["a pattern that cannot be read", { source: "pkgs", paths: ["[a-z]*"] }, false],
    ["a path of the store", { targets: [{ kind: "store", baseName: STORE }] }, false],
  ])("%s", (_, more, holds) => {
    expect(holders([signed(waiver(more), "bob")]) !== undefined).toBe(holds);
  });

  test("a download: where neither path nor source is named", () => {
    const ofContent = (more: Partial<WaiverStatement>) =>
      waivers([signed(waiver(more), "bob")]).ofContent(ONE, A.sha256).holds !== undefined;
    expect(ofContent({})).toBe(true);
    expect(ofContent({ targets: [target("d/a.nix")] })).toBe(false);
    expect(ofContent({ source: "pkgs" })).toBe(false);
    expect(ofContent({ source: "pkgs", paths: ["**"] })).toBe(false);
    expect(waivers([signed(waiver(), "bob")]).ofContent(ONE, B.sha256).holds).toBe(undefined);
  });

  test("a path of the store, whole or by its base name", () => {
    const all = waivers([signed(waiver({ targets: [{ kind: "store", baseName: STORE }] }), "bob")]);
    expect(all.ofStorePath(ONE, `/nix/store/${STORE}`).holds?.by).toEqual(["bob"]);
    expect(all.ofStorePath(ONE, STORE).holds?.by).toEqual(["bob"]);
    expect(all.ofStorePath(TWO, STORE).holds).toBe(undefined);
    expect(all.ofStorePath(ONE, `${STORE}-dev`).holds).toBe(undefined);
  });
});

describe("before a content is known", () => {
  test("a path is covered by a pattern alone", () => {
    const covers = (...statements: readonly VerifiedStatement[]) =>
      waivers(statements).coversPath(ONE, "pkgs", "d/a.nix");
    expect(covers(signed(waiver({ source: "pkgs", paths: ["d/**"] }), "bob"))).toBe(true);
    expect(covers(signed(waiver({ source: "pkgs", paths: ["d/**"] }), "mallory"))).toBe(false);
    expect(covers(signed(waiver({ source: "pkgs", paths: ["d/**"], until: NOW }), "bob"))).toBe(false);
    expect(covers(signed(waiver({ targets: [target("d/a.nix")] }), "bob"))).toBe(false);
    expect(covers()).toBe(false);
  });

  test("contents are found by their Git id, where a waiver gives it", () => {
    const bare: Target = { kind: "content", sha256: B.sha256, id: undefined, path: undefined };
    const all = waivers([signed(waiver({ targets: [target(), bare] }), "bob")]);
    expect([all.contentsOf(A.id), all.contentsOf(B.id)]).toEqual([[A.sha256], []]);
  });
});

test("a statement of another kind is no waiver", () => {
  const distrust = { kind: "distrust", targets: [target()], keys: [], because: "x" } as const;
  expect(holders([signed(distrust, "bob")])).toBe(undefined);
});
