/**
 * An author's signature over what was released, by that author's keys alone.
 *
 * Claims: where the bytes are at hand the signature was checked over them. Where only digests are, by those, if the
 * signature is over one of them. Where neither helps (OpenPGP, signify, minisign before prehashing), what is left is
 * the claim: the signature names a key of the author that may sign. Which of the three it was is part of the answer.
 * Against: another's signature; a signature over another file of the same author, where it names the file.
 * Leaves out: when it was made. A key that has only expired since is an author's key still: that it was good in its
 * time is what the people who hand the source on vouch for.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { concatBytes, decodeHex } from "@firstmile/formats/bytes/text";
import type { NumberedFormat } from "@firstmile/formats/signify/key";
import { type MinisignSignature, namedFile, parseMinisign } from "@firstmile/formats/signify/minisign";
import { parseSignifySignature } from "@firstmile/formats/signify/signature";
import type { AuthorSignature } from "@firstmile/formats/statement/handoff";
import type { Ed25519Key } from "../crypto/ed25519.ts";
import { digest } from "../crypto/hash.ts";
import { claimOfOpenPgp, verifyOpenPgp } from "../openpgp/verify.ts";
import type { Fingerprint, SignatureCode, SignatureOutcome } from "../signature/outcome.ts";
import { verifyReleased } from "../sigstore/released.ts";
import { verifySshsig } from "../ssh/verify.ts";
import type { AuthorKeys, NumberedKeyAtHand } from "./author.ts";

/** What was signed, as far as it is at hand. Digests in hex. */
export interface SignedBytes {
  readonly bytes: Uint8Array | undefined;
  readonly sha256?: string | undefined;
  readonly sha512?: string | undefined;
  readonly blake2b512?: string | undefined;
  /** The file's name, for signatures that name it themselves; undefined where it is not known. */
  readonly name?: string;
}

/** `content`: over the bytes, or their SHA-256. `digest`: over another digest of them. `claim`: not checked. */
export type RestsOn = "content" | "digest" | "claim";

export type AuthorCheck =
  | {
      readonly ok: true;
      readonly key: Fingerprint;
      readonly rests: RestsOn;
      readonly lapsed?: string;
      /** Unix seconds at which the key, or the signature, ends; absent: it does not, or has already. */
      readonly until?: number;
    }
  | {
      readonly ok: false;
      readonly code: "handoff-invalid" | "not-the-author";
      readonly message: string;
      /** What is wrong with the signature, where that is what it is. */
      readonly signature?: SignatureCode;
    };

interface Checked {
  readonly outcome: SignatureOutcome;
  readonly rests: RestsOn;
}

/** SSHSIG namespace of `ssh-keygen -Y sign -n file`, which its manual gives for files. */
const FILE_NAMESPACE = "file";

/** `now` in Unix seconds. Never throws on bad input. */
export function checkAuthorSignature(
  signature: AuthorSignature,
  signed: SignedBytes,
  author: AuthorKeys,
  now: number,
): AuthorCheck {
  const { outcome, rests } = check(signature, signed, author, now);
  return authorCheck(outcome, rests, author);
}

/** What an outcome means for a release. */
export function authorCheck(outcome: SignatureOutcome, rests: RestsOn, author: AuthorKeys): AuthorCheck {
  const heard = author.weigh(outcome);
  const until = heard.valid ? heard.validUntil : undefined;
  if (heard.valid) return { ok: true, key: heard.key, rests, ...(until === undefined ? {} : { until }) };
  if (heard.lapsed) return { ok: true, key: heard.lapsed.key, rests, lapsed: heard.message };
  const code = heard.code === "unknown-key" ? "not-the-author" : "handoff-invalid";
  return { ok: false, code, message: `the signature ${heard.message}`, signature: heard.code };
}

function check(
  { kind, bytes: signature }: AuthorSignature,
  signed: SignedBytes,
  author: AuthorKeys,
  now: number,
): Checked {
  const { bytes } = signed;
  switch (kind) {
    case "openpgp":
      return bytes === undefined
        ? { outcome: claimOfOpenPgp(signature, author.ring.openpgp, now), rests: "claim" }
        : { outcome: verifyOpenPgp(signature, bytes, author.ring.openpgp, now), rests: "content" };
    case "ssh":
      return checkSsh(signature, signed, author, now);
    case "minisign":
      return attempt(() => checkMinisign(parseMinisign(signature), signed, author));
    case "signify":
      return attempt(() => checkSignify(signature, bytes, author));
    case "sigstore": {
      const { outcome, over } = verifyReleased(signature, signed, author.ring.sigstore, now);
      return { outcome, rests: bytes === undefined && over === "other" ? "digest" : "content" };
    }
  }
}

