/** Forward only, and only while the rules are in force: by table. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect, test } from "vitest";
import type { Policy } from "../../src/policy/policy.ts";
import { type Advance, judgeAdvance, judgeTime } from "../../src/root/follow.ts";

const [OLD, NEW] = ["1".repeat(40), "2".repeat(40)] as [CommitId, CommitId];

test.each<[Advance, string]>([
  ["same", "followed"],
  ["forward", "followed"],
  ["backward", "rollback"],
  ["diverged", "rollback"],
])("%s is %s", (advance, code) => {
  const reason = judgeAdvance({ followed: OLD, head: NEW, advance });
  expect([reason.code, reason.ok]).toEqual([code, code === "followed"]);
});

const HOUR = 3600;
const EXPIRES = 2_000_000_000;
const POLICY = { name: "world", expires: EXPIRES } as Policy;

test.each([
  [EXPIRES - 1, 0, "followed"],
  [EXPIRES, 0, "policy-expired"],
  [EXPIRES + 1, EXPIRES, "policy-expired"],
  // A clock may be a day behind what was seen, and no more.
  [EXPIRES - 24 * HOUR, EXPIRES, "followed"],
  [EXPIRES - 24 * HOUR - 1, EXPIRES, "clock-behind"],
  [0, EXPIRES, "clock-behind"],
])("at %i, having seen %i: %s", (now, seen, code) => {
  const reason = judgeTime(POLICY, now, seen);
  expect([reason.code, reason.ok]).toEqual([code, code === "followed"]);
});
