/** A history 0 <- 1 <- 2 ... on one line, and who said when that which of them was the newest. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CLOCK_AHEAD,
  freshnessAt,
  freshnessOf,
  type HeadQuestion,
  type HeadStatement,
  judgeHead,
} from "../../src/freshness/judge-head.ts";
import type { PrincipalName, RoleName } from "../../src/policy/names.ts";
import type { Policy } from "../../src/policy/policy.ts";

const DAY = 86_400;
const NOW = 20_000 * DAY;
const ROLE = "packager" as RoleName;

const names = (...people: string[]) => people as PrincipalName[];

function electorate(any: number, people: readonly PrincipalName[]): Pick<Policy, "principals" | "roles"> {
  const principals = new Map(
    names("alice", "bob", "carol", "mallory").map((name) => [name, { name, operator: undefined, keys: [] }]),
  );
  const of = people.map((name) => ({ kind: "principal", name }) as const);
  return { principals, roles: new Map([[ROLE, { any, of }]]) } as unknown as Policy;
}

const commit = (n: number) => n.toString(16).padStart(12, "0").padEnd(40, "0") as CommitId;
/** Ids from 900 on are on another line, and those from 990 on are not here at all. */
const ancestry: HeadQuestion["ancestry"] = (older, newer) => {
  const [a, b] = [older, newer].map((id) => Number.parseInt(id.slice(0, 12), 16)) as [number, number];
  if (a >= 990 || b >= 990 || a >= 900 !== b >= 900) return undefined;
  return b >= a ? b - a : undefined;
};

/** `[commit, days ago, people]`. */
type Said = readonly [number, number, ...string[]];

function statements(said: readonly Said[]): HeadStatement[] {
  return said.map(([n, days, ...people]) => ({
    commit: commit(n),
    at: NOW - days * DAY,
    principals: new Set(names(...people)),
  }));
}

function question(any: number, inUse: number, said: readonly Said[]): HeadQuestion {
  return {
    rule: { signedBy: ROLE, maxAge: 7 * DAY },
    policy: electorate(any, names("alice", "bob", "carol")),
    subject: "source pkgs",
    remedy: "sign one",
    commit: commit(inUse),
    statements: statements(said),
    ancestry,
    now: NOW,
  };
}

const HOUR = 1 / 24;

