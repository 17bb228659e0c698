/** What a person is told of a slice: codes, counts, and what would help. */
import { describe, expect, test } from "vitest";
import { passes } from "../../src/slice/cover.ts";
import type { SliceFile } from "../../src/slice/file.ts";
import { countByRule, countStandings, failing, judgeFiles } from "../../src/slice/judged.ts";
import { day, sliceReason, waivedReason } from "../../src/slice/reason.ts";
import {
  type CaseSketch,
  content,
  coverage,
  type Name,
  NOW,
  read,
  rejected,
  signed,
  source,
  wroteOf,
} from "./slices.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

function file(path: string, text = path): SliceFile {
  return { path, ...content(text), use: "evaluated" };
}

function asked(sketch: CaseSketch, files: readonly SliceFile[], words = "-A hello") {
  const one = coverage(sketch);
  const judged = judgeFiles(one, files);
  return sliceReason({ source: source(sketch.rules), commit: COMMIT, words, coverage: one }, judged);
}

const [A, B, C] = [file("a.nix"), file("b.nix"), file("c.nix")];
const readFile = (by: Name, { path, ...what }: SliceFile) => read(by, undefined, what, { path });
const target = (one: SliceFile) =>
  ({ kind: "content", sha256: one.sha256, id: one.id, path: undefined }) as const;
const waived = (until: number, ...files: readonly SliceFile[]) => {
  const targets = files.map(target).sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  return signed({ kind: "waiver", targets, paths: [], source: undefined, until, because: "later" }, "bob");
};
const RULES = [{ waive: "waiver" }];

test("of an input the files themselves are named, so that the command is one", () => {
  const { remedy } = asked({}, [A, B, file("it's.nix")], "");
  expect(remedy).toBe("firstmile review pkgs 0123456789ab --path a.nix --path b.nix --path 'it'\\''s.nix'");
});

describe("covered", () => {
  test("says by whom, how, and counts", () => {
    const reviews = [
      readFile("bob", A),
      readFile("bob", B),
      read("alice", A, C, { path: "c.nix" }),
      readFile("bob", { ...A, path: "c.nix" }),
    ];
    const reason = asked({ reviews }, [A, B, C]);
    expect(reason).toMatchObject({ ok: true, code: "covered" });
    expect(reason.message).toBe("3 files that it reads of source pkgs at 0123456789ab are covered");
    expect(reason.because!.map(({ code, message }) => [code, message])).toEqual([
      ["covered", "2 files read by bob"],
      ["derived", "1 file read change by change by alice"],
    ]);
  });

  test("by a channel and by rule", () => {
    const vouched = new Map([[A.path, { mode: A.mode, sha256: A.sha256, by: ["carol" as never] }]]);
    const before = content("b.nix before");
    const from = [{ before, because: "hello 1 -> 2, both signed by gnu" }];
    const bumped = new Map([[B.path, { content: content("b.nix"), from }]]);
    const reviews = [read("bob", undefined, before, { path: B.path })];
    expect(
      asked({ vouched, bumped, reviews }, [A, B]).because!.map(({ code, message }) => [code, message]),
    ).toEqual([
      ["vouched", "1 file published by carol"],
      ["bumped", "1 file hello 1 -> 2, both signed by gnu"],
    ]);
  });

  test("every waiver that was used is told, with its end and its reason", () => {
    const statements = [waived(NOW + 86_400, A, B), waived(NOW + 172_800, C)];
    const reason = asked({ rules: RULES, statements }, [A, B, C]);
    expect(reason.ok).toBe(true);
    expect(new Set(reason.because!.map(({ code, message }) => [code, message].join(": ")))).toEqual(
      new Set([
        "waived: 2 files waived until 2027-01-16 by bob: later",
        "waived: 1 file waived until 2027-01-17 by bob: later",
      ]),
    );
  });

  test("one file is told as one", () => {
    expect(asked({ reviews: [readFile("bob", A)] }, [A]).message).toBe(
      "1 file that it reads of source pkgs at 0123456789ab is covered",
    );
  });
});

