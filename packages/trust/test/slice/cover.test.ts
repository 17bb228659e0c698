/** In which order the questions about a file are asked, and what is held back before it is read. */
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import { describe, expect, test } from "vitest";
import { passes } from "../../src/slice/cover.ts";
import { type CaseSketch, content, coverage, NOW, read, rejected, signed, twin, wroteOf } from "./slices.ts";

const [A, B] = [content("a"), content("b")];
const PATH = "d/a.nix";

const target = { kind: "content", sha256: A.sha256, id: A.id, path: undefined } as const;
const distrust = signed({ kind: "distrust", targets: [target], keys: [], because: "bad" }, "carol");
const waived = (more: Partial<WaiverStatement> = {}) =>
  signed(
    {
      kind: "waiver",
      targets: [target],
      paths: [],
      source: undefined,
      until: NOW + 1,
      because: "later",
      ...more,
    },
    "bob",
  );
const byPattern = (more: Partial<WaiverStatement> = {}) =>
  waived({ targets: [], source: "pkgs", paths: ["d/**"], ...more });

const readByMallory = read("mallory", undefined, B, { path: PATH });
const RULES = [{ waive: "waiver" }];
const readWhole = read("bob", undefined, A, { path: PATH });
const no = rejected("alice", A, { path: PATH });
const readBefore = read("bob", undefined, B, { path: PATH });
const because = "hello 1 -> 2, both signed by gnu";
const bumped = new Map([[PATH, { content: A, from: [{ before: B, because }] }]]);
const vouched = new Map([[PATH, { mode: A.mode, sha256: A.sha256, by: ["carol" as never] }]]);

const kindOf = (sketch: CaseSketch, path = PATH, what = A) =>
  coverage({ rules: RULES, ...sketch }).standing(path, what).kind;

/** Everything that could be said of one file, by who is asked first. */
const ALL: CaseSketch = { statements: [distrust, waived()], reviews: [readWhole, no], bumped, vouched };

describe("is asked before all that follows", () => {
  test.each<[string, CaseSketch]>([
    ["distrusted", ALL],
    ["rejected", { ...ALL, statements: [waived()] }],
    ["read", { ...ALL, statements: [waived()], reviews: [readWhole] }],
    ["bumped", { ...ALL, statements: [waived()], reviews: [readBefore] }],
    ["vouched", { statements: [waived()], vouched }],
    ["waived", { statements: [waived()] }],
    ["uncovered", {}],
  ])("%s", (kind, sketch) => {
    expect(kindOf(sketch)).toBe(kind);
  });

  test("whether any rule covers the path, after distrust alone", () => {
    const rules = [{ paths: ["/else"] }];
    expect(kindOf({ ...ALL, rules })).toBe("distrusted");
    expect(kindOf({ ...ALL, rules, statements: [waived()] })).toBe("unruled");
  });
});

test("four standings pass, and no other", () => {
  const kinds = ["read", "bumped", "vouched", "waived", "distrusted", "rejected", "uncovered", "unruled"];
  expect(kinds.filter((kind) => passes({ kind } as never))).toEqual(["read", "bumped", "vouched", "waived"]);
});

describe("a distrust", () => {
  test("is of its content, not of its Git id", () => {
    expect(kindOf({ statements: [distrust] }, PATH, twin(A))).toBe("uncovered");
    expect(kindOf({ statements: [distrust] }, PATH, { ...A, mode: 0o100755 })).toBe("distrusted");
  });

  test("of what a file was made from takes the file with it", () => {
    const reviews = [readWhole, read("bob", A, B, { path: PATH })];
    expect(kindOf({ reviews }, PATH, B)).toBe("read");
    expect(kindOf({ reviews, statements: [distrust] }, PATH, B)).toBe("uncovered");
  });
});

