/**
 * Whether a handoff proves what it says: that the author whose keys are at hand released this source.
 *
 * Claims: of a release by a signed list or a signed tag, all that the author signed is in the statement and is checked
 * without the source. Of one by a signature over the file, as far as its kind allows: see author-signature.ts.
 * What is left of the way from the author's signature to the output rests on the word of whoever signed the
 * statement, until the source is at hand: `HandoffContent`, where it is, is held against every word.
 * Leaves out: who those people are, and whether that download is meant.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex } from "@firstmile/formats/bytes/text";
import { listedAs, parseChecksumList } from "@firstmile/formats/checksums/list";
import { parseCommit } from "@firstmile/formats/git/commit";
import { hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { parseTag, type Tag } from "@firstmile/formats/git/tag";
import { type NarHash, sriHash } from "@firstmile/formats/nix/hash";
import type {
  HandoffStatement,
  ReleasedFile,
  SignedRelease,
  TaggedRelease,
} from "@firstmile/formats/statement/handoff";
import { digest } from "../crypto/hash.ts";
import { verifySignature } from "../signature/verify.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import type { AuthorKeys } from "./author.ts";
import { type AuthorCheck, authorCheck, checkAuthorSignature, type RestsOn } from "./author-signature.ts";

export type VerifiedHandoff = VerifiedStatement<HandoffStatement>;

/** Of a source, what is at hand to check a handoff against. */
export interface HandoffContent {
  /** The released file. */
  readonly file?: Uint8Array;
  /** The same, decompressed, where the author signed that. */
  readonly uncompressed?: Uint8Array;
  /** NAR hash of what the file becomes, worked out from it. */
  readonly narHash?: NarHash;
  /** Git's id of the output as a tree. */
  readonly tree?: ObjectId;
}

/** As `AuthorCheck`: what the whole way from signature to output rests on. */
export type HandoffCheck = AuthorCheck;

/** Checks everything that can be checked with what is at hand. `now` in Unix seconds. Never throws. */
export function checkHandoff(
  handoff: HandoffStatement,
  author: AuthorKeys,
  now: number,
  content: HandoffContent = {},
): HandoffCheck {
  try {
    const { release } = handoff;
    return release.kind === "tag"
      ? checkTagged(release, author, now, content)
      : checkSigned(handoff, release, author, now, content);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return invalid(error.message);
  }
}

function checkSigned(
  { output }: HandoffStatement,
  release: SignedRelease,
  author: AuthorKeys,
  now: number,
  content: HandoffContent,
): HandoffCheck {
  const { file } = release;
  const differs = content.file && differenceOf(file, content.file);
  if (differs !== undefined) return invalid(differs);
  const checked = checkSignature(release, author, now, content);
  if (!checked.ok || output.kind === "file") return checked;
  if (content.narHash === undefined) return { ...checked, rests: weaker(checked.rests, "claim") };
  if (content.narHash === output.narHash) return checked;
  return invalid(`the file becomes ${sriHash(content.narHash)}, not the subject`);
}

function checkSignature(
  { file, signed, signature }: SignedRelease,
  author: AuthorKeys,
  now: number,
  content: HandoffContent,
): AuthorCheck {
  const { name, sha256, sha512, blake2b512 } = file;
  if (signed.kind === "file")
    return checkAuthorSignature(
      signature,
      { bytes: content.file, name, sha256, sha512, blake2b512 },
      author,
      now,
    );
  if (signed.kind === "uncompressed")
    return checkAuthorSignature(
      signature,
      { bytes: content.uncompressed, name: withoutSuffix(name) },
      author,
      now,
    );
  const checked = checkAuthorSignature(signature, { bytes: signed.list }, author, now);
  if (!checked.ok) return checked;
  const rests = listRests(signed.list, file);
  return typeof rests === "string" ? { ...checked, rests: weaker(checked.rests, rests) } : rests;
}

/** What is left of a compressed file's name: `a.tar` of `a.tar.xz`. */
function withoutSuffix(name: string): string {
  return name.replace(/\.(?:gz|xz|bz2|zst)$/, "").replace(/\.t(?:gz|xz|bz2)$/, ".tar");
}

/** What a list proves of the file: it must name it, by a digest that is the file's. */
function listRests(list: Uint8Array, file: ReleasedFile): RestsOn | HandoffCheck {
  const listed = listedAs(parseChecksumList(list), file.name);
  if (listed.length === 0) return invalid(`the signed list does not name ${file.name}`);
  const wrong = listed.find(
    ({ algorithm, digest: hex }) => file[algorithm] !== undefined && file[algorithm] !== hex,
  );
  if (wrong) return invalid(`the signed list gives ${file.name} another ${wrong.algorithm}`);
  if (listed.some(({ algorithm }) => algorithm === "sha256")) return "content";
  if (file.sha512 !== undefined) return "digest";
  return invalid(`the signed list names ${file.name} by a digest that the statement does not hold`);
}

function differenceOf(file: ReleasedFile, bytes: Uint8Array): string | undefined {
  for (const name of ["sha256", "sha512", "blake2b512"] as const) {
    if (file[name] !== undefined && encodeHex(digest(name, bytes)) !== file[name])
      return `the source at hand has another ${name} than the statement's`;
  }
  return undefined;
}

/** The tag names the commit and the commit the tree, each by Git's own hash. */
function checkTagged(
  release: TaggedRelease,
  author: AuthorKeys,
  now: number,
  { tree }: HandoffContent,
): HandoffCheck {
  const tag = parseTag(release.tag);
  if (tag.type !== "commit" || hashObject("commit", release.commit, tag.hash) !== tag.object)
    return invalid("the signed tag does not name this commit");
  const commit = parseCommit(release.commit);
  if (tree !== undefined && tree !== commit.tree)
    return invalid(`the output is not the tree ${commit.tree} of the tag`);
  return checkTagSignature(tag, author, now, tree === undefined ? "claim" : "content");
}

function checkTagSignature(tag: Tag, author: AuthorKeys, now: number, rests: RestsOn): HandoffCheck {
  if (tag.signature === undefined || tag.signatures !== 1)
    return invalid(`the tag has ${tag.signatures} signatures, and must have one`);
  return authorCheck(verifySignature(tag.signature, tag.signedPayload(), author.ring, now), rests, author);
}

const ORDER: readonly RestsOn[] = ["content", "digest", "claim"];

function weaker(a: RestsOn, b: RestsOn): RestsOn {
  return ORDER[Math.max(ORDER.indexOf(a), ORDER.indexOf(b))]!;
}

function invalid(message: string): HandoffCheck {
  return { ok: false, code: "handoff-invalid", message };
}
