/** Records between threads: everything arrives as it was, and nobody's reasons fill the memory. */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import type { Fingerprint, SignatureOutcome } from "@firstmile/trust/signature/outcome";
import { expect, test } from "vitest";
import { BatchReader, BatchWriter, MOST_REASONS } from "../../src/evidence/check-commits-records.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as CommitId;

function commit(n: number, signature: SignatureOutcome, parents: readonly CommitId[] = []): CommitFacts {
  return { id: id(n), tree: id(n + 7) as string as ObjectId, parents, signature, wrote: [] };
}

function unknown(n: number): SignatureOutcome {
  return { valid: false, code: "unknown-key", message: `no key ${n}`, key: `SHA256:${n}` as Fingerprint };
}

const valid = (n: number): SignatureOutcome => {
  const key = `SHA256:${n}` as Fingerprint;
  return { valid: true, key, signingKey: key, validUntil: n };
};

test("batches that were filled at once, and read late, come out as they went in", () => {
  const writer = new BatchWriter();
  const [first, second] = [writer.batch(20), writer.batch(20)];
  const commits = [commit(1, unknown(1)), commit(2, valid(2)), commit(3, unknown(1), [id(1), id(2)])];
  first.add(commits[0]!);
  second.add(commits[1]!);
  second.add(commits[2]!);
  second.add({ id: id(4), corrupt: "broken" });
  second.addMissing(id(5));
  const batches = [first.close(), second.close()] as const;
  const reader = new BatchReader();
  for (const batch of batches) reader.learn(structuredClone(batch));
  const [one, another] = [new CommitTable(), new CommitTable()];
  reader.take(batches[1], one);
  reader.take(batches[0], one);
  reader.take(batches[1], another);
  for (const facts of commits) expect(one.get(facts.id)).toEqual(facts);
  expect([...another.keys()].toSorted()).toEqual([id(2), id(3)]);
  expect(batches[1]).toMatchObject({ count: 4, corrupt: [{ id: id(4) }], missing: [id(5)] });
});

test("a commit of many parents makes room for itself", () => {
  const parents = Array.from({ length: 80_000 }, (_, n) => id(n + 100));
  const batch = new BatchWriter().batch(20);
  batch.add(commit(1, unknown(1), parents));
  const [table, reader] = [new CommitTable(), new BatchReader()];
  const closed = batch.close();
  reader.learn(closed);
  reader.take(closed, table);
  expect(table.get(id(1))!.parents).toEqual(parents);
});

test("another key for each commit: reasons are bounded, codes stay, what counts is never cut short", () => {
  const writer = new BatchWriter();
  for (let n = 0; n < MOST_REASONS + 500; n++) writer.outcome(unknown(n));
  expect(writer.outcomes.size).toBe(MOST_REASONS + 1);
  expect(writer.outcomes.at(writer.outcome(unknown(3)))).toEqual(unknown(3));
  const late = writer.outcomes.at(writer.outcome(unknown(99_999)));
  expect(late).toEqual({ valid: false, code: "unknown-key", message: expect.any(String) });
  const expired: SignatureOutcome = {
    valid: false,
    code: "expired-key",
    message: "x",
    lapsed: valid(9) as never,
  };
  for (const kept of [valid(1), expired]) expect(writer.outcomes.at(writer.outcome(kept))).toEqual(kept);
});
