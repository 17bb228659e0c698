/**
 * Keys and what became of them. Root calls a key compromised or retired, and the thief signs with it all the same: by
 * another format of it, through a certificate, or on a branch that looks old. What must hold: each word of root's on a
 * key has its effect wherever the key is listed, or the rules are refused.
 */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { expect } from "vitest";
import { forgeKey } from "../../packages/trust/test/openpgp/forge.ts";
import { forged } from "../src/history-vector-forged.ts";
import type { Person, PolicySpec } from "../src/world.ts";
import { policyFiles } from "../src/world-policy.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld } from "./history-world.ts";
import { certifiedBy, keyPair, type PairKind, sshOfSubkey } from "./key-in-two-formats.ts";

const NAMED = "A word on one key of a file is a word on that key, whatever kind it is.";
const ONE_KEY = "A key in two formats is one key: the strictest word on it holds for both.";
const TWICE = "No key belongs to two people: the rules do not load.";
const STOLEN = 'compromised = { reason = "stolen" }';

/** Alice's introduction, then one commit by this signer; bob has these keys, and root says this of them. */
async function signedBy(
  world: HistoryWorld,
  signer: Person,
  keys: readonly Person[],
  life: ReadonlyMap<Person, string>,
) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const first = await repository.commit({ by: signer, files: { a: "2\n" } });
  const policy: PolicySpec = {
    people: { alice: [world.alice], bob: keys },
    roles: { root: ["alice"], writer: ["alice", "bob"] },
    sources: { pkgs: { introduction } },
    life,
  };
  return { repository, policy, introduction, first };
}

async function defects(policy: PolicySpec): Promise<string[]> {
  const loaded = loadPolicy(await policyFiles(policy));
  return loaded.ok ? [] : [...new Set(loaded.defects.map(({ code }) => code))];
}

const event = (what: string, key: string) => `${what.slice(0, -1)}, key = "${key}" }`;

function authority(
  number: number,
  name: string,
  said: (ca: Person, introduction: string) => string,
  codes: RegExp,
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held: NAMED,
    async run(world) {
      const ca = await world.world.person(`authority${number}`);
      const holder = await certifiedBy(world.world, ca, `holder${number}`, "bob");
      const told = await signedBy(world, holder, [ca], new Map());
      const life = new Map([[ca, `authority = ["bob"], ${said(ca, told.introduction)}`]]);
      await world.denied({ ...told, policy: { ...told.policy, life } }, codes, told.first);
    },
  };
}

/** One key pair in both formats; root speaks of the one, and the thief signs with the other. */
function otherFormat(
  number: number,
  kind: PairKind,
  spokenOf: "openpgp" | "ssh",
  word: "compromised" | "retired",
): Attack<HistoryWorld> {
  const other = spokenOf === "ssh" ? "openpgp" : "ssh";
  return {
    number,
    name: `${kind} key: root calls it ${word} as its ${spokenOf} form, and it signs as its ${other} form`,
    held: ONE_KEY,
    async run(world) {
      const pair = keyPair(`bob${number}`, kind);
      const told = await signedBy(world, pair[other], [pair.openpgp, pair.ssh], new Map());
      await world.allowed(told);
      const said = word === "compromised" ? STOLEN : `retired = { after = "${told.introduction}" }`;
      const policy = { ...told.policy, life: new Map([[pair[spokenOf], said]]) };
      await world.denied({ ...told, policy }, new RegExp(`^${word}-key$`), told.first);
    },
  };
}