describe("a waiver", () => {
  test("is told with the file", () => {
    const statement = waived();
    const waiver = { by: ["bob"], until: NOW + 1, because: "later", statement: statement.digest };
    expect(coverage({ rules: RULES, statements: [statement] }).standing(PATH, A)).toMatchObject({
      kind: "waived",
      waiver,
    });
  });

  test("that has ended is told as well", () => {
    const standing = coverage({ rules: RULES, statements: [waived({ until: NOW })] }).standing(PATH, A);
    expect(standing).toMatchObject({ kind: "uncovered", ended: { by: ["bob"], until: NOW } });
  });

  test("counts only by the rule of the path", () => {
    expect(kindOf({ rules: [{ waive: "waiver" }, { paths: ["d/**"] }], statements: [waived()] })).toBe(
      "uncovered",
    );
    expect(kindOf({ rules: [{}, { paths: ["d/**"], waive: "waiver" }], statements: [waived()] })).toBe(
      "waived",
    );
  });

  test("covers nothing that is made of what it is for, unless somebody read how", () => {
    expect(kindOf({ statements: [waived()] }, PATH, B)).toBe("uncovered");
    const reviews = [read("bob", A, B, { path: PATH })];
    expect(kindOf({ reviews, statements: [waived()] }, PATH, B)).toBe("waived");
  });
});

describe("a channel", () => {
  test.each([
    ["another content", B],
    ["another mode", { ...A, mode: 0o100755 }],
    ["another content of the same Git id", twin(A)],
  ])("does not vouch for %s at its path", (_, what) => {
    expect(kindOf({ vouched }, PATH, what)).toBe("uncovered");
  });
});

test("the last rule that matches a path says who reads it", () => {
  const rules = [
    { review: "readers" },
    { paths: ["d/**"], review: "reader" },
    { paths: ["d/e/**"], review: "readers" },
  ];
  const reviews = ["a.nix", PATH, "d/e/a.nix"].map((path) => read("bob", undefined, A, { path }));
  const kinds = ["a.nix", PATH, "d/e/a.nix"].map((path) => kindOf({ rules, reviews }, path));
  expect(kinds).toEqual(["uncovered", "read", "uncovered"]);
});

test.each(["", "../a.nix", "d//a.nix", "/a.nix", "d/./a.nix", "ü\u0100"])(
  "no rule covers %j, which is no path",
  (path) => {
    expect(kindOf({ reviews: [read("bob", undefined, A, { path })], vouched: new Map() }, path)).toBe(
      "unruled",
    );
  },
);

describe("who has to read it still", () => {
  test("is told, as few as suffice", () => {
    const one = coverage({
      rules: [{ review: "readers" }],
      reviews: [read("bob", undefined, A, { path: PATH })],
    });
    expect(one.completions(PATH, A)).toEqual([["alice"], ["carol"]]);
    expect(one.completions("elsewhere", A)).toHaveLength(3);
  });

  test("is nobody where no rule asks", () => {
    expect(coverage({ rules: [{ paths: ["/else"] }] }).completions(PATH, A)).toEqual([]);
  });
});

describe("a bump", () => {
  test("passes, with the reason of what it rests on", () => {
    const one = coverage({ reviews: [readBefore], bumped }).standing(PATH, A);
    expect(one).toEqual({ kind: "bumped", because });
  });

  test.each<[string, CaseSketch]>([
    ["what nobody read", { bumped }],
    ["what somebody read whose word does not count", { bumped, reviews: [readByMallory] }],
    ["what was rejected since", { bumped, reviews: [readBefore, rejected("alice", B, { path: PATH })] }],
    ["what is only waived", { bumped, statements: [byPattern({ paths: ["d/b.nix"] })] }],
  ])("rests not on %s", (_, sketch) => {
    expect(kindOf(sketch)).toBe("uncovered");
  });

  test("is one content at one path", () => {
    const sketch = { reviews: [readBefore], bumped };
    expect(kindOf(sketch, PATH, twin(A))).toBe("uncovered");
    expect(kindOf(sketch, "d/other.nix")).toBe("uncovered");
  });
});

