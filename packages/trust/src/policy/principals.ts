/**
 * The principals: names, operators, keys. People count, keys do not; so no key may stand for two principals, in
 * whichever format each lists it, or one person could meet a threshold of two.
 */
import { encodeHex } from "@firstmile/formats/bytes/text";
import { isAddress } from "@firstmile/formats/git/address";
import type { KeyMaterial } from "@firstmile/formats/openpgp/public-key";
import type { SshPublicKey } from "@firstmile/formats/ssh/public-key";
import { checkShape } from "./check.ts";
import type { DefectList, Position } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { MAX_NAMED } from "./groups.ts";
import { authorityNumbers } from "./key-parts.ts";
import type { KeyReader } from "./keys.ts";
import { isName, NAME_RULE, type Operator, type PrincipalName } from "./names.ts";
import { quoted } from "./nearest.ts";
import type { Key, Principal } from "./policy.ts";
import { principalShape } from "./shape.ts";

export interface ReadPrincipals {
  readonly principals: Map<PrincipalName, Principal>;
  /** Those with a defect as well, so that a role that names one is not refused on top. */
  readonly names: ReadonlySet<string>;
}

export function readPrincipals(
  table: Node | undefined,
  keys: KeyReader,
  defects: DefectList,
): ReadPrincipals {
  const list = entries(table);
  if (list.length > MAX_NAMED) {
    const help = "keep in the policy only who is in a role";
    defects.add(table!.keyAt, "too-large", `there are ${list.length} principals, over ${MAX_NAMED}`, help);
  }
  const principals = new Map<PrincipalName, Principal>();
  const owners = new KeyOwners(defects);
  for (const [name, node] of list.slice(0, MAX_NAMED)) {
    const principal = readPrincipal(name, node, keys, owners, defects);
    if (principal) principals.set(principal.name, principal);
  }
  checkOperators(principals, table, defects);
  return { principals, names: new Set(list.map(([name]) => name)) };
}

function readPrincipal(
  name: string,
  node: Node,
  reader: KeyReader,
  owners: KeyOwners,
  defects: DefectList,
): Principal | undefined {
  if (!isName(name)) defects.add(node.keyAt, "bad-name", `${quoted(name)} is no principal's name`, NAME_RULE);
  const shape = checkShape(principalShape, node, "principal", defects);
  if (!shape) return undefined;
  const operator = shape.operator ?? name;
  if (shape.operator !== undefined && !isName(operator)) {
    const at = child(node, "operator")!.at;
    defects.add(at, "bad-name", `${quoted(operator)} is no operator's name`, NAME_RULE);
  }
  const list = child(node, "keys")!;
  if (shape.keys.length === 0) {
    const help = `add keys = ["keys/${name}.asc"], or remove the principal`;
    defects.add(list.at, "principal-without-keys", `${quoted(name)} has no keys, so could never sign`, help);
  }
  const keys = shape.keys.flatMap((entry, i) => {
    const entryNode = child(list, i)!;
    const found = reader.read(entry, entryNode);
    for (const key of found) owners.claim(key, name, entryNode.at);
    return found;
  });
  const emails = [shape.email ?? []].flat();
  emails.forEach((email, i) => {
    const list = child(node, "email")!;
    const { at } = child(list, i) ?? list;
    if (isAddress(email)) owners.claimEmail(email, name, list.at);
    else defects.add(at, "bad-value", `${quoted(email)} is not an e-mail address`, EMAIL_HELP);
  });
  return { name: name as PrincipalName, emails, operator: operator as Operator, keys };
}

const EMAIL_HELP =
  'write the bare address that commits have between "<" and ">": email = "alice@example.org"; several in a list';

/** A principal is its own operator unless it says otherwise: another may use that name only to mean the same one. */
function checkOperators(
  principals: ReadonlyMap<PrincipalName, Principal>,
  table: Node | undefined,
  defects: DefectList,
): void {
  for (const { name, operator } of principals.values()) {
    const namesake = principals.get(operator as string as PrincipalName);
    if (!namesake || namesake.operator === operator) continue;
    const at = child(child(table!, name)!, "operator")!.at;
    const problem = `the operator ${quoted(operator)} is also a principal, whose own operator is ${quoted(namesake.operator)}`;
    const help = `write operator = ${quoted(namesake.operator)} if they are run by the same people, or another name`;
    defects.add(at, "ambiguous-operator", problem, help);
  }
}

/** Whose each key is: by the numbers in it, so that one key in two formats is still one key. */
class KeyOwners {
  readonly #defects: DefectList;
  readonly #owners = new Map<string, string>();
  /** Whom each authority certifies, by its numbers. */
  readonly #certified = new Map<string, Set<string>>();
  readonly #emails = new Map<string, string>();

