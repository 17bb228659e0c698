/** Cases about the life of the key that signed, by its own certificate: expiry, revocation, subkeys, its purpose. */
import { forgeKey, keyExpiry, MADE, subpacket } from "../../packages/trust/test/openpgp/forge.ts";
import type { Cast, HistoryCase } from "./history-vector-case.ts";
import { forged } from "./history-vector-forged.ts";
import { type Odd, oddCase } from "./history-vector-odd.ts";
import { BEGINNING, DAY, type Person, WORLD_NOW } from "./world.ts";

/** gpg dates a revocation by the machine's clock. */
const IN_2027 = WORLD_NOW + 730 * DAY;

const LIFE: Odd[] = [
  {
    name: "expired-key",
    group: "key life",
    claim: "a key that has run out by now, whenever its signature claims to be from",
    code: "expired-key",
    options: { expires: "30d" },
    needs: ["key-life"],
  },
  {
    name: "key-before-its-expiry",
    group: "key life",
    claim: "the same signature is good on a day on which the key has not run out",
    options: { expires: "30d" },
    now: BEGINNING + 29 * DAY,
    needs: ["key-life", "told-time"],
  },
  {
    name: "expired-signature",
    kind: "openpgp-rsa",
    group: "key life",
    claim: "a signature that itself says it has run out",
    code: "expired-signature",
    signing: { gpg: ["--default-sig-expire", "2d"] },
    needs: ["key-life"],
  },
  {
    name: "signature-before-its-expiry",
    kind: "openpgp-rsa",
    group: "key life",
    claim: "a signature that will run out and has not yet",
    signing: { gpg: ["--default-sig-expire", "2d"] },
    now: BEGINNING + DAY,
    needs: ["key-life", "told-time"],
  },
  {
    name: "revoked-key",
    group: "key life",
    claim: "a key that its owner withdrew, without saying that it was not stolen",
    code: "revoked-key",
    by: revoked,
    now: IN_2027,
    needs: ["key-life"],
  },
  {
    name: "revoked-hard-backdated",
    group: "key life",
    claim: "a stolen key signs with a date from before it was withdrawn as compromised",
    code: "revoked-key",
    by: async () => withRevocation("bob-hard", 2),
    needs: ["key-life"],
  },
  {
    name: "revoked-soft",
    group: "key life",
    claim: "a key that its owner gave up for another one counts no longer unless root says so",
    code: "revoked-key",
    by: async () => withRevocation("bob-soft", 3),
    needs: ["key-life"],
  },
  {
    name: "subkey-signs",
    group: "key life",
    claim: "a signing subkey that its primary key is bound to, both ways, is its owner's",
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const person = forged("bob-subkey", { primary, flags: 1, subkeys: [{ key: sub }] }, {}, sub);
      return { ...person, signingFingerprint: sub.fingerprint };
    },
  },
  {
    name: "subkey-revoked",
    group: "key life",
    claim: "a subkey that was withdrawn from a certificate that is good otherwise",
    code: "revoked-key",
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const revocations = [{ created: MADE + 2 * DAY }];
      return forged("bob-subkey-revoked", { primary, subkeys: [{ key: sub, revocations }] }, {}, sub);
    },
    needs: ["key-life"],
  },
  {
    name: "subkey-expired",
    group: "key life",
    claim: "a subkey that has run out by now, of a certificate that has not",
    code: "expired-key",
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const options = { hashed: [keyExpiry(30 * DAY)] };
      return forged("bob-subkey-expired", { primary, subkeys: [{ key: sub, options }] }, {}, sub);
    },
    needs: ["key-life"],
  },
  {
    name: "subkey-replaced",
    group: "key life",
    claim: "a new subkey beside one that was withdrawn",
    by: async () => {
      const [primary, old, sub] = [
        forgeKey("ed25519-legacy"),
        forgeKey("ed25519-legacy"),
        forgeKey("ed25519-legacy"),
      ];
      const subkeys = [{ key: old, revocations: [{ created: MADE + 2 * DAY }] }, { key: sub }];
      const person = forged("bob-subkey-replaced", { primary, subkeys }, {}, sub);
      return { ...person, signingFingerprint: sub.fingerprint };
    },
    needs: ["key-life"],
  },
  {
    name: "subkey-without-back-signature",
    group: "key life",
    claim: "a subkey that never agreed to belong to this certificate: somebody else's key adopted",
    code: "not-a-signing-key",
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      return forged("bob-adopted", { primary, subkeys: [{ key: sub, back: null }] }, {}, sub);
    },
  },
  {
    name: "certify-only-key",
    group: "key life",
    claim: "a key that says it certifies and does not sign",
    code: "not-a-signing-key",
    by: async () => forged("bob-certifier", { primary: forgeKey("ed25519-legacy"), flags: 1 }),
  },
  {
    name: "encrypt-only-subkey",
    group: "key life",
    claim: "a subkey for encryption signs",
    code: "not-a-signing-key",
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      return forged("bob-encrypter", { primary, subkeys: [{ key: sub, flags: 12 }] }, {}, sub);
    },
  },
];

async function revoked(cast: Cast): Promise<Person> {
  const bob = await cast.person("bob-revoked");
  // Nobody signs with a key that is withdrawn: it is when its certificate is asked for.
  const withdrawn = async () => {
    await bob.revoke();
    return bob.publicKey();
  };
  return { ...bob, publicKey: withdrawn };
}

function withRevocation(name: string, reason: number): Person {
  const primary = forgeKey("ed25519-legacy");
  const revocations = [{ created: MADE + 2 * DAY, hashed: [subpacket(29, Buffer.of(reason))] }];
  return forged(name, { primary, revocations });
}

export const LIFE_CASES: readonly HistoryCase[] = LIFE.map(oddCase);