describe("each that does not pass", () => {
  const distrust = signed(
    { kind: "distrust", targets: [target(A)], keys: [], because: "it is bad" },
    "carol",
  );
  test.each<[string, CaseSketch, string, string]>([
    [
      "distrusted",
      { reviews: [readFile("bob", A)], statements: [distrust] },
      "a.nix: carol distrusts it: it is bad",
      "use a version without a distrust against it",
    ],
    [
      "review-rejected",
      { reviews: [rejected("bob", A, { path: A.path }), rejected("alice", A, { path: A.path })] },
      "a.nix: alice and bob rejected it as it is",
      "change what was rejected; the review says why",
    ],
    [
      "not-covered",
      { rules: [{ paths: ["/x"] }] },
      "a.nix: no rule of source pkgs covers this path",
      "add [[source.pkgs.rule]] with paths that cover it",
    ],
    [
      "not-covered",
      {},
      "a.nix: role reader has not read it",
      "to be read by alice, or bob, or carol: firstmile review pkgs 0123456789ab --path a.nix",
    ],
    [
      "not-covered",
      { rules: [{ review: "readers" }], reviews: [readFile("bob", A)] },
      "a.nix: only bob of role readers has read it",
      "to be read by alice, or carol: firstmile review pkgs 0123456789ab --path a.nix",
    ],
    [
      "not-covered",
      { rules: [{ review: { any: 2, of: ["alice", "bob"] } }] },
      "a.nix: the reviewers of the rule at line 10 have not read it",
      "to be read by alice and bob: firstmile review pkgs 0123456789ab --path a.nix",
    ],
    [
      "not-covered",
      { rules: [{ review: { any: 1, of: ["bob"] } }], wrote: wroteOf(["bob", A]) },
      "a.nix: the reviewers of the rule at line 10 have not read it",
      "to be read by a person who had no part in it: firstmile review pkgs 0123456789ab --path a.nix",
    ],
    [
      "waiver-expired",
      { rules: RULES, statements: [waived(NOW, A)] },
      "a.nix: role reader has not read it, and bob waived that until 2027-01-15 only",
      "to be read by alice, or bob, or carol: firstmile review pkgs 0123456789ab --path a.nix",
    ],
  ])("%s", (code, sketch, message, remedy) => {
    const reason = asked(sketch, [A]);
    expect(reason).toMatchObject({ ok: false, code });
    expect(reason.because).toEqual([{ ok: false, code, message, remedy }]);
    expect(reason.remedy).toBe("firstmile review pkgs 0123456789ab -A hello");
  });

  test("is told, the worst first, and ten of them", () => {
    const files = Array.from({ length: 23 }, (_, i) => file(`f${String(i).padStart(2, "0")}.nix`));
    const reviews = [rejected("bob", files[20]!, { path: files[20]!.path })];
    const statement = signed(
      { kind: "distrust", targets: [target(files[22]!)], keys: [], because: "x" },
      "dave",
    );
    const rules = [{}, { paths: ["f21.nix"], review: { any: 1, of: [] } }];
    const reason = asked({ rules, reviews, statements: [statement] }, files);
    expect(reason).toMatchObject({ ok: false, code: "distrusted" });
    expect(reason.message).toBe(
      "23 of 23 files that it reads of source pkgs at 0123456789ab are not covered, 10 of them shown",
    );
    expect(reason.because).toHaveLength(10);
    expect(reason.because!.slice(0, 3).map(({ code }) => code)).toEqual([
      "distrusted",
      "review-rejected",
      "not-covered",
    ]);
  });

  test("counts only those among all", () => {
    const reason = asked({ reviews: [readFile("bob", A)] }, [A, B]);
    expect(reason.message).toBe("1 of 2 files that it reads of source pkgs at 0123456789ab is not covered");
  });
});

describe("a path is told", () => {
  const told = (path: string) => asked({}, [{ ...A, path }]).because![0]!;
  test("as its bytes spell it in UTF-8", () => {
    expect(told(Buffer.from("ü.nix").toString("latin1")).message).toMatch(/^ü\.nix: /);
    expect(told("\xfc.nix").message).toMatch(/^\\xfc\.nix: /);
  });

  test.each([
    ["line breaks", "a\nallowed"],
    ["what reverses text", Buffer.from("a\u202eb").toString("latin1")],
    ["escape sequences", "a\x1b[2Jb"],
  ])("without %s", (_, path) => {
    const { message, remedy } = told(path);
    expect(`${message}${remedy}`).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(message).toMatch(/^a\\(?:u\{|x)/);
  });

  test.each([
    ["a b", "'a b'"],
    ["$(reboot)", "'$(reboot)'"],
    ["a'; reboot; '", "'a'\\''; reboot; '\\'''"],
    ["pkgs/by-name/he/hello/package.nix", "pkgs/by-name/he/hello/package.nix"],
  ])("in a command that a shell takes as one word: %j", (path, word) => {
    expect(told(path).remedy!.endsWith(` --path ${word}`)).toBe(true);
  });
});

describe("counts", () => {
  const rules = [{ waive: "waiver" }, { paths: ["/b.nix"] }, { paths: ["/none"] }];
  const reviews = [readFile("bob", A), read("alice", A, C, { path: A.path })];
  const D = { ...C, path: A.path };
  const one = coverage({ rules, reviews });
  const judged = judgeFiles(one, [A, B, D]);

  test("are of each standing, and derived ones among those read", () => {
    expect(countStandings(judged)).toMatchObject({
      read: 2,
      derived: 1,
      uncovered: 1,
      waived: 0,
      distrusted: 0,
    });
  });

  test("are told by rule in the order of the policy, without rules that no file came under", () => {
    const ruled = [...judged, ...judgeFiles(coverage({ rules: [{ paths: ["/x"] }] }), [B])];
    const counted = countByRule(
      { ...source(), rules: [one.ruleOf("a.nix")!, one.ruleOf("none")!, one.ruleOf("b.nix")!] },
      ruled,
    );
    expect(counted.map(({ rule, files }) => [rule?.line, files])).toEqual([
      [10, 2],
      [20, 1],
      [undefined, 1],
    ]);
    expect(counted[1]!.counts).toMatchObject({ uncovered: 1, read: 0 });
    expect(counted[2]!.counts).toMatchObject({ unruled: 1 });
  });

  test("failing are those that do not pass", () => {
    expect(failing(judged).map(({ file: { path } }) => path)).toEqual(["b.nix"]);
    expect(judged.filter(({ standing }) => passes(standing))).toHaveLength(2);
  });
});

test("a waiver that was used elsewhere is told in the same words", () => {
  const waiver = { by: ["alice", "bob"] as never, until: NOW, because: "until 25.11", statement: "" };
  expect(waivedReason("output /nix/store/x", waiver)).toEqual({
    ok: true,
    code: "waived",
    message: "output /nix/store/x waived until 2027-01-15 by alice and bob: until 25.11",
  });
  expect(day(0)).toBe("1970-01-01");
});