const attacks: readonly Attack<HistoryWorld>[] = [
  authority(
    238,
    "a stolen SSH authority that root calls compromised by its fingerprint",
    (ca) => event(STOLEN, ca.fingerprint),
    /^compromised-key$/,
  ),
  authority(
    239,
    "an SSH authority that root retired by its fingerprint signs on",
    (ca, introduction) => event(`retired = { after = "${introduction}" }`, ca.fingerprint),
    /^retired-key$/,
  ),
  authority(
    240,
    "a stolen SSH authority that root calls compromised without a fingerprint",
    () => STOLEN,
    /^compromised-key$/,
  ),
  {
    number: 241,
    name: "two authorities in one file: root names the stolen one",
    held: NAMED,
    async run(world) {
      const [good, stolen] = [await world.world.person("good-ca"), await world.world.person("stolen-ca")];
      const both = {
        ...good,
        publicKey: async () => Buffer.concat([await good.publicKey(), await stolen.publicKey()]),
      };
      const life = new Map([[both as Person, `authority = ["bob"], ${event(STOLEN, stolen.fingerprint)}`]]);
      const byGood = await signedBy(
        world,
        await certifiedBy(world.world, good, "of-good", "bob"),
        [both],
        life,
      );
      await world.allowed(byGood);
      const byStolen = await signedBy(
        world,
        await certifiedBy(world.world, stolen, "of-stolen", "bob"),
        [both],
        life,
      );
      await world.denied(byStolen, /^compromised-key$/, byStolen.first);
    },
  },
  {
    number: 242,
    name: "a co-signature through a stolen authority, over an unsigned commit",
    held: NAMED,
    async run(world) {
      const ca = await world.world.person("cosigning-ca");
      const holder = await certifiedBy(world.world, ca, "cosigner", "bob");
      const life = new Map([[ca, `authority = ["bob"], ${event(STOLEN, ca.fingerprint)}`]]);
      const told = await signedBy(world, world.alice, [ca], life);
      const unsigned = await told.repository.commit({ files: { a: "3\n" } });
      await told.repository.cosign(unsigned, holder);
      await world.denied(told, /^(?:unsigned|compromised-key)$/, unsigned);
    },
  },
  otherFormat(243, "ed25519", "openpgp", "compromised"),
  otherFormat(244, "ed25519", "ssh", "compromised"),
  otherFormat(245, "ed25519", "openpgp", "retired"),
  otherFormat(246, "rsa", "openpgp", "compromised"),
  otherFormat(247, "rsa", "ssh", "retired"),
  otherFormat(248, "ecdsa", "openpgp", "compromised"),
  {
    number: 249,
    name: "a subkey that root calls compromised by its fingerprint signs as an SSH key",
    held: ONE_KEY,
    async run(world) {
      const seed = createHash("sha256").update("subkey").digest();
      const [primary, subkey] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy", { seed })];
      const whole = forged("bob-whole", { primary, subkeys: [{ key: subkey }] });
      const ssh = sshOfSubkey("bob-subkey", seed, subkey);
      const life = new Map([[whole, event(STOLEN, subkey.fingerprint)]]);
      const told = await signedBy(world, ssh, [whole, ssh], life);
      await world.denied(told, /^compromised-key$/, told.first);
      const byPrimary = await signedBy(world, whole, [whole, ssh], life);
      await world.allowed(byPrimary);
    },
  },
  {
    number: 250,
    name: "one subkey in two certificates of one person: in one it is compromised",
    held: ONE_KEY,
    async run(world) {
      const subkey = forgeKey("ed25519-legacy");
      const make = (name: string) => {
        const primary = forgeKey("ed25519-legacy");
        return forged(name, { primary, subkeys: [{ key: subkey }] }, {}, subkey as never);
      };
      for (const order of [0, 1]) {
        const certificates = [make(`one${order}`), make(`two${order}`)];
        const life = new Map([[certificates[order]!, event(STOLEN, subkey.fingerprint)]]);
        const told = await signedBy(world, certificates[1 - order]!, certificates, life);
        await world.denied(told, /^compromised-key$/, told.first);
      }
    },
  },
  {
    number: 251,
    name: "a person's own key is compromised, and is an authority for them too",
    held: ONE_KEY,
    async run(world) {
      const key = await world.world.person("own-and-authority");
      const asAuthority = { ...key, keyFile: "keys/as-authority.pub" };
      const holder = await certifiedBy(world.world, key, "own-holder", "bob");
      const life = new Map([
        [key, STOLEN],
        [asAuthority as Person, 'authority = ["bob"]'],
      ]);
      const told = await signedBy(world, holder, [key, asAuthority], life);
      const found = await defects(told.policy);
      if (found.length > 0) expect(found).toEqual(["duplicate-key"]);
      else await world.denied(told, /^compromised-key$/, told.first);
    },
  },
  {
    number: 252,
    name: "bob's own key is listed as an authority for alice, so that he is two people",
    held: TWICE,
    async run(world) {
      const { alice, bob } = world;
      const asAuthority = { ...bob, keyFile: "keys/authority.pub" };
      const life = new Map([[asAuthority as Person, 'authority = ["alice"]']]);
      const people = { alice: [alice, asAuthority], bob: [bob] };
      expect(await defects({ people, roles: { root: ["alice"], writer: ["alice", "bob"] }, life })).toEqual([
        "duplicate-key",
      ]);
    },
  },
  {
    number: 253,
    name: "the same, where bob has the key in an OpenPGP certificate",
    held: TWICE,
    async run(world) {
      const { alice } = world;
      const pair = keyPair("two-people", "ed25519");
      const life = new Map([[pair.ssh, 'authority = ["alice"]']]);
      const people = { alice: [alice, pair.ssh], bob: [pair.openpgp] };
      expect(await defects({ people, roles: { root: ["alice"], writer: ["alice", "bob"] }, life })).toEqual([
        "duplicate-key",
      ]);
    },
  },
  {
    number: 254,
    name: "a person lists a compromised key once more, from a second file",
    held: "No key is listed twice in one format: the rules do not load.",
    async run(world) {
      const again = { ...world.bob, keyFile: "keys/bob-again.pub" };
      const people = { alice: [world.alice], bob: [world.bob, again] };
      const life = new Map([[world.bob, STOLEN]]);
      expect(await defects({ people, roles: { root: ["alice"], writer: ["alice", "bob"] }, life })).toEqual([
        "duplicate-key",
      ]);
    },
  },
  {
    number: 255,
    name: "a word on a key that the file does not hold, and one in lower case",
    by: "root, in error",
    held: "A word that would have no effect does not load; how a fingerprint is spelt makes no difference.",
    async run(world) {
      const pair = keyPair("slip", "ed25519");
      const told = await signedBy(world, pair.openpgp, [pair.openpgp], new Map());
      const says = (key: string) => ({ ...told.policy, life: new Map([[pair.openpgp, event(STOLEN, key)]]) });
      expect(await defects(says(world.alice.fingerprint))).toEqual(["impossible-key"]);
      await world.denied({ ...told, policy: says(pair.key.fingerprint.toLowerCase()) }, /^compromised-key$/);
    },
  },
  {
    number: 256,
    name: "a retired key signs on a branch that left before its retirement, dated back",
    held: "A retired key counts in the named commits and before them; the date says nothing.",
    async run(world) {
      const told = await signedBy(world, world.bob, [world.bob], new Map());
      const { repository, introduction, first } = told;
      const back = await repository.commit({
        by: world.bob,
        branch: "side",
        parents: [introduction],
        files: { b: "b\n" },
      });
      await repository.merge({ by: world.alice, parents: [first, back] as [CommitId, CommitId] });
      const life = new Map([[world.bob, `retired = { after = "${first}" }`]]);
      await world.denied({ ...told, policy: { ...told.policy, life } }, /^retired-key$/, back);
    },
  },
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "keys that root says nothing about sign: an SSH key, an authority's certificate, and one key in each format",
    async run(world) {
      await world.allowed(await signedBy(world, world.bob, [world.bob], new Map()));
      const ca = await world.world.person("good-authority");
      const holder = await certifiedBy(world.world, ca, "good-holder", "bob");
      await world.allowed(await signedBy(world, holder, [ca], new Map([[ca, 'authority = ["bob"]']])));
      for (const kind of ["ed25519", "rsa", "ecdsa"] as const) {
        const { openpgp, ssh } = keyPair(`both-${kind}`, kind);
        for (const signer of [openpgp, ssh])
          await world.allowed(await signedBy(world, signer, [openpgp, ssh], new Map()));
      }
    },
  },
  {
    name: "a retired key counts up to where it was retired, in each format",
    async run(world) {
      const pair = keyPair("retired-well", "ed25519");
      for (const signer of [pair.openpgp, pair.ssh]) {
        const told = await signedBy(world, signer, [pair.openpgp, pair.ssh], new Map());
        const life = new Map([[pair.openpgp, `retired = { after = "${told.first}" }`]]);
        await world.allowed({ ...told, policy: { ...told.policy, life } });
      }
    },
  },
  {
    name: "one authority for two people, each by their own name",
    async run(world) {
      const ca = await world.world.person("shared-authority");
      const copy = { ...ca, keyFile: "keys/shared-again.pub" };
      const people = { alice: [world.alice, ca], bob: [world.bob, copy] };
      const life = new Map([
        [ca, 'authority = ["alice"]'],
        [copy as Person, 'authority = ["bob"]'],
      ]);
      expect(await defects({ people, roles: { root: ["alice"], writer: ["alice", "bob"] }, life })).toEqual(
        [],
      );
    },
  },
];

export const keysAndEvents: GitTheme<HistoryWorld> = {
  title: "Keys and what became of them",
  by: "a person who has a key that is not theirs any more",
  guard: "trust/policy/keys.ts, trust/history/standing.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
