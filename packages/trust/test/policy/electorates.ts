/** Policies with certified roles, written in a few words. */
import { type OpenPgpCertificate, parseCertificates } from "@firstmile/formats/openpgp/certificate";
import type { Operator, PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Group, Key, KeyEvent, Member, Policy, PolicyDigest } from "@firstmile/trust/policy/policy";
import { certificationReasons, electorateAt } from "../../src/policy/electorate.ts";
import { certify, type ForgedCandidate, type ForgedUserId, forgeCandidate } from "../openpgp/certify.ts";
import { DAY, type ForgedKey, forgeKey, NOW, type SignatureOptions } from "../openpgp/forge.ts";
export const seeded = (byte: number) => forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, byte) });
export const masters = [1, 2, 3].map(seeded);
export const [anna, ben, cleo] = masters as [ForgedKey, ForgedKey, ForgedKey];
export const [dora, emil, spare] = [seeded(4), seeded(5), seeded(6)];
export const parse = (...bytes: readonly Buffer[]) => bytes.flatMap((one) => parseCertificates(one));
export const plain = (key: ForgedKey, text: string, more: Partial<ForgedCandidate> = {}) =>
  parse(forgeCandidate({ key, userIds: [{ text }], ...more }))[0]!;

/** A certificate with one user ID that these certify. */
export function certified(
  key: ForgedKey,
  text: string,
  by: readonly ForgedKey[],
  options: { user?: Partial<ForgedUserId>; key?: Partial<ForgedCandidate>; said?: SignatureOptions } = {},
): Buffer {
  const others = by.map((one) => certify(one, key, text, options.said));
  return forgeCandidate({ key, userIds: [{ text, others, ...options.user }], ...options.key });
}

export interface Listed {
  readonly certificates: readonly OpenPgpCertificate[];
  readonly emails?: readonly string[];
  readonly life?: readonly KeyEvent[];
}

export const threeMasters: Record<string, Listed> = {
  anna: { certificates: [plain(anna, "Anna")] },
  ben: { certificates: [plain(ben, "Ben")] },
  cleo: { certificates: [plain(cleo, "Cleo")] },
};

export function policy(
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
    upstreams: [],
    evidence: [],
    output: undefined,
    ...more,
  };
}

export const person = (name: string): Member => ({ kind: "principal", name: name as PrincipalName });
export const role = (name: string): Member => ({ kind: "role", name: name as RoleName });
export const byMasters = (any: number): Group => ({ any, of: ["anna", "ben", "cleo"].map(person) });
export const from = (by: Group, ...keyring: readonly Buffer[]): Member => ({
  kind: "certified",
  certified: { by, keyring: "keys/ring.gpg", certificates: parse(...keyring) },
});
export const packagers = (...keyring: readonly Buffer[]) => ({
  packager: { any: 1, of: [from(byMasters(2), ...keyring)] },
});

export function membersOf(filled: Policy, name = "packager"): string[] {
  return filled.roles.get(name as RoleName)!.of.map((member) => {
    if (member.kind !== "principal") return member.kind;
    return member.name;
  });
}

export const joined = (...keys: readonly ForgedKey[]) =>
  keys.map(({ fingerprint }) => `certified:${fingerprint}`).sort();
export const members = (one: Policy, name?: string) => membersOf(electorateAt(one, NOW).policy, name);
export const whyNot = (one: Policy, now = NOW) =>
  certificationReasons(one, now).flatMap(({ others }) =>
    others.map(({ certificate, code }) => [certificate.fingerprint, code]),
  );
