/** Withdrawals of what a key said against something: by the person who said it, and by others. */
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { STATEMENT_PAYLOAD_TYPE } from "@firstmile/formats/statement/statement";
import { writeStatement } from "@firstmile/local/statements/write";
import { STATEMENT_NAMESPACE } from "@firstmile/trust/statement/signature";
import type { Person, PolicySpec, WorldRepository } from "../src/world.ts";
import { contentTarget, distrustOf, publish } from "../src/world-statements.ts";
import type { HistoryWorld } from "./history-world.ts";

/** This person takes back all that the key of another one said. */
export async function withdraws(repository: WorldRepository, by: Person, of: Person): Promise<void> {
  const predicate = `{"because":"it was wrong","keys":[${JSON.stringify(of.fingerprint)}]}`;
  const types = '"predicateType":"urn:firstmile:withdraw:1","subject":[]';
  const payload = Buffer.from(
    `{"_type":"https://in-toto.io/Statement/v1","predicate":${predicate},${types}}`,
  );
  const sig = await by.sign(preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload), {
    namespace: STATEMENT_NAMESPACE,
  });
  const signatures = [{ keyid: undefined, sig }];
  const envelope = renderEnvelope({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures });
  await writeStatement({ kind: "ref", repository: repository.dir }, envelope);
}

/** A content that carol, one of two wardens, speaks against. */
export async function distrustedByCarol(world: HistoryWorld) {
  const { alice, bob, carol, dave } = world;
  const repository = await world.repository();
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  const bad = await repository.commit({ by: alice, files: { a: "bad\n" } });
  await publish(repository, distrustOf({ targets: [await contentTarget(repository, bad, "a")] }), carol);
  const policy: PolicySpec = {
    people: [alice, bob, carol, dave],
    roles: { root: { any: 2, of: [alice, bob] }, writer: [alice], warden: [carol, dave] },
    sources: { pkgs: { introduction } },
  };
  return { repository, policy };
}
