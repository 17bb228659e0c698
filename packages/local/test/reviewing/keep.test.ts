/** The same review is kept once, and nobody can make a user's own go missing. */

import { parseEnvelope, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { Statement } from "@firstmile/formats/statement/statement";
import { signAndKeep } from "@firstmile/local/reviewing/keep";
import type { UserKey } from "@firstmile/local/signing/user-key";
import { readStatements } from "@firstmile/local/statements/read";
import { writeStatement } from "@firstmile/local/statements/write";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { signedBy } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let people: Record<"ssh" | "openpgp" | "ecdsa" | "other", Person>;
beforeAll(async () => {
  world = await makeWorld();
  const [ssh, openpgp, ecdsa, other] = await Promise.all([
    world.person("ssh"),
    world.person("pgp", "openpgp-ed25519"),
    world.person("ecdsa", "ssh-ecdsa"),
    world.person("other"),
  ]);
  people = { ssh, openpgp, ecdsa, other };
});
afterAll(() => world[Symbol.asyncDispose]());

const NOW = Math.floor(Date.now() / 1000);
const SAID: Statement = { kind: "cosign", commit: "1".repeat(40) as never, narHash: undefined };

function userOf({ gitConfig }: Person): UserKey {
  const format = gitConfig["gpg.format"] as UserKey["format"];
  const program = gitConfig["gpg.program"] ?? "ssh-keygen";
  return { format, key: gitConfig["user.signingkey"], program };
}

describe.each(["ssh", "openpgp", "ecdsa"] as const)("%s", (who) => {
  const begin = () => {
    const place = { kind: "directory", path: world.fresh("statements") } as const;
    const user = userOf(people[who]);
    const keep = () => signAndKeep([SAID], { user, place, now: NOW });
    const count = async () => (await readStatements([place])).found.length;
    return { place, user, keep, count };
  };

  test("twice is once", async () => {
    const { keep, count } = begin();
    const [first] = await keep();
    expect(first!.fresh).toBe(true);
    expect(await keep()).toEqual([{ name: first!.name, where: first!.where, fresh: false }]);
    expect(await count()).toBe(1);
  });

  test("somebody else's of the same words is not this user's", async () => {
    const { place, keep, count } = begin();
    await writeStatement(place, await signedBy(SAID, [people.other]));
    expect((await keep())[0]!.fresh).toBe(true);
    expect(await count()).toBe(2);
  });

  test("a signature of this user's over other words, planted under these, is none", async () => {
    const { place, keep, count } = begin();
    const elsewhere = await signedBy({ ...SAID, commit: "2".repeat(40) as never }, [people[who]]);
    const { payload } = parseEnvelope(await signedBy(SAID, [people.other]));
    await writeStatement(place, renderEnvelope({ ...parseEnvelope(elsewhere), payload }));
    expect((await keep())[0]!.fresh).toBe(true);
    expect(await count()).toBe(2);
  });

  test("nothing is written where the user changes their mind after signing", async () => {
    const { place, user, count } = begin();
    const goOn = () => {
      throw new Error("no");
    };
    await expect(signAndKeep([SAID], { user, place, now: NOW, goOn })).rejects.toThrow("no");
    expect(await count()).toBe(0);
  });
});
