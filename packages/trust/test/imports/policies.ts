/** Policies as values, for tests about what several of them come to together. */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { AuthenticImport, ImportedPolicy } from "@firstmile/trust/imports/imported";
import type { ImportName, Operator, PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type {
  Group,
  Import,
  IntroductionCommit,
  Key,
  KeyEvent,
  Member,
  NixKey,
  Policy,
  PolicyDigest,
  Principal,
  SshKey,
} from "@firstmile/trust/policy/policy";

export const NOW = 1_800_000_000;

/** A member in short: a principal, `@role`, `import/role`, or a group. */
export type Short = string | { readonly any: number; readonly of: readonly Short[] };

export interface Sketch {
  readonly people: Readonly<Record<string, readonly Key[] | Partial<Principal>>>;
  readonly roles?: Readonly<Record<string, Short & object>>;
  readonly imports?: Readonly<Record<string, Partial<Import>>>;
  readonly expires?: number;
}

export function policy(name: string, sketch: Sketch): Policy {
  const people = Object.entries(sketch.people).map(([who, one]): [PrincipalName, Principal] => {
    const given = Array.isArray(one) ? { keys: one as Key[] } : (one as Partial<Principal>);
    const principal = {
      name: who as PrincipalName,
      emails: [],
      operator: who as Operator,
      keys: [],
      ...given,
    };
    return [principal.name, principal];
  });
  const roles = { root: { any: 1, of: [people[0]![0]] }, ...sketch.roles };
  return {
    name,
    mode: "enforce",
    expires: sketch.expires ?? NOW + 1000,
    digest: id(`${name}${JSON.stringify(Object.keys(sketch.people))}`) as string as PolicyDigest,
    principals: new Map(people),
    roles: new Map(Object.entries(roles).map(([role, group]) => [role as RoleName, groupOf(group)])),
    sources: new Map(),
    imports: new Map(
      Object.entries(sketch.imports ?? {}).map(([from, spec]) => [from as ImportName, imported(from, spec)]),
    ),
    mirrors: [],
    head: undefined,
    upstreams: [],
    evidence: [],
    output: undefined,
  };
}

export function groupOf({ any, of }: Short & object): Group {
  return { any, of: of.map(member) };
}

function member(short: Short): Member {
  if (typeof short !== "string") return { kind: "group", group: groupOf(short) };
  if (short.startsWith("@")) return { kind: "role", name: short.slice(1) as RoleName };
  const [from, role] = short.split("/") as [ImportName, RoleName | undefined];
  if (role !== undefined) return { kind: "imported", from, role };
  return { kind: "principal", name: short as PrincipalName };
}

/** Takes `packager`, from an introduction that its name decides, unless told otherwise. */
function imported(name: string, spec: Partial<Import>): Import {
  return {
    name: name as ImportName,
    urls: [`https://${name}.example.org/trust`],
    introduction: { commit: id(name) as string as IntroductionCommit, signedBy: ["SHA256:x"] },
    roles: ["packager" as RoleName],
    transitive: false,
    ...spec,
  };
}

export function had(of: Policy, further: Readonly<Record<string, ImportedPolicy>> = {}): AuthenticImport {
  return { ok: true, commit: id(of.name) as string as CommitId, policy: of, imported: map(further) };
}

export function map(of: Readonly<Record<string, ImportedPolicy>>): Map<ImportName, ImportedPolicy> {
  return new Map(Object.entries(of) as [ImportName, ImportedPolicy][]);
}

export function id(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** An SSH key that its name decides. */
export function ssh(seed: string, more: Partial<SshKey> = {}): SshKey {
  const file = `keys/${seed}.pub`;
  return {
    kind: "ssh",
    file,
    key: parseSshPublicKey(line(seed)),
    touch: false,
    pin: false,
    life: [],
    ...more,
  };
}

function line(seed: string): string {
  const parts = [Buffer.from("ssh-ed25519"), point(seed)].flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  });
  return `ssh-ed25519 ${Buffer.concat(parts).toString("base64")} ${seed}`;
}

/** The same numbers as in `ssh(seed)`. */
export function nix(seed: string, name = `${seed}-1`): NixKey {
  return { kind: "nix", name, key: point(seed) };
}

function point(seed: string): Buffer {
  return createHash("sha256").update(seed).digest();
}

export const compromised = (reason = "stolen"): KeyEvent => ({ kind: "compromised", key: undefined, reason });
export const retired = (commit: string): KeyEvent => ({
  kind: "retired",
  key: undefined,
  after: [commit as IntroductionCommit],
});
