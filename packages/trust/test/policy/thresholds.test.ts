import { MAX_ACTIVATIONS } from "@firstmile/trust/policy/assignment";
import { MAX_COMPLETIONS } from "@firstmile/trust/policy/completion";
import type { Operator, PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Group, Member, Principal } from "@firstmile/trust/policy/policy";
import {
  type Electorate,
  isMet,
  isMetByOperator,
  meets,
  meetsByOperator,
  peopleOf,
} from "@firstmile/trust/policy/thresholds";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const PEOPLE = ["ann", "bea", "cat", "dan", "eve", "fay"] as PrincipalName[];
/** Two run by one operator, twice; the others by themselves. */
const OPERATORS: Readonly<Record<string, string>> = { ann: "one", bea: "one", cat: "two", dan: "two" };

type Written = { any: number; of: (string | Written)[] };

const written = (group: Written): Group => ({
  any: group.any,
  of: group.of.map((member): Member => {
    if (typeof member !== "string") return { kind: "group", group: written(member) };
    if (member === "team") return { kind: "role", name: "team" as RoleName };
    return { kind: "principal", name: member as PrincipalName };
  }),
});

const electorate: Electorate = {
  roles: new Map([["team" as RoleName, written({ any: 1, of: ["cat", "dan"] })]]),
  principals: new Map(
    PEOPLE.map((name): [PrincipalName, Principal] => {
      const operator = (OPERATORS[name] ?? name) as Operator;
      return [name, { name, operator, emails: [], keys: [] }];
    }),
  ),
};

const names = (...list: string[]) => new Set(list as PrincipalName[]);
const count = (group: Written, ...who: string[]) => meets(written(group), names(...who), electorate);
const votes = (group: Written, ...who: string[]) =>
  meetsByOperator(written(group), names(...who), electorate);

describe("one person stands for one member", () => {
  const twice = { any: 2, of: ["ann", { any: 1, of: ["ann", "bea"] }] };

  test.each<[string, Written, string[], boolean]>([
    ["alone, not for two", twice, ["ann"], false],
    ["a second person completes it", twice, ["ann", "bea"], true],
    ["the other alone does not", twice, ["bea"], false],
    [
      "whoever is free moves over",
      {
        any: 2,
        of: [
          { any: 1, of: ["ann", "bea"] },
          { any: 1, of: ["ann", "cat"] },
        ],
      },
      ["ann", "cat"],
      true,
    ],
    ["not twice by a role", { any: 2, of: ["cat", "team"] }, ["cat"], false],
    ["a role counts as one member", { any: 2, of: ["ann", "team"] }, ["cat", "dan"], false],
    ["nested threshold of two", { any: 1, of: [{ any: 2, of: ["ann", "team"] }] }, ["ann", "dan"], true],
    [
      "an inner group is all or nothing",
      { any: 2, of: ["ann", { any: 3, of: ["bea", "cat", "dan"] }] },
      ["ann", "bea", "cat"],
      false,
    ],
    [
      "three inner groups fight for four people",
      {
        any: 2,
        of: [
          { any: 2, of: ["ann", "bea"] },
          { any: 2, of: ["bea", "cat"] },
          { any: 2, of: ["cat", "dan"] },
        ],
      },
      ["ann", "bea", "cat", "dan"],
      true,
    ],
  ])("%s", (_, group, who, met) => {
    expect(count(group, ...who).met).toBe(met);
  });
});

describe("a tally says", () => {
  test("who counted, as few as suffice", () => {
    const tally = count({ any: 2, of: ["ann", "bea", "cat"] }, "cat", "ann", "bea");
    expect(tally).toMatchObject({ met: true, any: 2, missing: [], completions: [] });
    expect(tally.counted).toHaveLength(2);
  });

  test("who is missing and what would complete it", () => {
    expect(count({ any: 2, of: ["ann", { any: 1, of: ["ann", "bea"] }] }, "ann", "fay")).toEqual({
      met: false,
      any: 2,
      counted: ["ann"],
      missing: ["bea"],
      completions: [["bea"]],
    });
  });

  test("sets of several people, and only the smallest", () => {
    const group = { any: 2, of: [{ any: 2, of: ["ann", "bea"] }, "cat", "dan"] };
    expect(count(group).completions).toEqual([["cat", "dan"]]);
    expect(count(group, "ann").completions).toEqual([
      ["bea", "cat"],
      ["bea", "dan"],
      ["cat", "dan"],
    ]);
  });

  test("only so many of them", () => {
    expect(count({ any: 3, of: [...PEOPLE] }).completions).toHaveLength(MAX_COMPLETIONS);
  });
});

test("everybody is in a group who is in it at any depth, whether or not they would count alone", () => {
  const group = { any: 1, of: ["ann", { any: 2, of: ["bea", "cat"] }] };
  expect([...peopleOf(written(group), electorate)].sort()).toEqual(["ann", "bea", "cat"]);
});

