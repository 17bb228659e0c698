/** Cases about the one signature of a commit: its form, its algorithm, its key, and the life of that key. */
import { createHash } from "node:crypto";
import {
  forgeCertificate,
  forgeKey,
  forgeSignature,
  MADE,
  subpacket,
} from "../../packages/trust/test/openpgp/forge.ts";
import type { Notion } from "./history-vector.ts";
import {
  anyOf,
  armoredSignature,
  type Cast,
  edit,
  GPGSIG,
  type HistoryCase,
  type Told,
} from "./history-vector-case.ts";
import { BEGINNING, DAY, type Person, type PolicySpec, WORLD_NOW } from "./world.ts";
import type { KeyKind, PersonOptions, Signing } from "./world-people.ts";
import type { CommitSpec } from "./world-repository.ts";

const KINDS = [
  "openpgp-ed25519",
  "openpgp-rsa",
  "openpgp-p256",
  "ssh-ed25519",
  "ssh-ecdsa",
  "ssh-rsa",
  "fido",
] as const satisfies readonly KeyKind[];

/** Alice writes in the same format as whoever signs the odd commit. */
function aliceFor(cast: Cast, kind: KeyKind): Promise<Person> {
  return kind.startsWith("openpgp") ? cast.person("alice") : cast.person("alice-ssh", "ssh-ed25519");
}

function notionsOf(kind: KeyKind): Notion[] {
  return [kind.startsWith("openpgp") ? "openpgp" : "ssh"];
}

interface Odd {
  readonly name: string;
  readonly claim: string;
  readonly kind?: KeyKind;
  readonly group?: string;
  /** Undefined: the odd commit is good. */
  readonly code?: string;
  readonly signing?: Signing;
  readonly tamper?: (object: Buffer) => Buffer;
  /** Whether the policy lists the odd commit's signer. */
  readonly listed?: boolean;
  readonly by?: (cast: Cast) => Promise<Person | undefined>;
  readonly options?: PersonOptions;
  readonly now?: number;
  readonly more?: (signer: Person) => Partial<PolicySpec>;
  readonly commit?: Partial<CommitSpec>;
  readonly needs?: readonly Notion[];
  readonly format?: "sha1" | "sha256";
}

/** One odd commit by bob between alice's. */
function oddCase(odd: Odd): HistoryCase {
  const { kind = "openpgp-ed25519", group = "signatures" } = odd;
  return {
    name: odd.name,
    group,
    claim: odd.claim,
    needs: [...notionsOf(kind), ...(odd.needs ?? [])],
    tell: (cast) => tellOdd(odd, kind, cast),
  };
}

async function tellOdd(odd: Odd, kind: KeyKind, cast: Cast): Promise<Told> {
  const alice = await aliceFor(cast, kind);
  const signer = odd.by ? await odd.by(cast) : await cast.person(`bob-${odd.name}`, kind, odd.options);
  const writers = signer && odd.listed !== false && signer !== alice ? [alice, signer] : [alice];
  const {
    repository,
    introduction,
    odd: suspect,
  } = await cast.story(
    writers,
    {
      ...(signer ? { by: signer } : {}),
      ...(odd.signing ? { signing: odd.signing } : {}),
      ...(odd.tamper ? { tamper: odd.tamper } : {}),
      ...odd.commit,
    },
    odd.format,
  );
  return {
    repository,
    policy: anyOf(introduction, writers, signer ? odd.more?.(signer) : {}),
    denied: odd.code ? [[odd.code, suspect]] : [],
    ...(odd.now === undefined ? {} : { now: odd.now }),
  };
}

const nobody = async () => undefined;

function headerOf(armor: string): (object: Buffer) => Buffer {
  const header = `gpgsig ${armor.trimEnd().replaceAll("\n", "\n ")}`;
  return edit((text) => text.replace("\n\n", `\n${header}\n\n`));
}

/** The signature's bytes, changed, and armored anew. */
function resigned(change: (packet: Buffer) => Buffer): (object: Buffer) => Buffer {
  return edit((text) =>
    text.replace(GPGSIG, (header) => {
      const lines = header
        .replace("gpgsig ", "")
        .split("\n")
        .map((line) => line.replace(/^ /, ""));
      const body = lines.slice(lines.indexOf("") + 1).filter((line) => !/^(?:=|-----)/.test(line));
      return folded(armoredSignature(change(Buffer.from(body.join(""), "base64"))));
    }),
  );
}

function folded(armor: string): string {
  return `gpgsig ${armor.trimEnd().replaceAll("\n", "\n ")}\n`;
}