test.each<[string, number, number, Said[], "fresh" | "stale-head"]>([
  ["said of it today", 1, 5, [[5, 0, "alice"]], "fresh"],
  ["said of it on the last second", 1, 5, [[5, 7, "alice"]], "fresh"],
  ["said of it a second too long ago", 1, 5, [[5, 7 + 1 / DAY, "alice"]], "stale-head"],
  ["said of an ancestor: it is newer still", 1, 5, [[3, 1, "alice"]], "fresh"],
  ["said of nothing", 1, 5, [], "stale-head"],
  ["by somebody who is not of the role", 1, 5, [[5, 0, "mallory"]], "stale-head"],
  ["by nobody", 1, 5, [[5, 0]], "stale-head"],
  ["by one of two", 2, 5, [[5, 0, "alice"]], "stale-head"],
  [
    "by one of two, twice",
    2,
    5,
    [
      [5, 0, "alice"],
      [4, 1, "alice"],
    ],
    "stale-head",
  ],
  ["by one of two and a stranger", 2, 5, [[5, 0, "alice", "mallory"]], "stale-head"],
  ["by two of two together", 2, 5, [[5, 0, "alice", "bob"]], "fresh"],
  [
    "by two of two, one after the other",
    2,
    5,
    [
      [5, 0, "alice"],
      [4, 3, "bob"],
    ],
    "fresh",
  ],
  [
    "by two of two, one of them too long ago",
    2,
    5,
    [
      [5, 0, "alice"],
      [5, 8, "bob"],
    ],
    "stale-head",
  ],
  ["in the future", 1, 5, [[5, -2, "alice"]], "stale-head"],
  ["by a clock that is a little ahead", 1, 5, [[5, -HOUR, "alice"]], "fresh"],
  ["by a clock that is more ahead than that", 1, 5, [[5, -HOUR - 1 / DAY, "alice"]], "stale-head"],
  ["of a descendant: it is old", 1, 5, [[6, 0, "alice"]], "stale-head"],
  [
    "of a descendant, and before that of it: within what is allowed",
    1,
    5,
    [
      [6, 0, "alice"],
      [5, 3, "alice"],
    ],
    "fresh",
  ],
  [
    "of a descendant, and after that of it: by who had not looked",
    1,
    5,
    [
      [6, 3, "alice"],
      [5, 0, "bob"],
    ],
    "stale-head",
  ],
  [
    "of a descendant long ago, and of it today",
    1,
    5,
    [
      [6, 300, "alice"],
      [5, 0, "bob"],
    ],
    "stale-head",
  ],
  [
    "of a descendant by one of two: no one makes it stale alone",
    2,
    5,
    [
      [6, 3, "carol"],
      [5, 0, "alice", "bob"],
    ],
    "fresh",
  ],
  [
    "of a descendant by strangers",
    1,
    5,
    [
      [6, 3, "mallory"],
      [5, 0, "bob"],
    ],
    "fresh",
  ],
  [
    "of a descendant in the future",
    1,
    5,
    [
      [6, -3, "alice"],
      [5, 0, "bob"],
    ],
    "fresh",
  ],
  ["of another line", 1, 5, [[905, 0, "alice"]], "stale-head"],
  ["of a commit that is not here", 1, 5, [[995, 0, "alice"]], "stale-head"],
  [
    "of another line as well",
    1,
    5,
    [
      [905, 0, "alice"],
      [5, 1, "alice"],
    ],
    "fresh",
  ],
])("%s", (_, any, inUse, said, code) => {
  const reason = judgeHead(question(any, inUse, said));
  expect([reason.code, reason.ok]).toEqual([code, code === "fresh"]);
  if (!reason.ok) expect(reason.remedy).toBe("sign one");
});

describe("what is told", () => {
  test("how far behind, since when, by whom", () => {
    const { message } = judgeHead(
      question(1, 5, [
        [8, 2, "alice"],
        [6, 1, "bob"],
      ]),
    );
    expect(message).toContain(`is 3 commits behind ${commit(8).slice(0, 12)}`);
    expect(message).toContain("alice");
  });

  test("that a newer one is known, where the one in use is still allowed", () => {
    const { message } = judgeHead(
      question(1, 5, [
        [5, 3, "alice"],
        [6, 1, "alice"],
      ]),
    );
    expect(message).toContain("1 newer since");
  });

  test("why each statement does not count", () => {
    const said: Said[] = [
      [5, -2, "alice"],
      [905, 1, "bob"],
      [5, 9, "carol"],
      [5, 0.5, "mallory"],
    ];
    const told = judgeHead(question(1, 5, said)).because!.map(({ message }) => message);
    expect(told).toHaveLength(4);
    expect(told[0]).toContain("in the future");
    expect(told[1]).toContain("mallory");
    expect(told[2]).toContain("not on one line");
    expect(told[3]).toContain("too long ago");
  });

  test("a time that no calendar holds", () => {
    expect(judgeHead(question(1, 5, [[5, -1e14, "alice"]])).because![0]!.message).toContain(
      "beyond the calendar",
    );
  });
});

test("it runs out when the last of those needed has spoken too long ago", () => {
  const freshness = freshnessOf(
    question(2, 5, [
      [5, 1, "alice"],
      [5, 3, "bob"],
      [5, 5, "carol"],
    ]),
  );
  expect(freshness.statedAt).toBe(NOW - 3 * DAY);
  expect(freshness.until).toBe(NOW + 4 * DAY);
  const at = (now: number) => freshnessAt(freshness, now).code;
  expect([at(NOW + 4 * DAY), at(NOW + 4 * DAY + 1)]).toEqual(["fresh", "stale-head"]);
});

test("a role that the policy does not have is met by nobody", () => {
  const asked = question(1, 5, [[5, 0, "alice"]]);
  const rule = { ...asked.rule, signedBy: "nobody" as RoleName };
  expect(judgeHead({ ...asked, rule }).code).toBe("stale-head");
});

