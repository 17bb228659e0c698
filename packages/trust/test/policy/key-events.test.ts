/**
 * What root says of keys. Each kind of key that may carry an event signs; each event is said of it, of the whole entry
 * and by its fingerprint; and each time the verdict on that signature must be another one than without the event. What
 * can have no effect must not load.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Statement } from "@firstmile/formats/statement/statement";
import { builderKeys } from "@firstmile/trust/consensus/agree";
import { authorKeys } from "@firstmile/trust/handoff/author";
import { checkAuthorSignature } from "@firstmile/trust/handoff/author-signature";
import { Standing } from "@firstmile/trust/history/standing";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import type { SignatureOutcome } from "@firstmile/trust/signature/outcome";
import { verifySignature } from "@firstmile/trust/signature/verify";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { describe, expect, test } from "vitest";
import { SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import {
  forgeCertificate,
  forgeKey,
  forgeSignature,
  MADE,
  NOW,
  type ForgedKey as PgpKey,
} from "../openpgp/forge.ts";
import { certificate, publicLine, rsa, type ForgedKey as SshKey, sshsig, string } from "../ssh/forge.ts";

const MESSAGE = Buffer.from("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n");
const OLD = "a".repeat(40) as CommitId;
const NEW = "b".repeat(40) as CommitId;

/** One secret number, as a key of OpenPGP and of SSH. */
class Ed25519 {
  readonly pgp: PgpKey;
  readonly ssh: SshKey;
  readonly point: Buffer;
  readonly #secret: KeyObject;

