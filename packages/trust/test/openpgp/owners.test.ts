/** Which certificates are one person's: those that anything joins, through however many others. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { sameOwner } from "../../src/openpgp/owners.ts";

test("as many groups as a graph of shared marks has parts, and everybody in exactly one", () => {
  const marks = fc.array(fc.array(fc.integer({ min: 0, max: 12 }).map(String), { maxLength: 3 }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(marks, (lists) => {
      const groups = sameOwner(lists);
      expect(groups.flat().sort((a, b) => a - b)).toEqual([...lists.keys()]);
      const group = (index: number) => groups.findIndex((one) => one.includes(index));
      const reach = (from: number, seen = new Set<number>([from])): Set<number> => {
        lists.forEach((list, to) => {
          if (!seen.has(to) && list.some((mark) => lists[from]!.includes(mark))) reach(to, seen.add(to));
        });
        return seen;
      };
      for (const from of lists.keys()) {
        expect([...lists.keys()].filter((to) => group(to) === group(from))).toEqual(
          [...reach(from)].sort((a, b) => a - b),
        );
      }
    }),
  );
});