const saying = fc.tuple(
  fc.integer({ min: 0, max: 9 }),
  fc.integer({ min: -3 * 24, max: 12 * 24 }).map((hours) => hours / 24),
  fc.constantFrom("alice", "bob", "carol", "mallory"),
) as fc.Arbitrary<Said>;

describe("properties", () => {
  test("statements of strangers change nothing", () => {
    fc.assert(
      fc.property(fc.array(saying, { maxLength: 8 }), fc.integer({ min: 1, max: 2 }), (said, any) => {
        const without = said.filter(([, , who]) => who !== "mallory");
        expect(freshnessOf(question(any, 5, said)).until).toBe(freshnessOf(question(any, 5, without)).until);
      }),
    );
  });

  test("the order and repetition of statements change nothing", () => {
    fc.assert(
      fc.property(fc.array(saying, { maxLength: 8 }), (said) => {
        const other = [...said, ...said].reverse();
        expect(freshnessOf(question(2, 5, other)).until).toBe(freshnessOf(question(2, 5, said)).until);
      }),
    );
  });

  test("fresh means that enough people spoke for it within the time", () => {
    fc.assert(
      fc.property(fc.array(saying, { maxLength: 8 }), (said) => {
        const { reason } = freshnessOf(question(2, 5, said));
        const spoke = said.filter(
          ([n, days, who]) => n <= 5 && days <= 7 && days * DAY >= -CLOCK_AHEAD && who !== "mallory",
        );
        if (reason.ok) expect(new Set(spoke.map(([, , who]) => who)).size).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  test("what was fresh is stale for good once nobody speaks any more", () => {
    fc.assert(
      fc.property(fc.array(saying, { maxLength: 8 }), (said) => {
        const later = { ...question(1, 5, said), now: NOW + 30 * DAY };
        expect(judgeHead(later).code).toBe("stale-head");
      }),
    );
  });
});

describe("two heads that are not on one line", () => {
  const isHere = (id: CommitId) => Number.parseInt(id.slice(0, 12), 16) < 990;
  const asked = (any: number, said: readonly Said[]) => judgeHead({ ...question(any, 5, said), isHere });

  test.each<[string, number, Said[], "fresh" | "stale-head" | "equivocation"]>([
    [
      "by one person",
      1,
      [
        [5, 1, "alice"],
        [901, 1, "alice"],
      ],
      "equivocation",
    ],
    [
      "by one person, the other way round",
      1,
      [
        [901, 0, "alice"],
        [5, 1, "alice"],
      ],
      "equivocation",
    ],
    [
      "by one person, neither of this line's",
      1,
      [
        [901, 0, "alice"],
        [4, 1, "alice"],
      ],
      "equivocation",
    ],
    [
      "by one person, when others are enough",
      1,
      [
        [5, 1, "alice"],
        [901, 1, "alice"],
        [5, 1, "bob"],
      ],
      "fresh",
    ],
    [
      "by one person of two that are asked for",
      2,
      [
        [5, 1, "alice", "bob"],
        [901, 1, "bob"],
      ],
      "equivocation",
    ],
    [
      "by two people",
      1,
      [
        [5, 1, "alice"],
        [901, 1, "bob"],
      ],
      "fresh",
    ],
    [
      "one of them too long ago",
      1,
      [
        [5, 1, "alice"],
        [901, 8, "alice"],
      ],
      "fresh",
    ],
    [
      "one of them in the future",
      1,
      [
        [5, 1, "alice"],
        [901, -1, "alice"],
      ],
      "fresh",
    ],
    [
      "one of them not here",
      1,
      [
        [5, 1, "alice"],
        [995, 1, "alice"],
      ],
      "fresh",
    ],
    [
      "by no person: both are on one line",
      1,
      [
        [5, 1, "alice"],
        [3, 2, "alice"],
      ],
      "fresh",
    ],
  ])("%s", (_, any, said, code) => {
    expect(asked(any, said).code).toBe(code);
  });
});
