/** A checker in the thread that it is made in. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { commitFacts, oversizedCommit } from "@firstmile/trust/history/facts";
import { peopleByEmail } from "@firstmile/trust/history/people";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { GitObjects } from "../git/objects.ts";
import type { Checker, CommitJob } from "./check-commits.ts";
import { BatchWriter } from "./check-commits-records.ts";
import { CollisionGuard } from "./collision-guard.ts";

export function localChecker({ env, policy, now, people }: CommitJob): Checker {
  const objects = new GitObjects(env);
  const keys = policy && identitiesOf(policy).keys;
  const byEmail = policy && people ? peopleByEmail(policy) : undefined;
  const writer = new BatchWriter();
  const guard = new CollisionGuard(env);
  return {
    check: async (bytes, width) => {
      const ids = textOf(bytes, width);
      const batch = writer.batch(width);
      await objects.each(ids, (object, place) => {
        const id = ids[place]!;
        if (object?.type !== "commit") batch.addMissing(id);
        else if ("oversized" in object) batch.add(oversizedCommit(id));
        else {
          const facts = commitFacts(id, object.content, keys, now, byEmail);
          batch.add(facts);
          if (!("corrupt" in facts)) guard.add(id, object.content);
        }
      });
      return batch.close();
    },
    finish: () => guard.finish(),
    close: async () => objects[Symbol.dispose](),
  };
}

function textOf(bytes: Uint8Array, width: number): CommitId[] {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
  return Array.from({ length: bytes.length / width }, (_, i) =>
    hex.slice(i * width * 2, (i + 1) * width * 2),
  ) as CommitId[];
}
