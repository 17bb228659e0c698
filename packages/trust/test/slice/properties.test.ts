/** What holds of coverage whatever was said by whomever, and by whatever rule. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PrincipalName } from "../../src/policy/names.ts";
import type { Content } from "../../src/slice/approvals.ts";
import { passes } from "../../src/slice/cover.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import {
  type CaseSketch,
  content,
  coverage,
  type Name,
  NOW,
  read,
  rejected,
  signed,
  twin,
  wroteOf,
} from "./slices.ts";

const PATHS = ["a.nix", "d/b.nix"];
const CONTENTS = ["a", "b", "c", "d"].flatMap((text) => {
  const one = content(text);
  return [one, twin(one), content(text, 0o100755)];
});

const path = fc.constantFrom(...PATHS);
const anyContent = fc.constantFrom(...CONTENTS.slice(0, 8));
/** Those whom rules name, and two whom none does. */
const people = fc.uniqueArray(fc.constantFrom<Name>("alice", "bob", "carol", "mallory", "dave"), {
  minLength: 1,
  maxLength: 3,
});
const said = fc.record({
  path,
  exact: fc.boolean(),
  source: fc.constantFrom(undefined, undefined, "pkgs", "other"),
});
const approval: fc.Arbitrary<SignedReview> = fc
  .record({ by: people, before: fc.option(anyContent, { nil: undefined }), after: anyContent, said })
  .filter(({ before, after }) => before?.id !== after.id || before.mode !== after.mode)
  .map((one) => read(one.by, one.before, one.after, one.said));
const approvals = fc.array(approval, { maxLength: 14 });
const rejection = fc.record({ by: fc.constantFrom<Name>("alice", "bob", "mallory"), what: anyContent, path });
const rule = fc.record({
  review: fc.constantFrom("reader", "readers", { any: 2, of: ["alice", { any: 2, of: ["bob", "carol"] }] }),
  anywhere: fc.boolean(),
  waive: fc.constant("waiver"),
});
const parts = fc.array(fc.tuple(fc.constantFrom<Name>("alice", "bob"), anyContent), { maxLength: 2 });
const sketch = fc.record({ rule, parts, approvals });

type Sketch = { rule: object; parts: [Name, Content][]; approvals: SignedReview[] };

function asked({ rule: one, parts: wrote, approvals: reviews }: Sketch, more: CaseSketch = {}) {
  return coverage({
    rules: [one],
    wrote: wroteOf(...wrote),
    ...more,
    reviews: [...reviews, ...(more.reviews ?? [])],
  });
}

/** What each content comes to at each path. */
function standings(one: ReturnType<typeof coverage>) {
  return PATHS.flatMap((at) => CONTENTS.map((what) => one.standing(at, what)));
}

const passing = (one: ReturnType<typeof coverage>) => standings(one).map(passes);

/** Whether nothing passes in `a` that does not in `b`. */
const atMost = (a: readonly boolean[], b: readonly boolean[]) => a.every((passed, i) => !passed || b[i]);

test("more approvals never cover less", () => {
  fc.assert(
    fc.property(sketch, approvals, (one, reviews) => {
      expect(atMost(passing(asked(one)), passing(asked(one, { reviews })))).toBe(true);
    }),
  );
});

