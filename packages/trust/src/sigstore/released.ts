/**
 * Verifies Sigstore bundles beside released files, offline: signatures over the file (`cosign sign-blob`), and in-toto
 * statements that name it (npm's provenance).
 *
 * Claims: as verify.ts has it of a commit, for exactly the listed identity and issuer; and that the file is what was
 * signed, or the one subject of the statement that was. Without the file, a signature over it rests on its entry in
 * the log, which takes in only signatures that it has checked over that digest. Leaves out: what a statement says
 * beyond its subject: how the file was built is not judged here. And signatures of npm's registry, which speak for
 * the registry and not for an author.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex, equalBytes } from "@firstmile/formats/bytes/text";
import { type Certificate, parseCertificate } from "@firstmile/formats/cms/certificate";
import { JsonMembers } from "@firstmile/formats/dsse/json-members";
import { decodeJsonText } from "@firstmile/formats/dsse/json-text";
import { parseStrictJson } from "@firstmile/formats/nix/json";
import { parseSigstoreBundle, type SigstoreBundle } from "@firstmile/formats/sigstore/bundle";
import { digest } from "../crypto/hash.ts";
import type { Fingerprint, SignatureOutcome } from "../signature/outcome.ts";
import { ENTRY_KIND, type LoggedEntry, releaseBundle, signatureEntryBody } from "./bundle.ts";
import { doubtOf } from "./doubt.ts";
import { identityKey, type KnownIdentity, type SigstoreKeys } from "./keys.ts";
import { checkPurpose, namedBy } from "./named.ts";
import { Refusal, refuse } from "./refusal.ts";
import { checkTime } from "./verify.ts";

/** A released file, as far as it is at hand. Digests in hex. */
export interface ReleasedContent {
  readonly bytes: Uint8Array | undefined;
  readonly sha256?: string | undefined;
  readonly sha512?: string | undefined;
}

export interface ReleasedOutcome {
  readonly outcome: SignatureOutcome;
  /** Whether it is over the file's SHA-256, or over another digest of it. */
  readonly over: "sha256" | "other";
}

/** Never throws on bad input: every failure is an outcome. */
export function verifyReleased(
  bundle: Uint8Array,
  content: ReleasedContent,
  identities: SigstoreKeys,
  now: number,
): ReleasedOutcome {
  try {
    return verify(parseSigstoreBundle(bundle), content, identities, now);
  } catch (error) {
    const over = "sha256";
    if (error instanceof Refusal)
      return { over, outcome: { valid: false, code: error.code, message: error.message } };
    if (!(error instanceof FormatError)) throw error;
    return { over, outcome: { valid: false, code: "malformed-signature", message: error.message } };
  }
}

function verify(
  bundle: SigstoreBundle,
  content: ReleasedContent,
  identities: SigstoreKeys,
  now: number,
): ReleasedOutcome {
  const certificate = parseCertificate(bundle.certificate);
  checkKey(certificate);
  const named = namedBy(certificate);
  checkPurpose(certificate);
  const known = identities.get(identityKey(named.issuer, named.identity));
  if (known === undefined)
    refuse("unknown-key", `is by ${named.identity} of ${named.issuer}, which is not among those at hand`);
  const entry = loggedEntry(bundle);
  const over = checkContent(bundle, content);
  checkTime(entry, certificate, now);
  return { over, outcome: vouched(bundle, entry, content, known) };
}

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const P256 = "1.2.840.10045.3.1.7";

function checkKey({ keyAlgorithm, curve }: Certificate): void {
  if (keyAlgorithm !== EC_PUBLIC_KEY || curve !== P256)
    refuse("unsupported-signature", "is not made with ECDSA on P-256");
}

/** What the log says of a signature follows from what stands beside it, and has to be just that. */
function loggedEntry({ entry, content, certificate }: SigstoreBundle): LoggedEntry {
  const { promise, proof, kind, version } = entry;
  if (!promise) refuse("unsupported-signature", "has a log entry without the log's word on when it was made");
  if (!proof) refuse("unsupported-signature", "has a log entry without a proof that the log holds it");
  const kinds =
    content.kind === "message"
      ? [`${ENTRY_KIND.kind} ${ENTRY_KIND.version}`]
      : ["dsse 0.0.1", "intoto 0.0.2"];
  if (!kinds.includes(`${kind} ${version}`))
    refuse("unsupported-signature", `has a log entry of the unknown kind ${JSON.stringify(kind)}`);
  if (
    content.kind === "message" &&
    !equalBytes(entry.body, signatureEntryBody(content.sha256, content.signature, certificate))
  )
    refuse("bad-signature", "has a log entry about another signature");
  return { ...entry, promise, proof };
}

function checkContent({ content }: SigstoreBundle, released: ReleasedContent): ReleasedOutcome["over"] {
  if (content.kind === "envelope")
    return checkSubject(content.envelope.payloadType, content.envelope.payload, released);
  const sha256 = released.bytes ? encodeHex(digest("sha256", released.bytes)) : released.sha256;
  if (sha256 !== encodeHex(content.sha256)) refuse("bad-signature", "was not made over this file");
  return "sha256";
}

const STATEMENT_TYPES = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
const MAX_PAYLOAD = 256 << 10;

/** An in-toto statement with this file as its one subject. The rest of it is its maker's business. */
function checkSubject(type: string, payload: Uint8Array, released: ReleasedContent): ReleasedOutcome["over"] {
  if (type !== "application/vnd.in-toto+json")
    refuse("unsupported-signature", "is over no in-toto statement");
  const format = "sigstore bundle";
  const members = new JsonMembers(
    parseStrictJson(decodeJsonText(payload, format, MAX_PAYLOAD), format),
    format,
    "payload",
  );
  if (!STATEMENT_TYPES.includes(members.string("_type")))
    refuse("unsupported-signature", "is over no in-toto statement");
  const [subject] = members.objects("subject", 1);
  if (!subject) refuse("bad-signature", "is over a statement of nothing");
  const listed = subject.object("digest");
  const [sha256, sha512] = [listed.optionalString("sha256"), listed.optionalString("sha512")];
  const is = (name: "sha256" | "sha512", hex: string) =>
    (released.bytes ? encodeHex(digest(name, released.bytes)) : released[name]) === hex;
  if (sha256 === undefined && sha512 === undefined)
    refuse("unsupported-signature", "names its subject by no strong digest");
  if ((sha256 !== undefined && !is("sha256", sha256)) || (sha512 !== undefined && !is("sha512", sha512)))
    refuse("bad-signature", "is over a statement of another file");
  return sha256 === undefined ? "other" : "sha256";
}

/** The first of the trusted roots listed for this identity that vouches for it; else what the last says. */
function vouched(
  bundle: SigstoreBundle,
  entry: LoggedEntry,
  { bytes }: ReleasedContent,
  known: readonly KnownIdentity[],
): SignatureOutcome {
  const signingKey = encodeHex(digest("sha256", bundle.certificate)) as Fingerprint;
  const outcomes = known.map(({ fingerprint: key, file, instance }): SignatureOutcome => {
    const doubt = doubtOf(releaseBundle(bundle, entry), bytes, instance);
    if (doubt === undefined) return { valid: true, key, signingKey, validUntil: undefined };
    return { valid: false, code: doubt.code, message: `${doubt.message} (${file})`, key };
  });
  return outcomes.find(({ valid }) => valid) ?? outcomes.at(-1)!;
}