  constructor(number: number) {
    const seed = Buffer.alloc(32, number);
    this.pgp = forgeKey("ed25519-legacy", { seed });
    const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    this.#secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    this.point = createPublicKey(this.#secret).export({ format: "der", type: "spki" }).subarray(-32);
    const fields = string(this.point);
    const type = "ssh-ed25519";
    const make = (data: Buffer) => Buffer.concat([string(type), string(this.#raw(data))]);
    this.ssh = { type, fields, blob: Buffer.concat([string(type), fields]), sign: make };
  }

  #raw(data: Buffer): Buffer {
    return sign(null, data, this.#secret);
  }

  /** As signify writes it. */
  signify(data: Buffer): Buffer {
    const bytes = Buffer.concat([Buffer.from("Ed"), Buffer.alloc(8, 7), this.#raw(data)]);
    return Buffer.from(`untrusted comment: x\n${bytes.toString("base64")}\n`);
  }

  get nix(): string {
    return `nix:b-1:${this.point.toString("base64")}`;
  }

  get numbered(): string {
    const bytes = Buffer.concat([Buffer.from("Ed"), Buffer.alloc(8, 7), this.point]);
    return `signify:${bytes.toString("base64")}`;
  }
}

const [primary, laptop, phone, spare] = [1, 2, 3, 4].map((seed) => new Ed25519(seed)) as [
  Ed25519,
  Ed25519,
  Ed25519,
  Ed25519,
];
const authority = rsa();
const sigstore = new SigstoreWorld(NOW - 3600);

const FILES = new Map<string, Uint8Array>([
  [
    "keys/bob.pgp",
    forgeCertificate({
      primary: primary.pgp,
      subkeys: [{ key: laptop.pgp }, { key: spare.pgp, flags: 0x20, back: null }],
    }),
  ],
  [
    "keys/certify-only.pgp",
    forgeCertificate({ primary: primary.pgp, flags: 1, subkeys: [{ key: laptop.pgp }] }),
  ],
  ["keys/second.pgp", forgeCertificate({ primary: spare.pgp, subkeys: [{ key: laptop.pgp }] })],
  ["keys/two.pub", Buffer.from(publicLine(phone.ssh) + publicLine(spare.ssh))],
  ["keys/primary.pub", Buffer.from(publicLine(primary.ssh))],
  ["keys/laptop.pub", Buffer.from(publicLine(laptop.ssh))],
  ["keys/spare.pub", Buffer.from(publicLine(spare.ssh))],
  ["keys/phone.pub", Buffer.from(publicLine(phone.ssh))],
  ["keys/ca.pub", Buffer.from(publicLine(authority))],
  ["keys/two-ca.pub", Buffer.from(publicLine(authority) + publicLine(phone.ssh))],
  ["keys/dave.pub", Buffer.from(publicLine(new Ed25519(9).ssh))],
  ["keys/root.json", sigstore.trustedRoot],
]);

type Sign = () => Buffer;
const byPgp = (key: PgpKey): Sign => {
  return () => {
    const text = forgeSignature(key, MESSAGE, { created: MADE + 60 }).toString("base64");
    return Buffer.from(`-----BEGIN PGP SIGNATURE-----\n\n${text}\n-----END PGP SIGNATURE-----\n`);
  };
};
const bySsh = (key: SshKey): Sign => {
  return () => sshsig(key, key.blob, MESSAGE);
};
const byCertificate = (key: SshKey, by: SshKey): Sign => {
  return () => sshsig(key, certificate({ authority: by, key, principals: ["bob"] }), MESSAGE);
};
const bySigstore: Sign = () => {
  const leaf = sigstore.certify({ identity: "bob@example.org" });
  return sigstore.sign(leaf, MESSAGE);
};

const sshName = ({ blob }: SshKey) =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;

/** Rules with bob's keys, and perhaps carol's, or the place of each defect. */
function rules(bob: string, carol = ""): { policy: Policy } | { defects: string[] } {
  const other = carol === "" ? "" : `[principal.carol]\nkeys = [${carol}]\n`;
  const toml = `format = 1\nname = "x"\nexpires = 2090-01-01T00:00:00Z\n[principal.bob]\nkeys = [\n${bob}\n]\n${other}[principal.dave]\nkeys = ["keys/dave.pub"]\n[role]\nroot = { any = 1, of = ["bob", "dave"] }\n`;
  const result = loadPolicy(new Map([...FILES, ["firstmile.toml", Buffer.from(toml)]]));
  if (result.ok) return result;
  return { defects: result.defects.map(({ line, column, code }) => `${line}:${column} ${code}`) };
}

function policyOf(bob: string): Policy {
  const loaded = rules(bob);
  if ("defects" in loaded) throw new Error(loaded.defects.join("\n"));
  return loaded.policy;
}

function defectsOf(bob: string, carol?: string): string[] {
  const loaded = rules(bob, carol);
  return "defects" in loaded ? loaded.defects : [];
}

/** What a signature of bob's comes to over a commit that `OLD` reaches, and over one that it does not. */
function verdicts(bob: string, made: Sign): string[] {
  return verdictsBy(policyOf(bob), made);
}

function verdictsBy(policy: Policy, made: Sign): string[] {
  const identities = identitiesOf(policy);
  const standing = new Standing(identities, (commit, from) => commit === OLD && from.includes(OLD));
  const outcome = verifySignature(made(), MESSAGE, identities.keys, NOW);
  const told = (one: SignatureOutcome) => (one.valid ? identities.ownerOf.get(one.key)! : one.code);
  return [OLD, NEW].map((commit) => told(standing.weigh(outcome, commit)));
}

interface Entry {
  readonly what: string;
  /** The entry but for its events. */
  readonly entry: string;
  readonly signs: Sign;
  /** The fingerprint by which an event may name it; absent: it has none. */
  readonly name?: string;
}

const ENTRIES: readonly Entry[] = [
  {
    what: "an OpenPGP primary key",
    entry: 'file = "keys/bob.pgp"',
    signs: byPgp(primary.pgp),
    name: primary.pgp.fingerprint,
  },
  {
    what: "an OpenPGP subkey",
    entry: 'file = "keys/bob.pgp"',
    signs: byPgp(laptop.pgp),
    name: laptop.pgp.fingerprint,
  },
  {
    what: "an OpenPGP subkey, by its primary key",
    entry: 'file = "keys/bob.pgp"',
    signs: byPgp(laptop.pgp),
    name: primary.pgp.fingerprint,
  },
  {
    what: "a subkey of a primary key that only certifies, by that",
    entry: 'file = "keys/certify-only.pgp"',
    signs: byPgp(laptop.pgp),
    name: primary.pgp.fingerprint,
  },
  {
    what: "an SSH key",
    entry: 'file = "keys/phone.pub"',
    signs: bySsh(phone.ssh),
    name: sshName(phone.ssh),
  },
  {
    what: "one SSH key of two",
    entry: 'file = "keys/two.pub"',
    signs: bySsh(spare.ssh),
    name: sshName(spare.ssh),
  },
  {
    what: "an SSH authority",
    entry: 'file = "keys/ca.pub", authority = ["bob"]',
    signs: byCertificate(laptop.ssh, authority),
    name: sshName(authority),
  },
  {
    what: "one SSH authority of two",
    entry: 'file = "keys/two-ca.pub", authority = ["robert", "bob"]',
    signs: byCertificate(laptop.ssh, phone.ssh),
    name: sshName(phone.ssh),
  },
  {
    what: "a Sigstore identity",
    entry: 'sigstore = "keys/root.json", identity = "bob@example.org", issuer = "https://accounts.example"',
    signs: bySigstore,
  },
];

const KEYED = ENTRIES.filter(({ name }) => name !== undefined);
const EVENTS = [
  {
    event: (key: string) => `compromised = { reason = "stolen"${key} }`,
    gives: ["compromised-key", "compromised-key"],
  },
  { event: (key: string) => `retired = { after = "${OLD}"${key} }`, gives: ["bob", "retired-key"] },
] as const;

describe("an event changes the verdict on a signature by", () => {
  test.each(ENTRIES)("$what", ({ entry, signs, name }) => {
    expect(verdicts(`{ ${entry} }`, signs)).toEqual(["bob", "bob"]);
    for (const { event, gives } of EVENTS) {
      expect(verdicts(`{ ${entry}, ${event("")} }`, signs)).toEqual(gives);
      if (name !== undefined)
        expect(verdicts(`{ ${entry}, ${event(`, key = "${name}"`)} }`, signs)).toEqual(gives);
    }
  });

  test.each(KEYED)("$what, in a list of events", ({ entry, signs, name }) => {
    const other = `retired = [{ after = "${NEW}" }, { after = "${OLD}", key = "${name}" }]`;
    // Where the file holds one key alone, the wider event would decide nothing.
    if ("defects" in rules(`{ ${entry}, ${other} }`)) return;
    expect(verdicts(`{ ${entry}, ${other} }`, signs)).toEqual(["bob", "retired-key"]);
  });
});

test("an event on one key of a file leaves the others alone", () => {
  const subkey = `compromised = { reason = "lost", key = "${laptop.pgp.fingerprint}" }`;
  expect(verdicts(`{ file = "keys/bob.pgp", ${subkey} }`, byPgp(primary.pgp))).toEqual(["bob", "bob"]);
  const one = `compromised = { reason = "lost", key = "${sshName(phone.ssh)}" }`;
  expect(verdicts(`{ file = "keys/two.pub", ${one} }`, bySsh(spare.ssh))).toEqual(["bob", "bob"]);
  const ca = `{ file = "keys/two-ca.pub", authority = ["bob"], ${one} }`;
  expect(verdicts(ca, byCertificate(laptop.ssh, authority))).toEqual(["bob", "bob"]);
});

describe("one key in two listings is one key:", () => {
  const SAID = (key = "") => [EVENTS[0].event(key), EVENTS[1].event(key)] as const;
  const subkey = `, key = "${laptop.pgp.fingerprint}"`;
  const certified = '{ file = "keys/ca.pub", authority = ["bob"] }';
  test.each([
    [
      "OpenPGP, and its SSH export",
      (said: string) => `{ file = "keys/bob.pgp", ${said} }, "keys/primary.pub"`,
      bySsh(primary.ssh),
      "",
    ],
    [
      "SSH, and OpenPGP",
      (said: string) => `"keys/bob.pgp", { file = "keys/primary.pub", ${said} }`,
      byPgp(primary.pgp),
      "",
    ],
    [
      "a subkey, and its SSH export",
      (said: string) => `{ file = "keys/bob.pgp", ${said} }, "keys/laptop.pub"`,
      bySsh(laptop.ssh),
      subkey,
    ],
    [
      "an SSH export, and the subkey",
      (said: string) => `"keys/bob.pgp", { file = "keys/laptop.pub", ${said} }`,
      byPgp(laptop.pgp),
      "",
    ],
    [
      "a subkey in two certificates",
      (said: string) => `{ file = "keys/certify-only.pgp", ${said} }, "keys/second.pgp"`,
      byPgp(laptop.pgp),
      subkey,
    ],
    [
      "the same, the other way round",
      (said: string) => `"keys/second.pgp", { file = "keys/certify-only.pgp", ${said} }`,
      byPgp(laptop.pgp),
      subkey,
    ],
    [
      "a subkey that does not sign, and its SSH export",
      (said: string) => `{ file = "keys/bob.pgp", ${said} }, "keys/spare.pub"`,
      bySsh(spare.ssh),
      `, key = "${spare.pgp.fingerprint}"`,
    ],
    [
      "an SSH key, and a certificate over it",
      (said: string) => `${certified}, { file = "keys/phone.pub", ${said} }`,
      byCertificate(phone.ssh, authority),
      "",
    ],
    [
      "an OpenPGP subkey, and an SSH certificate over it",
      (said: string) => `${certified}, { file = "keys/bob.pgp", ${said} }`,
      byCertificate(laptop.ssh, authority),
      subkey,
    ],
    [
      "an authority, and the same for another name",
      (said: string) => `{ file = "keys/ca.pub", authority = ["x"], ${said} }, ${certified}`,
      byCertificate(laptop.ssh, authority),
      "",
    ],
    [
      "an authority, and the person's own key",
      (said: string) => `{ file = "keys/phone.pub", authority = ["bob"], ${said} }, "keys/phone.pub"`,
      bySsh(phone.ssh),
      "",
    ],
  ] as const)("%s", (_, listing, signs, key) => {
    expect(verdicts(listing("").replace(/, +}/, " }"), signs)).toEqual(["bob", "bob"]);
    const [compromised, retired] = SAID(key);
    expect(verdicts(listing(compromised), signs)).toEqual(EVENTS[0].gives);
    expect(verdicts(listing(retired), signs)).toEqual(EVENTS[1].gives);
  });

  test("a compromised primary key takes its certificate along, whichever listing says so", () => {
    const bob = '"keys/bob.pgp", { file = "keys/primary.pub", compromised = { reason = "stolen" } }';
    expect(verdicts(bob, byPgp(laptop.pgp))).toEqual(EVENTS[0].gives);
  });

  test("two retirements hold both", () => {
    const bob = `{ file = "keys/bob.pgp", retired = { after = "${OLD}" } }, { file = "keys/primary.pub", retired = { after = "${NEW}" } }`;
    for (const signs of [byPgp(primary.pgp), bySsh(primary.ssh)])
      expect(verdicts(bob, signs)).toEqual(["retired-key", "retired-key"]);
  });

  test("a builder's and an author's key", () => {
    const bob = (said: string) => `"${phone.nix}", { file = "keys/phone.pub"${said} }`;
    const author = (said: string) => `"${phone.numbered}", { file = "keys/phone.pub"${said} }`;
    const builds = (said: string) => builderKeys(policyOf(bob(said))).size > 0;
    const releases = (said: string) => {
      const keys = authorKeys(policyOf(author(said)), "bob" as PrincipalName)!;
      const signature = { kind: "signify" as const, bytes: phone.signify(MESSAGE) };
      return checkAuthorSignature(signature, { bytes: MESSAGE }, keys, NOW).ok;
    };
    for (const holds of [builds, releases]) {
      expect(holds("")).toBe(true);
      for (const { event } of EVENTS) expect(holds(`, ${event("")}`)).toBe(false);
    }
  });

  test("a warden's word against a key holds under every name of it", () => {
    const policy = policyOf(`"keys/bob.pgp", "keys/laptop.pub", ${certified}`);
    for (const key of [laptop.pgp.fingerprint, sshName(laptop.ssh)]) {
      const left = distrusting(policy, [key]);
      for (const signs of [byPgp(laptop.pgp), bySsh(laptop.ssh), byCertificate(laptop.ssh, authority)])
        expect(verdictsBy(left, signs)).toEqual(["distrusted", "distrusted"]);
      expect(verdictsBy(left, byPgp(primary.pgp))).toEqual(["bob", "bob"]);
    }
  });
});

describe("an event without effect is a defect:", () => {
  const sig =
    'sigstore = "keys/root.json", identity = "bob@example.org", issuer = "https://accounts.example"';
  test.each([
    [
      "a key that the file does not hold",
      `{ file = "keys/bob.pgp", compromised = { reason = "x", key = "${"A".repeat(40)}" } }`,
      "6:1",
    ],
    ["a key of a Sigstore identity", `{ ${sig}, compromised = { reason = "x", key = "AB" } }`, "6:113"],
    [
      "a subkey that does not sign",
      `{ file = "keys/bob.pgp", compromised = { reason = "x", key = "${spare.pgp.fingerprint}" } }`,
      "6:40",
    ],
    [
      "a second retirement of the key",
      `{ file = "keys/phone.pub", retired = [{ after = "${OLD}" }, { after = "${NEW}" }] }`,
      "6:95",
    ],
    [
      "of a file with one key, and of that key",
      `{ file = "keys/phone.pub", retired = [{ after = "${OLD}" }, { after = "${NEW}", key = "${sshName(phone.ssh)}" }] }`,
      "6:39",
    ],
    [
      "a retirement of what is compromised",
      `{ file = "keys/bob.pgp", compromised = { reason = "x" }, retired = { after = "${OLD}", key = "${laptop.pgp.fingerprint}" } }`,
      "6:68",
    ],
    [
      "a second compromise",
      `{ file = "keys/bob.pgp", compromised = [{ reason = "x" }, { reason = "y", key = "${laptop.pgp.fingerprint}" }] }`,
      "6:59",
    ],
  ])("%s", (_, entry, place) => {
    expect(defectsOf(entry)).toEqual([`${place} impossible-key`]);
  });
});

describe("a key that two people would have is a defect:", () => {
  test.each([
    [
      "own, and an authority for another",
      '"keys/phone.pub"',
      '{ file = "keys/phone.pub", authority = ["carol"] }',
    ],
    [
      "an authority, and another's own",
      '{ file = "keys/phone.pub", authority = ["bob"] }',
      '"keys/phone.pub"',
    ],
    [
      "an OpenPGP subkey, and an authority for another",
      '"keys/bob.pgp"',
      '{ file = "keys/laptop.pub", authority = ["carol"] }',
    ],
    [
      "an authority, and another's OpenPGP subkey",
      '{ file = "keys/laptop.pub", authority = ["bob"] }',
      '"keys/bob.pgp"',
    ],
    [
      "a builder's, and an authority for another",
      `"${phone.nix}"`,
      '{ file = "keys/phone.pub", authority = ["carol"] }',
    ],
    ["OpenPGP, and SSH", '"keys/bob.pgp"', '"keys/laptop.pub"'],
    ["a subkey of two certificates", '"keys/certify-only.pgp"', '"keys/second.pgp"'],
    ["SSH, and Nix", '"keys/phone.pub"', `"${phone.nix}"`],
    ["signify, and SSH", `"${phone.numbered}"`, '"keys/phone.pub"'],
  ])("%s", (_, bob, carol) => {
    expect(defectsOf(bob, carol)).toEqual([expect.stringMatching(/duplicate-key$/)]);
  });

  test("but not one authority for two, nor one's own authority", () => {
    const one = (name: string) => `{ file = "keys/ca.pub", authority = ["${name}"] }`;
    expect(defectsOf(one("bob"), one("carol"))).toEqual([]);
    expect(rules('"keys/phone.pub", { file = "keys/phone.pub", authority = ["bob"] }')).toHaveProperty(
      "policy",
    );
  });
});

function distrusting(policy: Policy, keys: readonly string[]): Policy {
  const roles = new Map(policy.roles).set("warden" as RoleName, policy.roles.get("root" as RoleName)!);
  const rules = { ...policy, roles };
  const statement = { kind: "distrust", because: "bad", targets: [], keys } as unknown as Statement;
  const identities = identitiesOf(rules);
  const outcome = verifySignature(byPgp(primary.pgp)(), MESSAGE, identities.keys, NOW);
  const words = { ok: true, statement, digest: "d", outcomes: [outcome] } as const;
  return new Distrust(rules, [words]).applied(rules);
}