describe("never cover more", () => {
  test("more rejections", () => {
    fc.assert(
      fc.property(sketch, fc.array(rejection, { maxLength: 3 }), (one, list) => {
        const reviews = list.map(({ by, what, path: at }) => rejected(by, what, { path: at }));
        expect(atMost(passing(asked(one, { reviews })), passing(asked(one)))).toBe(true);
      }),
    );
  });

  test("more distrusts, whatever waivers there are besides", () => {
    const distrusted = fc.uniqueArray(anyContent, { maxLength: 3, selector: ({ sha256 }) => sha256 });
    fc.assert(
      fc.property(sketch, distrusted, fc.option(path), (one, contents, at) => {
        const targets = contents.map(({ id, sha256 }) => ({
          kind: "content" as const,
          id,
          sha256,
          path: at ?? undefined,
        }));
        const waiver = {
          kind: "waiver",
          targets,
          paths: [],
          source: undefined,
          until: NOW + 1,
          because: "x",
        } as const;
        const waived = [signed(waiver, "alice")];
        const statements = [...waived, signed({ kind: "distrust", targets, keys: [], because: "x" }, "dave")];
        const [less, more] = [asked(one, { statements }), asked(one, { statements: waived })];
        expect(atMost(passing(less), passing(more))).toBe(true);
        for (const what of contents) expect(less.standing(at ?? PATHS[0]!, what).kind).toBe("distrusted");
      }),
    );
  });

  test("more parts in what was written", () => {
    fc.assert(
      fc.property(sketch, parts, (one, more) => {
        const wrote = wroteOf(...one.parts, ...more);
        expect(atMost(passing(asked(one, { wrote })), passing(asked(one)))).toBe(true);
      }),
    );
  });

  test("a review at its path alone, than anywhere", () => {
    fc.assert(
      fc.property(sketch, (one) => {
        const at = (anywhere: boolean) => passing(asked({ ...one, rule: { ...one.rule, anywhere } }));
        expect(atMost(at(false), at(true))).toBe(true);
      }),
    );
  });
});

test("the order of reviews and of questions makes no difference", () => {
  fc.assert(
    fc.property(sketch, fc.infiniteStream(fc.nat()), (one, stream) => {
      const shuffled = [...one.approvals]
        .map((review) => ({ review, at: stream.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ review }) => review);
      const [here, there] = [asked(one), asked({ ...one, approvals: shuffled })];
      expect(standings(there)).toEqual(standings(here));
      expect(standings(asked(one)).reverse()).toEqual(
        PATHS.toReversed().flatMap((at) => CONTENTS.toReversed().map((what) => there.standing(at, what))),
      );
    }),
  );
});

test("people outside of the group make no difference", () => {
  const outsiders = fc.array(
    approval.map((one) => ({ ...one, by: new Set(["mallory", "dave"] as string[] as PrincipalName[]) })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(sketch, outsiders, fc.array(rejection, { maxLength: 3 }), (one, reviews, list) => {
      const against = list.map(({ what, path: at }) => rejected("mallory", what, { path: at }));
      expect(standings(asked(one, { reviews: [...reviews, ...against] }))).toEqual(standings(asked(one)));
    }),
  );
});

/** The definition, word for word: contents are covered as long as any can be added. */
describe("coverage by one path is what the definition says", () => {
  test("for any reviews", () => {
    fc.assert(
      fc.property(sketch, (one) => {
        const at = PATHS[0]!;
        const here = asked({ ...one, rule: { ...one.rule, anywhere: false } });
        const counted = one.approvals.filter(({ review }) => {
          return review.changes[0]!.path === at && (review.source ?? "pkgs") === "pkgs";
        });
        const wrote = wroteOf(...one.parts);
        const covered = new Set<Content>();
        const isCovered = (was: { id: string; mode: number; sha256?: string | undefined }) =>
          [...covered].some(
            ({ id, mode, sha256 }) =>
              id === was.id && mode === was.mode && (was.sha256 === undefined || was.sha256 === sha256),
          );
        const readers = (what: Content) =>
          counted.filter(({ review: { changes } }) => {
            const { before, after } = changes[0]!;
            const same = after!.id === what.id && after!.mode === what.mode && after!.sha256 === what.sha256;
            return same && (before === undefined || isCovered(before));
          });
        const group = here.ruleOf(at)!.review!.by;
        for (let size = -1; size !== covered.size; ) {
          size = covered.size;
          for (const what of CONTENTS) {
            const by = new Set(readers(what).flatMap((review) => [...review.by]));
            if (
              meetsDefinition(
                group,
                [...by].filter((name) => !wrote(what).has(name)),
              )
            )
              covered.add(what);
          }
        }
        for (const what of CONTENTS) expect(passes(here.standing(at, what)), what.id).toBe(covered.has(what));
      }),
    );
  });
});

/** The three groups above, spelled out. */
function meetsDefinition(group: { any: number; of: readonly unknown[] }, who: readonly string[]): boolean {
  const has = (name: string) => who.includes(name);
  if (group.of.length === 2) return has("alice") && has("bob") && has("carol");
  return ["alice", "bob", "carol"].filter(has).length >= group.any;
}