  constructor(defects: DefectList) {
    this.#defects = defects;
  }

  claim(key: Key, name: string, at: Position): void {
    for (const identity of new Set(identities(key))) {
      const owner = this.#owners.get(identity);
      if (owner === undefined) this.#owners.set(identity, name);
      else this.#report(identity, owner, name, at);
    }
    this.#claimAuthority(key, name, at);
  }

  /** The holder of an authority's key can sign for everybody whom it certifies: it may be the own key of no other. */
  #claimAuthority(key: Key, name: string, at: Position): void {
    const authority = authorityNumbers(key);
    if (authority !== undefined) {
      this.#certified.set(authority, (this.#certified.get(authority) ?? new Set()).add(name));
      const owner = this.#owners.get(authority);
      if (owner !== undefined && owner !== name) this.#reportAuthority(owner, name, at);
      return;
    }
    const served = identities(key).flatMap((id) => [...(this.#certified.get(id) ?? [])]);
    const other = served.find((one) => one !== name);
    if (other !== undefined) this.#reportAuthority(name, other, at);
  }

  #reportAuthority(owner: string, certified: string, at: Position): void {
    const problem = `${quoted(owner)} signs with this key, and it is an authority for ${quoted(certified)}: one person would count as two`;
    const help = `make another key for the authority, or remove one of the two entries`;
    this.#defects.add(at, "duplicate-key", problem, help);
  }

  /** Commits name their author by address: one of two people would pass for not having written what they wrote. */
  claimEmail(email: string, name: string, at: Position): void {
    const address = email.toLowerCase();
    const owner = this.#emails.get(address);
    if (owner === undefined) this.#emails.set(address, name);
    if (owner === undefined || owner === name) return;
    const problem = `${quoted(email)} is an address of ${quoted(owner)} already`;
    this.#defects.add(at, "duplicate-email", problem, "give each address to the one person who uses it");
  }

  #report(identity: string, owner: string, name: string, at: Position): void {
    if (identity.startsWith("nix-name:")) {
      const problem = `another key is called ${quoted(identity.slice("nix-name:".length))}: Nix could not tell them apart`;
      this.#defects.add(
        at,
        "duplicate-key-name",
        problem,
        "remove one, or have it made again under another name",
      );
    } else if (owner === name) {
      // One person's key may well be listed in two formats.
      if (!/^(?:nix|ssh|openpgp|sigstore|ssh-authority|minisign|signify):/.test(identity)) return;
      const problem = `${quoted(name)} lists this key twice`;
      this.#defects.add(at, "duplicate-key", problem, "remove one: keys do not count, people do");
    } else {
      const problem = `${quoted(owner)} has listed this key already: one person would count as two`;
      this.#defects.add(
        at,
        "duplicate-key",
        problem,
        `remove it from ${quoted(owner)} or from ${quoted(name)}`,
      );
    }
  }
}

/**
 * The key as it is listed first, then every number in it that signatures are checked against. What an authority or a
 * Sigstore instance vouches for is told apart by the name vouched for.
 */
export function identities(key: Key): string[] {
  if (key.kind === "nix") {
    const point = encodeHex(key.key);
    return [`nix:${point}`, `nix-name:${key.name}`, `ed25519:${point}`];
  }
  if ("number" in key) {
    const point = encodeHex(key.key);
    return [`${key.kind}:${key.number}${point}`, `ed25519:${point}`];
  }
  if (key.kind === "ssh-authority") {
    return key.certifiedAs.map((name) => `ssh-authority:${encodeHex(key.key.blob)} ${name}`);
  }
  if (key.kind === "sigstore") return [`sigstore:${key.issuer} ${key.identity}`];
  if (key.kind === "ssh") return [`ssh:${encodeHex(key.key.blob)}`, sshNumbers(key.key)];
  // With a subkey in two certificates, one signature would be by two principals. Whether it is bound does not matter.
  const { primary, subkeys } = key.certificate;
  const keys = [primary, ...subkeys.map((subkey) => subkey.key)];
  const known = keys.map(({ material }) => materialNumbers(material)).filter((text) => text !== undefined);
  return [`openpgp:${primary.fingerprint}`, ...known];
}

function sshNumbers(key: SshPublicKey): string {
  if ("publicKey" in key) return `ed25519:${encodeHex(key.publicKey)}`;
  return "point" in key ? `ecdsa:${encodeHex(key.point)}` : `rsa:${encodeHex(key.n)}`;
}

function materialNumbers(material: KeyMaterial): string | undefined {
  if (material.kind === "unsupported") return undefined;
  return `${material.kind}:${encodeHex(material.kind === "rsa" ? material.n : material.point)}`;
}
