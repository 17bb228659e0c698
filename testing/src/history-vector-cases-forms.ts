/** Cases about hostile forms and weak signatures: whatever two readers could see two ways, or somebody could make up. */
import { execFileSync } from "node:child_process";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { forgeKey, subpacket } from "../../packages/trust/test/openpgp/forge.ts";
import { armoredSignature, type Cast, edit, GPGSIG, type HistoryCase } from "./history-vector-case.ts";
import { forged, lowOrder, shortNumber, textSigner } from "./history-vector-forged.ts";
import { nobody, type Odd, oddCase } from "./history-vector-odd.ts";
import type { Person } from "./world.ts";

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
    name: "malformed-cms",
    group: "hostile forms",
    claim: "an X.509 armor with three bytes in it",
    code: "malformed-signature",
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

/** gpg still makes such keys. */
async function dsaSigner(cast: Cast): Promise<Person> {
  const bob = await cast.person("bob-dsa");
  const env = {
    PATH: process.env.PATH,
    LC_ALL: "C",
    HOME: cast.world.dir,
    GNUPGHOME: cast.world.path("gnupg"),
  };
  const flags = ["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
  const gpg = (args: readonly string[], input: Uint8Array | string = "") =>
    execFileSync("gpg", [...flags, "--faked-system-time", "20250101T000100!", ...args], {
      env,
      input,
      stdio: "pipe",
    });
  gpg(["--quick-generate-key", "dsa-signer", "dsa2048", "sign", "never"]);
  const exported = gpg(["--export", "=dsa-signer"]);
  const { fingerprint } = parseCertificates(exported)[0]!;
  return {
    ...bob,
    fingerprint,
    publicKey: async () => exported,
    sign: async (message) => gpg(["--armor", "--local-user", fingerprint, "--detach-sign"], message),
  };
}

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
    name: "dsa-signature",
    group: "weak",
    claim: "a signature by a DSA key, whose secret one bad random number gives away",
    code: "unsupported-signature",
    by: dsaSigner,
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

export const FORM_CASES: readonly HistoryCase[] = [...FORM, ...WEAK].map(oddCase);