describe("a change since what is waived", () => {
  const since = read("carol", B, A, { path: PATH });
  const base = { kind: "content", sha256: B.sha256, id: B.id, path: undefined } as const;
  const waivedBase = (more: Partial<WaiverStatement> = {}) => waived({ targets: [base], ...more });

  test("is waived as long as that is, with who read the change", () => {
    const one = coverage({ rules: RULES, reviews: [since], statements: [waivedBase()] });
    expect(one.standing(PATH, A)).toMatchObject({
      kind: "waived",
      waiver: { until: NOW + 1, by: ["bob"] },
      since: ["carol"],
    });
    expect(one.allowed(PATH, A)).toEqual([A.sha256]);
  });

  test("is so over several steps", () => {
    const C = content("c");
    const reviews = [read("carol", B, C, { path: PATH }), read("alice", C, A, { path: PATH })];
    expect(kindOf({ reviews, statements: [waivedBase()] })).toBe("waived");
  });

  test("is read, where what was before is covered as well", () => {
    const reviews = [since, read("alice", undefined, B, { path: PATH })];
    expect(kindOf({ reviews, statements: [waivedBase()] })).toBe("read");
  });

  const wrote = wroteOf(["carol", A]);
  test.each<[string, CaseSketch]>([
    ["that ended", { reviews: [since], statements: [waivedBase({ until: NOW })] }],
    ["by somebody who may not", { rules: [{}], reviews: [since], statements: [waivedBase()] }],
    [
      "for another path",
      { reviews: [since], statements: [waivedBase({ targets: [{ ...base, path: "d/b" }] })] },
    ],
    ["for another source", { reviews: [since], statements: [waivedBase({ source: "other" })] }],
    ["that its author alone read", { reviews: [since], statements: [waivedBase()], wrote }],
    [
      "that a reader skimmed",
      { reviews: [read("carol", B, A, { path: PATH, depth: "skimmed" })], statements: [waivedBase()] },
    ],
    [
      "that a stranger read",
      { reviews: [read("mallory", B, A, { path: PATH })], statements: [waivedBase()] },
    ],
    [
      "whose SHA-256 nobody gave",
      { reviews: [read("carol", B, A, { path: PATH, exact: false })], statements: [waivedBase()] },
    ],
    [
      "that was rejected",
      { reviews: [since, rejected("alice", B, { path: PATH })], statements: [waivedBase()] },
    ],
    [
      "by its path alone, at another path",
      {
        rules: [{ waive: "waiver", anywhere: true }],
        reviews: [read("carol", B, A, { path: "e/a.nix" })],
        statements: [byPattern({ paths: ["e/**"] })],
      },
    ],
  ])("rests on nothing %s", (_, sketch) => {
    expect(kindOf(sketch)).toBe("uncovered");
  });
});

describe("may be opened", () => {
  const opens = (sketch: CaseSketch, path = PATH) => coverage({ rules: RULES, ...sketch }).allowed(path, A);
  test.each<[string, CaseSketch, readonly string[] | "any"]>([
    ["what was read", { reviews: [readWhole] }, [A.sha256]],
    [
      "of two contents of one Git id the one that was read",
      { reviews: [readWhole, read("mallory", undefined, twin(A), { path: PATH })] },
      [A.sha256],
    ],
    ["what is waived by content", { statements: [waived()] }, [A.sha256]],
    ["whatever is waived by path", { statements: [byPattern()] }, "any"],
    ["what was published", { vouched }, [A.sha256]],
    ["a bump of what was read", { reviews: [readBefore], bumped }, [A.sha256]],
    ["no bump of what nobody read", { bumped }, []],
    ["nothing that nobody speaks of", {}, []],
    ["nothing that was rejected", { reviews: [readWhole, no] }, []],
    ["nothing that is distrusted", { reviews: [readWhole], statements: [distrust] }, []],
    ["nothing that is distrusted, though its path is waived", { statements: [byPattern(), distrust] }, []],
    [
      "nothing that was rejected, though its path is waived",
      { reviews: [no], statements: [byPattern()] },
      [],
    ],
    ["nothing by a waiver that has ended", { statements: [byPattern({ until: NOW })] }, []],
    ["nothing that no rule covers", { rules: [{ paths: ["/else"] }], reviews: [readWhole] }, []],
  ])("%s", (_, sketch, result) => {
    expect(opens(sketch)).toEqual(result);
  });

  test("nothing of another mode", () => {
    const one = coverage({ reviews: [readWhole] });
    expect(one.allowed(PATH, { ...A, mode: 0o100755 })).toEqual([]);
  });
});
