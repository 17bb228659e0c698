/** Rules that import wardens from a repository, whose owners change it as they like. */
import { createHash, generateKeyPairSync } from "node:crypto";
import type { Person } from "../src/world.ts";
import { Following } from "./following-world.ts";
import type { HistoryWorld } from "./history-world.ts";

/** Rules whose wardens are carol and acme's, and whose writers are alice and dave; acme lists this many people. */
export async function importing(world: HistoryWorld, count: number) {
  const { alice, bob, carol, dave } = world;
  const repository = await world.repository("acme");
  const people = Array.from({ length: 260 }, (_, i) => madeUp(`p${i}`));
  const first = await world.world.person("acme-warden");
  people[0] = first;
  const says = (listed: number, { stolen, expires }: { stolen?: Person; expires?: number } = {}) => {
    const members = people.slice(0, listed);
    const all = [bob, ...members, ...(stolen ? [stolen] : [])];
    const life = stolen ? new Map([[stolen, 'compromised = { reason = "stolen" }']]) : undefined;
    const policy = {
      name: "acme",
      people: all,
      roles: { root: [bob], security: members, more: members },
      ...(life ? { life } : {}),
      ...(expires ? { expires } : {}),
    };
    return world.world.rules(repository, { by: bob, policy });
  };
  const introduction = await says(count);
  const told = await Following.begin(world, {
    people: [alice, carol, dave],
    roles: {
      writer: [alice, dave],
      warden: { any: 1, of: [carol, "second", "acme/security"] },
      second: { any: 1, of: [dave, "acme/more"] },
    },
    more: `[import.acme]\nurls = ["file://${repository.dir}"]\nintroduction = { commit = "${introduction}", signed_by = ["${bob.fingerprint}"] }\nroles = ["security", "more"]\n`,
  });
  await told.update();
  return { told, acme: { says, people } };
}

/** A person of whom only the public key is of use. */
function madeUp(name: string): Person {
  const raw = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const field = (bytes: Buffer) => Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes]);
  const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(raw)]);
  const refuse = () => Promise.reject(new Error(`${name} signs nothing`));
  return {
    name,
    kind: "ssh-ed25519",
    fingerprint: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
    keyFile: `keys/${name}.pub`,
    publicKey: async () => Buffer.from(`ssh-ed25519 ${blob.toString("base64")} ${name}\n`),
    sign: refuse,
    gitConfig: {},
    revoke: refuse,
  };
}
