import type { PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Group, KeyEvent } from "@firstmile/trust/policy/policy";
import { meets } from "@firstmile/trust/policy/thresholds";
import { describe, expect, test } from "vitest";
import { MAX_CHECKS_OF_ONE } from "../../src/openpgp/certification.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import { certificationReasons, electorateAt } from "../../src/policy/electorate.ts";
import { identitiesOf, peopleBehind } from "../../src/signature/identities.ts";
import { certify, type ForgedUserId, forgeCandidate } from "../openpgp/certify.ts";
import {
  DAY,
  type ForgedKey,
  forgeKey,
  forgeSignature,
  keyExpiry,
  MADE,
  NOW,
  revocationReason,
  signatureExpiry,
} from "../openpgp/forge.ts";

import {
  anna,
  ben,
  byMasters,
  certified,
  cleo,
  dora,
  emil,
  from,
  joined,
  type Listed,
  members,
  membersOf,
  packagers,
  parse,
  person,
  plain,
  policy,
  role,
  seeded,
  spare,
  threeMasters,
  whyNot,
} from "./electorates.ts";

describe("who is in", () => {
  test("a policy without certified members comes back as it is", () => {
    const one = policy(threeMasters, { packager: byMasters(1) });
    expect(electorateAt(one, NOW).policy).toBe(one);
    expect(certificationReasons(one, NOW)).toEqual([]);
  });

  test("whoever enough people certified, and nobody else", () => {
    const ring = [
      certified(dora, "Dora <dora@example.org>", [anna, ben]),
      certified(emil, "Emil <emil@example.org>", [anna]),
      certified(spare, "Spare", []),
    ];
    const one = policy(threeMasters, packagers(...ring));
    expect(members(one)).toEqual(joined(dora));
    expect(whyNot(one)).toEqual([[emil.fingerprint, "too-few-certifiers"]]);
    const all = electorateAt(one, NOW).policy.principals;
    expect(all.get(joined(dora)[0] as PrincipalName)).toMatchObject({
      emails: ["dora@example.org"],
      keys: [
        { kind: "openpgp", file: "keys/ring.gpg", life: [], certificate: { fingerprint: dora.fingerprint } },
      ],
    });
    expect(all.size).toBe(4);
    expect(one.principals.size).toBe(3);
  });

  test("certifiers are counted as people: two keys of one are one", () => {
    const two = { ...threeMasters, anna: { certificates: [plain(anna, "Anna"), plain(spare, "Anna")] } };
    const ring = certified(dora, "Dora", [anna, spare]);
    expect(members(policy(two, packagers(ring)))).toEqual([]);
    const more = certified(dora, "Dora", [anna, spare, cleo]);
    expect(members(policy(two, packagers(more)))).toEqual(joined(dora));
  });

  test("the certifiers' group counts as any group does: roles, nested groups, each person once", () => {
    const by: Group = {
      any: 2,
      of: [role("masters"), { kind: "group", group: { any: 1, of: [person("anna"), person("ben")] } }],
    };
    const roles = (ring: Buffer) => ({
      masters: { any: 1, of: [person("anna"), person("cleo")] },
      packager: { any: 1, of: [from(by, ring)] },
    });
    expect(members(policy(threeMasters, roles(certified(dora, "Dora", [anna]))))).toEqual([]);
    expect(members(policy(threeMasters, roles(certified(dora, "Dora", [anna, ben]))))).toEqual(joined(dora));
    expect(members(policy(threeMasters, roles(certified(dora, "Dora", [cleo, ben]))))).toEqual(joined(dora));
  });

  test("certifications of two user IDs do not add up", () => {
    const userIds = [
      { text: "Dora", others: [certify(anna, dora, "Dora")] },
      { text: "D.", others: [certify(ben, dora, "D.")] },
    ];
    const one = policy(threeMasters, packagers(forgeCandidate({ key: dora, userIds })));
    expect(members(one)).toEqual([]);
    expect(whyNot(one)).toEqual([[dora.fingerprint, "too-few-certifiers"]]);
  });

  test.each<[string, Buffer]>([
    ["revoked-key", certified(dora, "Dora", [anna, ben], { key: { revocations: [{}] } })],
    ["expired-key", certified(dora, "Dora", [anna, ben], { user: { self: { hashed: [keyExpiry(DAY)] } } })],
    ["unusable-key", certified(dora, "Dora", [anna, ben], { user: { self: null } })],
    [
      "too-many-certifications",
      certified(dora, "Dora", [
        ...Array.from({ length: MAX_CHECKS_OF_ONE + 1 }, () => ({ ...anna, sign: dora.sign })),
        anna,
        ben,
      ]),
    ],
  ])("%s keeps out, whoever certified", (code, ring) => {
    const one = policy(threeMasters, packagers(ring));
    expect(members(one)).toEqual([]);
    expect(whyNot(one)).toEqual([[dora.fingerprint, code]]);
  });

  test.each<[string, Partial<ForgedUserId>]>([
    ["unclaimed-user-id", { self: null }],
    [
      "revoked-user-id",
      {
        others: [
          certify(dora, dora, "Dora", { type: 0x30, created: NOW - 1 }),
          certify(anna, dora, "Dora"),
          certify(ben, dora, "Dora"),
        ],
      },
    ],
    ["expired-user-id", { self: { hashed: [signatureExpiry(DAY)] } }],
  ])("%s keeps out, whoever certified it", (code, user) => {
    const others = [certify(anna, dora, "Dora"), certify(ben, dora, "Dora")];
    const userIds = [
      { text: "D.", self: { created: MADE + 1 } },
      { text: "Dora", others, ...user },
    ];
    const one = policy(threeMasters, packagers(forgeCandidate({ key: dora, userIds })));
    expect(members(one)).toEqual([]);
    expect(whyNot(one)).toEqual([[dora.fingerprint, code]]);
  });

  test("a certifier whose key root calls retired or compromised certifies nobody; a subkey's fate is its own", () => {
    const ring = certified(dora, "Dora", [anna, ben]);
    const after = { ...threeMasters };
    const withLife = (life: readonly KeyEvent[]) =>
      policy({ ...after, anna: { certificates: [plain(anna, "Anna")], life } }, packagers(ring));
    expect(members(withLife([]))).toEqual(joined(dora));
    expect(members(withLife([{ kind: "retired", key: undefined, after: [] }]))).toEqual([]);
    expect(members(withLife([{ kind: "compromised", key: anna.fingerprint, reason: "stolen" }]))).toEqual([]);
    expect(members(withLife([{ kind: "compromised", key: spare.fingerprint, reason: "stolen" }]))).toEqual(
      joined(dora),
    );
    const [told] = certificationReasons(withLife([{ kind: "retired", key: undefined, after: [] }]), NOW);
    expect(told?.silenced).toMatchObject([{ by: "anna", key: anna.fingerprint }]);
  });

  test("a certifier's revocation in the keyring counts, where the listed copy does not have it", () => {
    const revoked = forgeCandidate({
      key: anna,
      userIds: [{ text: "Anna" }],
      revocations: [{ hashed: [revocationReason(1)] }],
    });
    const ring = certified(dora, "Dora", [anna, ben]);
    expect(members(policy(threeMasters, packagers(ring)))).toEqual(joined(dora));
    expect(members(policy(threeMasters, packagers(ring, revoked)))).toEqual([]);
  });

  test("whoever fills a certified role certifies nobody in turn", () => {
    const ring = [certified(dora, "Dora", [anna, ben]), certified(emil, "Emil", [dora])];
    const roles = {
      ...packagers(...ring),
      friend: { any: 1, of: [from({ any: 1, of: [role("packager")] }, ...ring)] },
    };
    expect(members(policy(threeMasters, roles), "friend")).toEqual([]);
  });
});