/** The order of the base point of Ed25519, little-endian. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** S + L in place of S: the same equation, other bytes. */
function plusOrder(packet: Buffer): Buffer {
  // OpenPGP writes the native little-endian string as a number.
  const value = [...packet.subarray(-32)].reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n) + L;
  const out = Buffer.alloc(32);
  for (let i = 0, rest = value; i < 32; i++, rest >>= 8n) out[i] = Number(rest & 255n);
  const changed = Buffer.from(packet);
  out.copy(changed, packet.length - 32);
  const bits = 256 - (Math.clz32(out[0]!) - 24);
  changed.writeUInt16BE(bits, packet.length - 34);
  return changed;
}

/** A person whose OpenPGP key and signatures are put together byte by byte. */
function forged(
  name: string,
  certificate: Parameters<typeof forgeCertificate>[0],
  options: Parameters<typeof forgeSignature>[2] = {},
  signing = certificate.primary,
): Person {
  const bytes = forgeCertificate(certificate);
  return {
    name,
    kind: "openpgp-ed25519",
    fingerprint: certificate.primary.fingerprint,
    keyFile: `keys/${name}.gpg`,
    publicKey: async () => bytes,
    sign: async (message) =>
      Buffer.from(
        armoredSignature(forgeSignature(signing, Buffer.from(message), { created: MADE + DAY, ...options })),
      ),
    gitConfig: {},
    revoke: () => Promise.reject(new Error("a forged key is not withdrawn")),
  };
}