describe("an operator is one vote", () => {
  test.each<[string[], boolean]>([
    [["ann", "bea"], false],
    [["ann", "cat"], true],
    [["eve", "fay"], true],
    [["cat", "dan"], false],
  ])("%s", (who, met) => {
    expect(votes({ any: 2, of: [...PEOPLE] }, ...who).met).toBe(met);
  });

  test("and its second builder completes nothing", () => {
    expect(votes({ any: 2, of: ["ann", "bea", "cat"] }, "ann").completions).toEqual([["cat"]]);
  });

  test("a builder stands only for the member that it is", () => {
    expect(votes({ any: 1, of: ["ann"] }, "bea").met).toBe(false);
  });

  test("one that must move over is found among several builders of its operator", () => {
    const group = {
      any: 2,
      of: [
        { any: 1, of: ["ann"] },
        { any: 1, of: ["bea", "eve"] },
      ],
    };
    expect(votes(group, "bea", "eve").completions).toEqual([["ann"]]);
  });
});

/** Against the definition, tried in the plainest way: every choice of members, every way to share out the people. */
function meetsByDefinition(group: Group, who: readonly PrincipalName[]): boolean {
  return supports(group).some((support) => support.every((name) => who.includes(name)));
}

function supports(group: Group): PrincipalName[][] {
  let partial: { people: PrincipalName[]; met: number }[] = [{ people: [], met: 0 }];
  for (const member of group.of) {
    const own = member.kind === "principal" ? [[member.name]] : supports(inner(member));
    partial = partial.flatMap((some) => [
      some,
      ...own
        .filter((people) => some.met < group.any && people.every((name) => !some.people.includes(name)))
        .map((people) => ({ people: [...some.people, ...people], met: some.met + 1 })),
    ]);
  }
  return partial.filter(({ met }) => met === group.any).map(({ people }) => people);
}

function inner(member: Exclude<Member, { kind: "principal" }>): Group {
  if (member.kind === "group") return member.group;
  if (member.kind === "role") return electorate.roles.get(member.name)!;
  throw new Error(`${member.kind} members are not made here`);
}

const group: fc.Arbitrary<Group> = fc
  .letrec<{ group: Written; member: string | Written }>((tie) => ({
    group: fc
      .array(tie("member"), { minLength: 1, maxLength: 4 })
      .chain((of) => fc.integer({ min: 1, max: of.length }).map((any) => ({ any, of }))),
    member: fc.oneof({ maxDepth: 2 }, fc.constantFrom(...PEOPLE, "team"), tie("group")),
  }))
  .group.map(written);
const who = fc.subarray(PEOPLE);

describe("for any group", () => {
  test("the count is what the definition says", () => {
    fc.assert(
      fc.property(group, who, (any, present) => {
        expect(meets(any, new Set(present), electorate).met).toBe(meetsByDefinition(any, present));
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ["people", meets],
    ["operators", meetsByOperator],
  ])("more %s never unmeet it, and order changes nothing", (_, tally) => {
    fc.assert(
      fc.property(group, who, who, (any, present, more) => {
        const before = tally(any, new Set(present), electorate);
        const after = tally(any, new Set([...present, ...more]), electorate);
        expect(before.met && !after.met).toBe(false);
        expect(tally(any, new Set(present.toReversed()), electorate)).toEqual(before);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["person", meets],
    ["operator", meetsByOperator],
  ])("one %s alone never meets any = 2", (_, tally) => {
    fc.assert(
      fc.property(group, fc.constantFrom(...PEOPLE), (any, alone) => {
        const others = PEOPLE.filter((name) => OPERATORS[name] === OPERATORS[alone] && OPERATORS[name]);
        const present = tally === meets ? [alone] : [alone, ...others];
        fc.pre(any.any >= 2);
        expect(tally(any, new Set(present), electorate).met).toBe(false);
      }),
    );
  });

  test.each([
    ["people", meets],
    ["operators", meetsByOperator],
  ])("whoever counted suffices, and each completion by %s does, but no part of it", (_, tally) => {
    fc.assert(
      fc.property(group, who, (any, present) => {
        const { met, counted, completions } = tally(any, new Set(present), electorate);
        expect(tally(any, new Set(counted), electorate).met).toBe(met);
        const holds = tally === meets ? isMet : isMetByOperator;
        expect(holds(any, new Set(present), electorate)).toBe(met);
        for (const added of completions) {
          expect(tally(any, new Set([...present, ...added]), electorate).met).toBe(true);
          const fewer = new Set([...present, ...added.slice(1)]);
          expect(tally(any, fewer, electorate).met).toBe(false);
        }
        if (!met && tally(any, new Set(PEOPLE), electorate).met) expect(completions).not.toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("the largest group that loads is counted soon", () => {
  const teams = Array.from({ length: 16 }, (_, t) => ({
    any: 10,
    of: Array.from({ length: 30 }, (_, i) => `p${(t * 11 + i) % 200}`),
  }));
  const start = performance.now();
  const tally = count({ any: 2, of: teams });
  expect(tally.met).toBe(false);
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(1 + 16 + (16 * 15) / 2).toBeLessThanOrEqual(MAX_ACTIVATIONS);
});
