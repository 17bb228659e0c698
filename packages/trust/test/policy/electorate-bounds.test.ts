import type { ImportName, PrincipalName, RoleName, SourceName } from "@firstmile/trust/policy/names";
import type { Group, Member, Policy, Source } from "@firstmile/trust/policy/policy";
import { meets } from "@firstmile/trust/policy/thresholds";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { describe, expect, test } from "vitest";
import { hearingOf } from "../../src/hearing/hearing.ts";
import { MAX_CHECKS_OF_ONE } from "../../src/openpgp/certification.ts";
import { MAX_ELECTED } from "../../src/policy/election.ts";
import { certificationReasons, electorateAt } from "../../src/policy/electorate.ts";
import { certify, forgeCandidate } from "../openpgp/certify.ts";
import {
  DAY,
  type ForgedKey,
  forgeKey,
  issuerFingerprint,
  keyExpiry,
  MADE,
  NOW,
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
  members,
  membersOf,
  packagers,
  person,
  plain,
  policy,
  threeMasters,
} from "./electorates.ts";

describe("where", () => {
  const ring = certified(dora, "Dora", [anna, ben]);

  test("roles, groups in groups, rules, reviews; what holds nothing certified stays the same object", () => {
    const listed = byMasters(1);
    const nested: Group = {
      any: 1,
      of: [{ kind: "group", group: { any: 1, of: [from(byMasters(2), ring), person("ben")] } }],
    };
    const named: Group = { any: 1, of: [from(byMasters(2), ring)] };
    const rule = { paths: [], role: undefined, review: undefined, waive: undefined, line: 7 };
    const source: Source = {
      name: "nixpkgs" as SourceName,
      urls: [],
      authenticate: "tip",
      introduction: { commit: "0".repeat(40) as never, signedBy: "root" as RoleName },
      goodlist: new Set(),
      head: undefined,
      channel: undefined,
      arguments: { kind: "none" },
      rules: [
        { ...rule, write: listed },
        { ...rule, write: named, role: "named" as RoleName },
        {
          ...rule,
          write: listed,
          review: { by: nested, role: undefined, mergeIsReview: false, anywhere: false },
        },
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
  ])("%s ends: its end, and from that second on each is heard only against something", (_, one) => {
    expect(until(one)).toBe(days(300));
    expect(membersOf(electorateAt(one, days(300) - 1).policy)).toEqual(joined(dora));
    const { policy: after } = electorateAt(one, days(300));
    expect(membersOf(after)).toEqual([]);
    expect(membersOf(after.past!.written!)).toEqual(joined(dora));
    const spoken = [{ key: dora.fingerprint as Fingerprint, signingKey: dora.fingerprint as Fingerprint }];
    const listened = ({ roles }: Policy) => roles.get("packager" as RoleName);
    expect(hearingOf(after).speakers(spoken, listened)).toEqual([
      { name: joined(dora)[0], doubt: undefined },
    ]);
  });

  test("what ended is heard of former states, too", () => {
    const said = { hashed: [signatureExpiry(300 * DAY)] };
    const before = policy(threeMasters, packagers(certified(dora, "Dora", [anna, ben], { said })));
    const one = { ...policy(threeMasters, {}), past: { former: [before], imports: new Map() } };
    const [former] = electorateAt(one, days(300)).policy.past!.former;
    expect(membersOf(former!)).toEqual(joined(dora));
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
    expect(performance.now() - start).toBeLessThan(90_000);
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
    expect(performance.now() - start).toBeLessThan(90_000);
  });
});
