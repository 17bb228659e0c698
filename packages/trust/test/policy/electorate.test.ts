/** Roles filled by certification: who is in one, who is not and why, and that nobody is in it twice. */
import { type OpenPgpCertificate, parseCertificates } from "@firstmile/formats/openpgp/certificate";
import type {
  ImportName,
  Operator,
  PrincipalName,
  RoleName,
  SourceName,
} from "@firstmile/trust/policy/names";
import type {
  Group,
  Key,
  KeyEvent,
  Member,
  Policy,
  PolicyDigest,
  Source,
} from "@firstmile/trust/policy/policy";
import { meets } from "@firstmile/trust/policy/thresholds";
import { describe, expect, test } from "vitest";
import { MAX_CHECKS_OF_ONE } from "../../src/openpgp/certification.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import { MAX_ELECTED } from "../../src/policy/election.ts";
import { certificationReasons, electorateAt } from "../../src/policy/electorate.ts";
import { identitiesOf, peopleBehind } from "../../src/signature/identities.ts";
import { certify, type ForgedCandidate, type ForgedUserId, forgeCandidate } from "../openpgp/certify.ts";
import {
  DAY,
  type ForgedKey,
  forgeKey,
  forgeSignature,
  issuerFingerprint,
  keyExpiry,
  MADE,
  NOW,
  revocationReason,
  type SignatureOptions,
  signatureExpiry,
} from "../openpgp/forge.ts";

const seeded = (byte: number) => forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, byte) });
const masters = [1, 2, 3].map(seeded);
const [anna, ben, cleo] = masters as [ForgedKey, ForgedKey, ForgedKey];
const [dora, emil, spare] = [seeded(4), seeded(5), seeded(6)];
const parse = (...bytes: readonly Buffer[]) => bytes.flatMap((one) => parseCertificates(one));
const plain = (key: ForgedKey, text: string, more: Partial<ForgedCandidate> = {}) =>
  parse(forgeCandidate({ key, userIds: [{ text }], ...more }))[0]!;

/** A certificate with one user ID that these certify. */
function certified(
  key: ForgedKey,
  text: string,
  by: readonly ForgedKey[],
  options: { user?: Partial<ForgedUserId>; key?: Partial<ForgedCandidate>; said?: SignatureOptions } = {},
): Buffer {
  const others = by.map((one) => certify(one, key, text, options.said));
  return forgeCandidate({ key, userIds: [{ text, others, ...options.user }], ...options.key });
}

interface Listed {
  readonly certificates: readonly OpenPgpCertificate[];
  readonly emails?: readonly string[];
  readonly life?: readonly KeyEvent[];
}

const threeMasters: Record<string, Listed> = {
  anna: { certificates: [plain(anna, "Anna")] },
  ben: { certificates: [plain(ben, "Ben")] },
  cleo: { certificates: [plain(cleo, "Cleo")] },
};

function policy(
  listed: Record<string, Listed>,
  roles: Record<string, Group>,
  more: Partial<Pick<Policy, "sources">> = {},
): Policy {
  const principals = Object.entries(listed).map(([name, { certificates, emails = [], life = [] }]) => {
    const keys = certificates.map(
      (certificate): Key => ({ kind: "openpgp", file: `keys/${name}`, certificate, life }),
    );
    return [
      name as PrincipalName,
      { name: name as PrincipalName, emails, operator: name as Operator, keys },
    ] as const;
  });
  return {
    name: "test",
    mode: "enforce",
    expires: NOW + 900 * DAY,
    digest: "0".repeat(64) as PolicyDigest,
    principals: new Map(principals),
    roles: new Map(Object.entries(roles).map(([name, group]) => [name as RoleName, group])),
    sources: new Map(),
    imports: new Map(),
    mirrors: [],
    head: undefined,
    output: undefined,
    ...more,
  };
}

const person = (name: string): Member => ({ kind: "principal", name: name as PrincipalName });
const role = (name: string): Member => ({ kind: "role", name: name as RoleName });
const byMasters = (any: number): Group => ({ any, of: ["anna", "ben", "cleo"].map(person) });
const from = (by: Group, ...keyring: readonly Buffer[]): Member => ({
  kind: "certified",
  certified: { by, keyring: "keys/ring.gpg", certificates: parse(...keyring) },
});
const packagers = (...keyring: readonly Buffer[]) => ({
  packager: { any: 1, of: [from(byMasters(2), ...keyring)] },
});

