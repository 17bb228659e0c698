/**
 * OpenPGP certificates. They hold what others say of a key, and what its owner said at several times, and hash functions
 * that are broken. What must hold: who is certified is as GnuPG has it by default; and what an owner said last is not
 * passed over in silence because it is too weak to count.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { authenticateHistory } from "@firstmile/local/evidence/history";
import { chooseSource } from "@firstmile/local/evidence/sources";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { expect } from "vitest";
import { certify, forgeCandidate } from "../../packages/trust/test/openpgp/certify.ts";
import {
  DAY,
  type ForgedKey,
  type ForgedSubkey,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  keyExpiry,
  keyFlags,
  MADE,
  packet,
  type SignatureOptions,
} from "../../packages/trust/test/openpgp/forge.ts";
import { armoredSignature } from "../src/history-vector-case.ts";
import { forged } from "../src/history-vector-forged.ts";
import { type Person, type PolicySpec, WORLD_NOW } from "../src/world.ts";
import { policyFiles } from "../src/world-policy.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld, whatFor } from "./history-world.ts";

const PERSONA = "A certification that says nothing was checked counts for nothing, as in GnuPG by default.";
const LATER =
  "What the owner said last is not passed over without a word because of its hash: the key does not count, or the verdict says so.";
const LINE = "A co-signature is over the id and a line break alone.";

/** Bob is who is certified by two of these masters in this way, and signs a commit. */
async function certified(
  world: HistoryWorld,
  kinds: readonly [SignatureOptions, SignatureOptions],
): Promise<HistoryVerdict> {
  const masters = kinds.map((_, i) => ({ key: forgeKey("ed25519-legacy"), name: `master${i}` }));
  const bob = forgeKey("ed25519-legacy");
  const text = "Bob <bob@example.org>";
  const others = masters.map(({ key }, i) => certify(key, bob, text, kinds[i]));
  const ring = forgeCandidate({ key: bob, userIds: [{ text, others }] });
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  await repository.commit({ by: forged("bob", { primary: bob }), files: { a: "2\n" } });
  const group =
    '{ any = 1, of = ["alice"], certified = { by = "masters", any = 2, keyring = "keys/ring.gpg" } }';
  const people = [world.alice, ...masters.map(({ key, name }) => forged(name, { primary: key }))];
  const spec: PolicySpec = {
    people,
    roles: { root: [world.alice], writer: [world.alice], masters: { any: 2, of: people.slice(1) } },
    sources: {
      pkgs: { introduction, signedBy: "writer", rules: [{ paths: ["**"], more: `write = ${group}` }] },
    },
  };
  const files = await policyFiles(spec);
  files.set("keys/ring.gpg", ring);
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  const { policy } = loaded;
  const { dir } = repository;
  return authenticateHistory({
    repository: dir,
    tip: repository.tip(),
    policy,
    source: await chooseSource(policy, dir, "pkgs"),
    now: WORLD_NOW,
    cacheDir: undefined,
  });
}

function notElected(
  number: number,
  name: string,
  kinds: readonly [SignatureOptions, SignatureOptions],
): Attack<HistoryWorld> {
  return {
    number,
    name,
    by: "a person whom masters certified without looking",
    held: PERSONA,
    async run(world) {
      const verdict = await certified(world, kinds);
      expect([verdict.allowed, whatFor(verdict)]).toEqual([
        false,
        expect.stringMatching(/^(?:unknown-key|not-in-role)$/),
      ]);
    },
  };
}

/** Bob's certificate has these bytes, and this key of it signs. */
async function signedWith(world: HistoryWorld, certificate: Buffer, primary: ForgedKey, signer: ForgedKey) {
  const bob: Person = { ...forged("bob", { primary }, {}, signer), publicKey: async () => certificate };
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  await repository.commit({ by: bob, files: { a: "2\n" } });
  const people = [world.alice, bob];
  return { repository, policy: { people, sources: { pkgs: { introduction } } } satisfies PolicySpec };
}

/** Denied, or allowed with a word on why the newer statement does not count; or the rules do not load. */
async function notSilent(
  world: HistoryWorld,
  question: Awaited<ReturnType<typeof signedWith>>,
): Promise<void> {
  const files = await policyFiles(question.policy);
  if (!loadPolicy(files).ok) return;
  const verdict = await world.world.verify(question);
  const told = !verdict.allowed || /SHA-1|MD5|weak/i.test(JSON.stringify(verdict));
  expect([verdict.allowed, told]).toEqual([verdict.allowed, true]);
}

/** The binding signature of a subkey alone. */
function binding(primary: ForgedKey, subkey: ForgedSubkey): Buffer {
  const before = forgeCertificate({ primary }).length + packet(14, subkey.key.body).length;
  return forgeCertificate({ primary, subkeys: [subkey] }).subarray(before);
}

function weaker(
  number: number,
  name: string,
  make: (primary: ForgedKey, subkey: ForgedKey) => { certificate: Buffer; signer?: "subkey" },
): Attack<HistoryWorld> {
  return {
    number,
    name,
    by: "a person who holds what the owner took out of use",
    held: LATER,
    guard: "trust/openpgp/self-signature.ts",
    async run(world) {
      const [primary, subkey] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const { certificate, signer } = make(primary, subkey);
      await notSilent(
        world,
        await signedWith(world, certificate, primary, signer === "subkey" ? subkey : primary),
      );
    },
  };
}

/** The owner's user ID once more, certified by them in another way. */
function selfAgain(primary: ForgedKey, options: SignatureOptions, flags = 3): Buffer {
  const text = "Alice <alice@example.org>";
  return certify(primary, primary, text, {
    type: 0x13,
    ...options,
    hashed: [keyFlags(flags), ...(options.hashed ?? [])],
  });
}