function checkSsh(signature: Uint8Array, signed: SignedBytes, author: AuthorKeys, now: number): Checked {
  const { bytes, sha256, sha512 } = signed;
  let rests: RestsOn = "content";
  const known = (hash: "sha256" | "sha512") => {
    const hex = hash === "sha256" ? sha256 : sha512;
    if (bytes === undefined && hash === "sha512") rests = "digest";
    if (bytes !== undefined) return digest(hash, bytes);
    return hex === undefined ? undefined : decodeHex(hex);
  };
  const outcome = verifySshsig(signature, known, FILE_NAMESPACE, author.ring.ssh, now);
  return { outcome, rests };
}

/** The trusted comment is asked first: it is signed by itself, and says which file was meant. */
function checkMinisign(made: MinisignSignature, signed: SignedBytes, author: AuthorKeys): Checked {
  const comment = concatBytes(made.signature, Buffer.from(made.trustedComment, "latin1"));
  const file = namedFile(made);
  const other = file !== undefined && signed.name !== undefined && file !== signed.name;
  const message = minisignMessage(made, signed);
  const outcome = tryNumbered("minisign", author.numbered("minisign", made.number), made.number, (key) => {
    if (!key.verify(comment, made.globalSignature)) return "has a trusted comment that this key did not sign";
    if (other) return `names the file ${printable(file)}, not ${signed.name}`;
    return message.bytes === undefined || key.verify(message.bytes, made.signature)
      ? undefined
      : NOT_OVER_THIS;
  });
  return { outcome, rests: message.rests };
}

function minisignMessage({ prehashed }: MinisignSignature, { bytes, blake2b512 }: SignedBytes) {
  if (bytes !== undefined)
    return { bytes: prehashed ? digest("blake2b512", bytes) : bytes, rests: "content" as const };
  if (!prehashed || blake2b512 === undefined) return { bytes: undefined, rests: "claim" as const };
  return { bytes: decodeHex(blake2b512), rests: "digest" as const };
}

function checkSignify(signature: Uint8Array, bytes: Uint8Array | undefined, author: AuthorKeys): Checked {
  const made = parseSignifySignature(signature);
  if (made.embedded.length > 0) {
    const outcome = refuse("malformed-signature", "has something behind it, which a detached one has not");
    return { outcome, rests: "claim" };
  }
  const outcome = tryNumbered("signify", author.numbered("signify", made.number), made.number, (key) =>
    bytes === undefined || key.verify(bytes, made.signature) ? undefined : NOT_OVER_THIS,
  );
  return { outcome, rests: bytes === undefined ? "claim" : "content" };
}

const NOT_OVER_THIS = "was not made over these bytes by the key that it names";

/** Key numbers are chosen by their owners: each key of the number is tried. `problem` is undefined where all is well. */
function tryNumbered(
  kind: NumberedFormat,
  keys: readonly NumberedKeyAtHand[],
  number: string,
  problem: (key: Ed25519Key) => string | undefined,
): SignatureOutcome {
  const outcomes = keys.map(({ key, fingerprint }): SignatureOutcome => {
    if (typeof key === "string")
      return { valid: false, code: "weak-key", message: `is by a weak key: ${key}`, key: fingerprint };
    const text = problem(key);
    if (text !== undefined) return { valid: false, code: "bad-signature", message: text, key: fingerprint };
    return { valid: true, key: fingerprint, signingKey: fingerprint, validUntil: undefined };
  });
  const unknown = refuse(
    "unknown-key",
    `is by the ${kind} key number ${number}, which is not among those at hand`,
  );
  return outcomes.find(({ valid }) => valid) ?? outcomes[0] ?? unknown;
}

function attempt(parse: () => Checked): Checked {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { outcome: refuse("malformed-signature", `cannot be read: ${error.message}`), rests: "claim" };
  }
}

function refuse(code: SignatureCode, message: string): SignatureOutcome {
  return { valid: false, code, message };
}

/** A name inside a signature is its maker's. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 80);
}