function membersOf(filled: Policy, name = "packager"): string[] {
  return filled.roles.get(name as RoleName)!.of.map((member) => {
    if (member.kind !== "principal") return member.kind;
    return member.name;
  });
}

const joined = (...keys: readonly ForgedKey[]) =>
  keys.map(({ fingerprint }) => `certified:${fingerprint}`).sort();
const members = (one: Policy, name?: string) => membersOf(electorateAt(one, NOW).policy, name);
const whyNot = (one: Policy, now = NOW) =>
  certificationReasons(one, now).flatMap(({ others }) =>
    others.map(({ certificate, code }) => [certificate.fingerprint, code]),
  );

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

describe("where", () => {
  const ring = certified(dora, "Dora", [anna, ben]);

  test("roles, groups in groups, rules, reviews; what holds nothing certified stays the same object", () => {
    const listed = byMasters(1);
    const nested: Group = {
      any: 1,
      of: [{ kind: "group", group: { any: 1, of: [from(byMasters(2), ring), person("ben")] } }],
    };
    const named: Group = { any: 1, of: [from(byMasters(2), ring)] };
    const rule = { paths: [], role: undefined, review: undefined, line: 7 };
    const source: Source = {
      name: "nixpkgs" as SourceName,
      urls: [],
      authenticate: "tip",
      introduction: { commit: "0".repeat(40) as never, signedBy: "root" as RoleName },
      goodlist: new Set(),
      head: undefined,
      rules: [
        { ...rule, write: listed },
        { ...rule, write: named, role: "named" as RoleName },
        { ...rule, write: listed, review: { by: nested, role: undefined, mergeIsReview: false } },
      ],
    };
    const sources = new Map([[source.name, source]]);
    const one = policy(threeMasters, { root: listed, named }, { sources });
    const { policy: filled } = electorateAt(one, NOW);
    const rules = filled.sources.get(source.name)!.rules;
    expect(filled.roles.get("root" as RoleName)).toBe(listed);
    expect(rules[0]).toBe(source.rules[0]);
    expect(rules[1]?.write).toBe(filled.roles.get("named" as RoleName));
    expect(rules[2]?.write).toBe(listed);
    expect(rules[2]?.review?.by.of).toEqual([
      { kind: "group", group: { any: 1, of: [...joined(dora).map(person), person("ben")] } },
    ]);
    expect(certificationReasons(one, NOW).map(({ place }) => place)).toEqual([
      { kind: "role", role: "named" },
      { kind: "rule", source: "nixpkgs", line: 7, part: "review" },
    ]);
  });

  test("imported members stay", () => {
    const imported: Member = { kind: "imported", from: "acme" as ImportName, role: "packager" as RoleName };
    const one = policy(threeMasters, { packager: { any: 1, of: [imported, from(byMasters(2), ring)] } });
    expect(members(one)).toEqual(["imported", ...joined(dora)]);
    const only = policy(threeMasters, { packager: { any: 1, of: [imported] } });
    expect(electorateAt(only, NOW).policy).toBe(only);
  });

  test("reasons say who, with which key, and through whom", () => {
    const one = policy(threeMasters, packagers(ring, certified(emil, "Emil", [cleo])));
    expect(certificationReasons(one, NOW)).toMatchObject([
      {
        place: { kind: "role", role: "packager" },
        code: undefined,
        people: [
          {
            principal: `certified:${dora.fingerprint}`,
            certificates: [
              { fingerprint: dora.fingerprint, userIds: [{ text: "Dora", by: ["anna", "ben"] }] },
            ],
          },
        ],
        others: [{ code: "too-few-certifiers", userIds: [{ text: "Emil", by: ["cleo"], passedOver: [] }] }],
        silenced: [],
      },
    ]);
  });

  test("a certification that was taken back is told as such", () => {
    const taken = certify(ben, dora, "Dora", { type: 0x30, created: NOW - 1 });
    const others = [certify(anna, dora, "Dora"), certify(ben, dora, "Dora"), taken];
    const one = policy(
      threeMasters,
      packagers(forgeCandidate({ key: dora, userIds: [{ text: "Dora", others }] })),
    );
    expect(certificationReasons(one, NOW)[0]?.others[0]?.userIds).toMatchObject([
      { by: ["anna"], passedOver: [{ by: "ben", code: "revoked-certification" }] },
    ]);
  });
});