const NEWER = { created: MADE + 20 * DAY };

const attacks: readonly Attack<HistoryWorld>[] = [
  notElected(257, "a certification of class 0x11 beside an ordinary one, where two are asked for", [
    { type: 0x10 },
    { type: 0x11 },
  ]),
  notElected(258, "two certifications of class 0x11", [{ type: 0x11 }, { type: 0x11 }]),
  notElected(259, "a careful certification beside one of class 0x11 that is newer", [
    { type: 0x13 },
    { type: 0x11, ...NEWER },
  ]),
  weaker(260, "a newer binding over SHA-1 takes the right to sign from a subkey", (primary, key) => ({
    certificate: Buffer.concat([
      forgeCertificate({ primary, subkeys: [{ key }] }),
      binding(primary, { key, flags: 12, back: null, options: { hash: "sha1", ...NEWER } }),
    ]),
    signer: "subkey",
  })),
  weaker(261, "a newer binding over MD5 lets a subkey run out", (primary, key) => ({
    certificate: Buffer.concat([
      forgeCertificate({ primary, subkeys: [{ key }] }),
      binding(primary, { key, options: { hash: "md5", hashed: [keyExpiry(30 * DAY)], ...NEWER } }),
    ]),
    signer: "subkey",
  })),
  weaker(262, "a revocation of the key over MD5", (primary) => ({
    certificate: forgeCertificate({ primary, revocations: [{ hash: "md5", ...NEWER }] }),
  })),
  weaker(263, "a revocation of a subkey over MD5", (primary, key) => ({
    certificate: forgeCertificate({ primary, subkeys: [{ key, revocations: [{ hash: "md5", ...NEWER }] }] }),
    signer: "subkey",
  })),
  weaker(264, "a newer self-signature over RIPEMD-160 lets the key run out", (primary) => ({
    certificate: Buffer.concat([
      forgeCertificate({ primary }),
      selfAgain(primary, { hash: "ripemd160", hashed: [keyExpiry(30 * DAY)], ...NEWER }),
    ]),
  })),
  weaker(265, "a newer self-signature over MD5 takes the right to sign away", (primary) => ({
    certificate: Buffer.concat([
      forgeCertificate({ primary }),
      selfAgain(primary, { hash: "md5", ...NEWER }, 1),
    ]),
  })),
  {
    number: 266,
    name: "a revocation over SHA-1, which could have been moved here by a collision",
    by: "a person who holds a withdrawn key",
    held: "A revocation only takes away: over SHA-1 it counts.",
    guard: "trust/openpgp/self-signature.ts",
    async run(world) {
      const primary = forgeKey("ed25519-legacy");
      const certificate = forgeCertificate({ primary, revocations: [{ hash: "sha1", ...NEWER }] });
      await world.denied(await signedWith(world, certificate, primary, primary), /^revoked-key$/);
    },
  },
  ...(
    [
      [267, "an OpenPGP co-signature over the id without its line break", (id: CommitId) => id, 0],
      [268, "one over the id and two line breaks", (id: CommitId) => `${id}\n\n`, 0],
      [
        269,
        "one over the id and a carriage return, as a text signature has it",
        (id: CommitId) => `${id}\r\n`,
        1,
      ],
    ] as const
  ).map(
    ([number, name, text, type]): Attack<HistoryWorld> => ({
      number,
      name,
      by: "a person who can have another one sign a short text",
      held: LINE,
      guard: "trust/signature/cosignature.ts",
      async run(world) {
        const told = await cosignable(world);
        await told.cosign(text(told.unsigned), type);
        await world.denied(told, /^unsigned$/, told.unsigned);
      },
    }),
  ),
];

/** An unsigned commit by alice, to which bob's OpenPGP key may say yes. */
async function cosignable(world: HistoryWorld) {
  const primary = forgeKey("ed25519-legacy");
  const bob = forged("bob", { primary });
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const unsigned = await repository.commit({ files: { a: "2\n" } });
  const policy = { people: [world.alice, bob], sources: { pkgs: { introduction } } } satisfies PolicySpec;
  const cosign = async (over: string, type: number) => {
    const packet = forgeSignature(primary, Buffer.from(over), { type, created: MADE + DAY });
    const sign = async () => Buffer.from(armoredSignature(packet));
    await repository.cosign(unsigned, { ...bob, sign });
  };
  return { repository, policy, unsigned, cosign };
}

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "two ordinary certifications elect, and two careful ones",
    async run(world) {
      expect((await certified(world, [{ type: 0x10 }, { type: 0x12 }])).allowed).toBe(true);
      expect((await certified(world, [{ type: 0x13 }, { type: 0x13 }])).allowed).toBe(true);
    },
  },
  {
    name: "a key and a subkey sign, and newer statements over SHA-512 are followed",
    async run(world) {
      const [primary, key] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const whole = forgeCertificate({ primary, subkeys: [{ key }] });
      await world.allowed(await signedWith(world, whole, primary, primary));
      await world.allowed(await signedWith(world, whole, primary, key));
      const taken = Buffer.concat([whole, binding(primary, { key, flags: 12, back: null, options: NEWER })]);
      await world.denied(await signedWith(world, taken, primary, key), /^not-a-signing-key$/);
    },
  },
  {
    name: "an OpenPGP co-signature over the id and a line break counts",
    async run(world) {
      const told = await cosignable(world);
      await told.cosign(`${told.unsigned}\n`, 0);
      await world.allowed(told);
    },
  },
];

export const openPgpCertificates: GitTheme<HistoryWorld> = {
  title: "OpenPGP certificates",
  by: "a person with a key of an odd past",
  guard: "trust/openpgp",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