/** Signs what an OpenPGP text signature is over: the text with CR LF for each line end (RFC 9580 section 5.2.1.2). */
function textSigner(): Person {
  const person = forged("bob-text", { primary: forgeKey("ed25519-legacy") }, { type: 1 });
  const canonical = (text: Uint8Array) =>
    Buffer.from(Buffer.from(text).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  return { ...person, sign: (message) => person.sign(canonical(message)) };
}

/** Signs again and again, with another second each time, until the signature's first number has lost a byte. */
function shortNumber(): Person {
  const key = forgeKey("ed25519-legacy");
  const certificate = { primary: key };
  const person = forged("bob-short", certificate);
  return {
    ...person,
    sign: async (message) => {
      for (let i = 0; i < 100_000; i++) {
        const made = forgeSignature(key, Buffer.from(message), { created: MADE + DAY + i });
        if (made.length < FULL_LENGTH) return Buffer.from(armoredSignature(made));
      }
      throw new Error("no short number came up");
    },
  };
}

/** Of a v4 signature by an Ed25519 key as `forgeSignature` frames it, with both numbers whole. */
const FULL_LENGTH = 2 + 4 + 2 + 6 + 23 + 2 + 10 + 2 + 34 + 34;

/** A low-order point as an OpenPGP key: any message has a signature under it that the bare equation accepts. */
function lowOrder(): Person {
  const real = forgeKey("ed25519-legacy");
  const at = real.body.length - 32;
  const body = Buffer.concat([real.body.subarray(0, at), Buffer.alloc(32)]);
  return forged("bob-low-order", { primary: { ...forgeKeyFrom(real, body) } });
}

function forgeKeyFrom(real: ReturnType<typeof forgeKey>, body: Buffer): ReturnType<typeof forgeKey> {
  const framed = Buffer.concat([Buffer.from([0x99, body.length >> 8, body.length & 255]), body]);
  const fingerprint = sha1(framed);
  return {
    ...real,
    body,
    fingerprint: fingerprint.toString("hex").toUpperCase(),
    keyId: fingerprint.subarray(-8),
  };
}

function sha1(bytes: Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}

const GOOD: Odd[] = KINDS.flatMap((kind): Odd[] => [
  { name: `signature-${kind}`, kind, claim: `a commit signed with a key of kind ${kind} is good` },
  {
    name: `signature-${kind}-edited`,
    kind,
    claim: "the message was edited after signing, by whoever serves the repository",
    code: "bad-signature",
    tamper: edit((text) => text.replace(/odd\n$/, "0dd\n")),
  },
]);

const FORM: Odd[] = [
  { name: "unsigned", claim: "anybody can push a commit without a signature", code: "unsigned", by: nobody },
  {
    name: "unsigned-ssh",
    kind: "ssh-ed25519",
    claim: "anybody can push a commit without a signature, also where writers use SSH keys",
    code: "unsigned",
    by: nobody,
  },
  {
    name: "unknown-key",
    claim: "a good signature by a key that is nobody's in the policy",
    code: "unknown-key",
    listed: false,
  },
  {
    name: "unknown-key-ssh",
    kind: "ssh-ed25519",
    claim: "a good SSH signature by a key that is nobody's in the policy",
    code: "unknown-key",
    listed: false,
  },
  {
    name: "two-signatures",
    group: "hostile forms",
    needs: ["object-form"],
    claim: "two signature headers, so that two readers could see two signers",
    code: "several-signatures",
    tamper: edit((text) => text.replace(GPGSIG, "$&$&")),
  },
  {
    name: "two-signatures-stranger-first",
    group: "hostile forms",
    needs: ["object-form"],
    claim: "a stranger's signature header in front of the writer's own",
    code: "several-signatures",
    tamper: edit((text) =>
      text.replace(GPGSIG, (own) => `${folded(armoredSignature(Buffer.alloc(80, 7)))}${own}`),
    ),
  },
  {
    name: "signature-in-message",
    group: "hostile forms",
    needs: ["object-form"],
    claim: "what looks like a signature header stands in the message of an unsigned commit",
    code: "unsigned",
    by: nobody,
    commit: {
      message: "odd\n\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iHUE\n -----END PGP SIGNATURE-----\n",
    },
  },
  {
    name: "signature-header-named-otherwise",
    group: "hostile forms",
    needs: ["object-form"],
    claim: "a good signature in a header that is none of Git's",
    code: "unsigned",
    tamper: edit((text) => text.replace("\ngpgsig ", "\nsignature ")),
  },
  {
    name: "nul-in-header",
    group: "hostile forms",
    needs: ["object-form"],
    claim:
      "a NUL byte in the author's line hides what follows from tools written in C; it is signed as it stands",
    code: "corrupt-object",
    by: (cast) => cast.person("alice"),
    commit: { author: "alice\0mallory" },
  },
  {
    name: "no-committer",
    group: "hostile forms",
    needs: ["object-form"],
    claim: "a commit without the header lines that Git writes",
    code: "corrupt-object",
    by: (cast) => cast.person("alice"),
    tamper: edit((text) => text.replace(/^committer.*\n/m, "")),
  },
  {
    name: "malformed-openpgp",
    group: "hostile forms",
    claim: "an armor with three bytes in it",
    code: "malformed-signature",
    by: nobody,
    tamper: headerOf("-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"),
  },
  {
    name: "malformed-ssh",
    group: "hostile forms",
    kind: "ssh-ed25519",
    claim: "an SSH signature that ends after its magic",
    code: "malformed-signature",
    by: nobody,
    tamper: headerOf("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"),
  },
  {
    name: "unsupported-x509",
    group: "hostile forms",
    claim: "a signature in a format that the policy can name no key for",
    code: "unsupported-signature",
    by: nobody,
    tamper: headerOf("-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----\n"),
  },
  {
    name: "unsupported-words",
    group: "hostile forms",
    claim: "a signature header with words in it",
    code: "unsupported-signature",
    by: nobody,
    tamper: headerOf("signed, the management\n"),
  },
  {
    name: "namespace-file",
    kind: "ssh-ed25519",
    group: "hostile forms",
    claim: "an SSH signature that its owner made for a file is moved into a commit",
    code: "bad-signature",
    signing: { namespace: "file" },
  },
  {
    name: "text-signature",
    group: "hostile forms",
    claim: "an OpenPGP text signature, under which line ends can be changed",
    code: "unsupported-signature",
    by: async () => textSigner(),
  },
  {
    name: "unknown-critical-subpacket",
    group: "hostile forms",
    claim: "a signature with a critical part that nobody knows (RFC 9580 section 5.2.3.7)",
    code: "unsupported-signature",
    by: async () =>
      forged(
        "bob-critical",
        { primary: forgeKey("ed25519-legacy") },
        { hashed: [subpacket(99, Buffer.of(1), true)] },
      ),
  },
  {
    name: "number-with-lost-zeros",
    group: "hostile forms",
    claim: "a good signature whose number lost a leading zero byte, as numbers in OpenPGP do",
    by: async () => shortNumber(),
  },
  {
    name: "s-beyond-order",
    group: "hostile forms",
    claim:
      "S plus the group order in place of S: a second signature that nobody made (RFC 8032 section 5.1.7)",
    code: "bad-signature",
    tamper: resigned(plusOrder),
  },
  {
    name: "low-order-key",
    group: "hostile forms",
    claim: "a policy lists a key of low order, for which anybody can make signatures",
    code: "weak-key",
    by: async () => lowOrder(),
  },
];

const WEAK: Odd[] = [
  {
    name: "sha1-signature",
    kind: "openpgp-rsa",
    group: "weak",
    claim: "an OpenPGP signature over SHA-1, under which two contents can share a signature",
    code: "weak-signature",
    signing: { gpg: ["--digest-algo", "SHA1"] },
  },
  {
    name: "md5-signature",
    group: "weak",
    claim: "an OpenPGP signature over MD5",
    code: "weak-signature",
    by: async () => forged("bob-md5", { primary: forgeKey("rsa2048") }, { hash: "md5" }),
  },
  {
    name: "rsa-1024-openpgp",
    kind: "openpgp-rsa-1024",
    group: "weak",
    claim: "an OpenPGP key of RSA with 1024 bits",
    code: "weak-key",
  },
  {
    name: "rsa-1024-ssh",
    kind: "ssh-rsa-1024",
    group: "weak",
    claim: "an SSH key of RSA with 1024 bits",
    code: "weak-key",
  },
];

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

const DEMANDS: Odd[] = [
  [
    "touch-missing",
    "touch",
    0,
    "touch-missing",
    "the policy asks for a touch of the token, and there was none",
  ],
  ["touch-missing-pin-given", "touch", 4, "touch-missing", "a PIN is no touch"],
  ["pin-missing", "pin", 1, "pin-missing", "the policy asks for the token's PIN, and a touch is none"],
  ["touch-given", "touch", 1, undefined, "a token that was touched meets a demand for it"],
  ["pin-given", "pin", 5, undefined, "a token that was touched and asked for its PIN meets both"],
].map(([name, demand, flags, code, claim]): Odd => {
  const odd: Odd = {
    name: name as string,
    kind: "fido",
    group: "demands",
    claim: claim as string,
    signing: { flags: flags as number },
    more: (signer) => ({ [demand as string]: [signer] }),
    needs: ["demand"],
  };
  return code ? { ...odd, code: code as string } : odd;
});

const SHA256: Odd[] = [
  { name: "sha256-good", format: "sha256", claim: "a SHA-256 repository is judged like any other" },
  {
    name: "sha256-unsigned",
    format: "sha256",
    claim: "an unsigned commit in a SHA-256 repository",
    code: "unsigned",
    by: nobody,
  },
  {
    name: "sha256-header-of-sha1",
    format: "sha256",
    claim:
      "in a SHA-256 repository, the header for SHA-1 signs other bytes than these and is no signature of them",
    code: "unsigned",
    tamper: edit((text) => text.replace("\ngpgsig-sha256 ", "\ngpgsig ")),
  },
].map((odd): Odd => ({ ...odd, format: "sha256", group: "sha-256", needs: ["sha256", "object-form"] }));

const MOVED: HistoryCase[] = [
  {
    name: "signature-moved",
    group: "signatures",
    claim: "another commit's good signature is put into a commit that nobody signed",
    needs: ["openpgp"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const { repository, introduction } = await cast.begin([alice]);
      const header = GPGSIG.exec((await repository.content(introduction)).toString("latin1"))![0];
      const odd = await repository.commit({
        files: { "a.nix": "2\n" },
        message: "odd\n",
        tamper: edit((text) => text.replace("\n\n", `\n${header}\n`)),
      });
      return { repository, policy: anyOf(introduction, [alice]), denied: [["bad-signature", odd]] };
    },
  },
  {
    name: "every-offender",
    group: "signatures",
    claim: "three bad commits are all told, not the first alone",
    needs: ["openpgp"],
    tell: async (cast) => {
      const [alice, mallory] = await cast.people("alice", "mallory");
      const { repository, introduction } = await cast.begin([alice]);
      const one = await repository.commit({ files: { "a.nix": "1\n" }, message: "unsigned\n" });
      await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
      const two = await repository.commit({
        by: mallory,
        files: { "a.nix": "3\n" },
        message: "a stranger's\n",
      });
      const three = await repository.commit({ files: { "a.nix": "4\n" }, message: "unsigned again\n" });
      return {
        repository,
        policy: anyOf(introduction, [alice]),
        denied: [
          ["unsigned", one],
          ["unknown-key", two],
          ["unsigned", three],
        ],
      };
    },
  },
];

export const SIGNATURE_CASES: readonly HistoryCase[] = [
  ...[...GOOD, ...FORM, ...WEAK, ...LIFE, ...DEMANDS, ...SHA256].map(oddCase),
  ...MOVED,
];