describe("until when", () => {
  const until = (one: Policy, now = NOW) => electorateAt(one, now).validUntil;
  const days = (n: number) => MADE + n * DAY;

  test("nothing ends: undefined", () => {
    expect(until(policy(threeMasters, packagers(certified(dora, "Dora", [anna, ben]))))).toBeUndefined();
  });

  test.each<[string, Policy]>([
    [
      "a certification",
      policy(
        threeMasters,
        packagers(certified(dora, "Dora", [anna, ben], { said: { hashed: [signatureExpiry(300 * DAY)] } })),
      ),
    ],
    [
      "the key",
      policy(
        threeMasters,
        packagers(
          certified(dora, "Dora", [anna, ben], { user: { self: { hashed: [keyExpiry(300 * DAY)] } } }),
        ),
      ),
    ],
    [
      "the user ID",
      policy(
        threeMasters,
        packagers(
          certified(dora, "Dora", [anna, ben], { user: { self: { hashed: [signatureExpiry(300 * DAY)] } } }),
        ),
      ),
    ],
    [
      "a certifier's key",
      policy(
        {
          ...threeMasters,
          anna: {
            certificates: [
              plain(anna, "Anna", { userIds: [{ text: "Anna", self: { hashed: [keyExpiry(300 * DAY)] } }] }),
            ],
          },
        },
        packagers(certified(dora, "Dora", [anna, ben])),
      ),
    ],
  ])("%s ends: its end, and from that second on nobody is in", (_, one) => {
    expect(until(one)).toBe(days(300));
    expect(membersOf(electorateAt(one, days(300) - 1).policy)).toEqual(joined(dora));
    expect(membersOf(electorateAt(one, days(300)).policy)).toEqual([]);
  });

  test("a certification from the future: when it begins", () => {
    const later = certified(dora, "Dora", [anna, ben], { said: { created: NOW + DAY } });
    const one = policy(threeMasters, packagers(later));
    expect(members(one)).toEqual([]);
    expect(until(one)).toBe(NOW + DAY);
    expect(membersOf(electorateAt(one, NOW + DAY).policy)).toEqual(joined(dora));
  });
});

describe("too much", () => {
  test("more elected than a role may have: nobody is in, and the reason is told", () => {
    const ring = Array.from({ length: MAX_ELECTED + 1 }, () =>
      certified(forgeKey("ed25519-legacy"), "Somebody", [anna]),
    );
    const of = (keyring: readonly Buffer[]) =>
      policy(threeMasters, { packager: { any: 1, of: [from(byMasters(1), ...keyring)] } });
    const start = performance.now();
    expect(members(of(ring.slice(1)))).toHaveLength(MAX_ELECTED);
    expect(members(of(ring))).toEqual([]);
    expect(certificationReasons(of(ring), NOW)).toMatchObject([{ code: "too-many-elected", people: [] }]);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test("a full role is counted in seconds, also where it is not met", () => {
    const ring = Array.from({ length: MAX_ELECTED }, () =>
      certified(forgeKey("ed25519-legacy"), "Somebody", [anna]),
    );
    const { policy: filled } = electorateAt(
      policy(threeMasters, { packager: { any: 3, of: [from(byMasters(1), ...ring)] } }),
      NOW,
    );
    const group = filled.roles.get("packager" as RoleName)!;
    const start = performance.now();
    expect(meets(group, new Set(), filled)).toMatchObject({ met: false, missing: { length: MAX_ELECTED } });
    expect(meets(group, new Set(membersOf(filled).slice(0, 3) as PrincipalName[]), filled).met).toBe(true);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test("more certifications than are looked at in all: nobody is in, and the reason is told", () => {
    const imitation = (key: ForgedKey) =>
      forgeCandidate({
        key,
        userIds: [
          {
            text: "X",
            others: Array.from({ length: MAX_CHECKS_OF_ONE }, () =>
              certify(emil, key, "X", { issuer: [issuerFingerprint(anna)] }),
            ),
          },
        ],
      });
    const ring = Array.from({ length: 41 }, () => imitation(forgeKey("ed25519-legacy")));
    const one = policy(threeMasters, packagers(...ring, certified(dora, "Dora", [anna, ben])));
    const start = performance.now();
    expect(members(one)).toEqual([]);
    expect(certificationReasons(one, NOW)).toMatchObject([{ code: "too-many-certifications" }]);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