describe("people, not keys", () => {
  const DORA = "Dora <dora@example.org>";

  test("a listed principal's certificate is that principal, once", () => {
    const listed = { ...threeMasters, dora: { certificates: [plain(dora, DORA)] } };
    const ring = [certified(dora, DORA, [anna, ben]), certified(emil, "Emil", [anna, ben])];
    const roles = { packager: { any: 1, of: [person("dora"), from(byMasters(2), ...ring)] } };
    const one = policy(listed, roles);
    const { policy: filled } = electorateAt(one, NOW);
    const name = "dora" as PrincipalName;
    expect(membersOf(filled)).toEqual(["dora", ...joined(emil)]);
    expect(filled.principals.get(name)).toBe(one.principals.get(name));
    expect(filled.principals.has(`certified:${dora.fingerprint}` as PrincipalName)).toBe(false);
  });

  test("nobody certifies a key of their own", () => {
    const listed = { ...threeMasters, anna: { certificates: [plain(anna, "Anna"), plain(dora, DORA)] } };
    expect(members(policy(listed, packagers(certified(dora, DORA, [anna, ben]))))).toEqual([]);
    expect(members(policy(listed, packagers(certified(dora, DORA, [ben, cleo]))))).toEqual(["anna"]);
  });

  test("two certified keys with one address are one person, whichever way it is written", () => {
    const ring = [
      certified(dora, DORA, [anna, ben]),
      certified(spare, "D. <DORA@example.org>", [ben, cleo]),
      certified(emil, "Emil", [anna, cleo]),
    ];
    const { policy: filled } = electorateAt(
      policy(threeMasters, { packager: { any: 2, of: [from(byMasters(2), ...ring)] } }),
      NOW,
    );
    expect(membersOf(filled)).toHaveLength(2);
    const { keys, ownerOf } = identitiesOf(filled);
    const message = Buffer.from("content");
    const signers = (...by: readonly ForgedKey[]) =>
      peopleBehind(
        by.map((key) => verifyOpenPgp(forgeSignature(key, message), message, keys.openpgp, NOW)),
        ownerOf,
      );
    expect(signers(dora, spare).size).toBe(1);
    const group = filled.roles.get("packager" as RoleName)!;
    expect(meets(group, signers(dora, spare), filled).met).toBe(false);
    expect(meets(group, signers(dora, emil), filled).met).toBe(true);
    expect(meets(group, signers(spare, emil), filled).met).toBe(true);
  });

  test("an address that nobody certified joins nobody", () => {
    const userIds = [
      { text: "Spare", others: [certify(anna, spare, "Spare"), certify(ben, spare, "Spare")] },
      { text: DORA },
    ];
    const ring = [certified(dora, DORA, [anna, ben]), forgeCandidate({ key: spare, userIds })];
    expect(members(policy(threeMasters, packagers(...ring))).toSorted()).toEqual(joined(dora, spare));
  });

  test("an unlisted key of somebody whom the policy lists does not join: not as another, and not as them", () => {
    const ring = certified(spare, DORA, [anna, ben]);
    const lists: Listed[] = [
      { certificates: [plain(dora, "Dora")], emails: ["Dora@Example.org"] },
      { certificates: parse(certified(dora, DORA, [anna, ben])) },
    ];
    for (const listed of lists) {
      const one = policy(
        { ...threeMasters, dora: listed },
        packagers(ring, certified(dora, DORA, [anna, ben])),
      );
      expect(members(one)).toEqual(["dora"]);
      expect(whyNot(one)).toEqual([[spare.fingerprint, "key-of-listed-principal"]]);
      expect(electorateAt(one, NOW).policy.principals.get("dora" as PrincipalName)).toBe(
        one.principals.get("dora" as PrincipalName),
      );
    }
  });

  test("a listed key under another creation time does not join either", () => {
    const later = forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, 4), created: MADE - DAY });
    const listed = { ...threeMasters, dora: { certificates: [plain(later, "Dora")] } };
    const one = policy(listed, packagers(certified(dora, "Not Dora", [anna, ben])));
    expect(members(one)).toEqual([]);
    expect(whyNot(one)).toEqual([[dora.fingerprint, "key-of-listed-principal"]]);
  });

  test("one key under two creation times is one person's", () => {
    const later = forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, 4), created: MADE - DAY });
    const ring = [certified(dora, "Dora", [anna, ben]), certified(later, "Not Dora", [anna, ben])];
    expect(later.fingerprint).not.toBe(dora.fingerprint);
    expect(members(policy(threeMasters, packagers(...ring)))).toHaveLength(1);
  });

  test("naming another's subkey in one's own certificate makes nobody the same person", () => {
    const laptop = seeded(9);
    const hers = certified(dora, "Dora", [anna, ben], { key: { subkeys: [{ key: laptop }] } });
    const his = (back: object) =>
      certified(emil, "Emil", [anna, ben], { key: { subkeys: [{ key: laptop, ...back }] } });
    expect(members(policy(threeMasters, packagers(hers, his({ back: { over: dora } }))))).toHaveLength(2);
    expect(members(policy(threeMasters, packagers(hers, his({}))))).toHaveLength(1);
  });

  test("the same keyring in two roles gives the same people", () => {
    const ring = [certified(dora, DORA, [anna, ben]), certified(emil, "Emil", [anna, ben])];
    const roles = { ...packagers(...ring), reviewer: { any: 2, of: [from(byMasters(1), ...ring)] } };
    const { policy: filled } = electorateAt(policy(threeMasters, roles), NOW);
    expect(membersOf(filled, "reviewer")).toEqual(membersOf(filled));
    expect(filled.principals.size).toBe(5);
  });

  test("a second key does not get a role that only the first is certified for", () => {
    const ring = [certified(dora, DORA, [anna, ben]), certified(spare, DORA, [cleo])];
    const roles = { ...packagers(...ring), reviewer: { any: 1, of: [from(byMasters(1), ...ring)] } };
    const one = policy(threeMasters, roles);
    expect(members(one)).toEqual(joined(dora));
    expect(members(one, "reviewer")).toEqual(joined(dora));
    expect(whyNot(one)).toContainEqual([spare.fingerprint, "person-in-other-roles"]);
    const keys = electorateAt(one, NOW).policy.principals.get(joined(dora)[0] as PrincipalName)?.keys;
    expect(keys).toHaveLength(1);
  });
});
