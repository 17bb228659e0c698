/**
 * How far a file is from what was signed, in four rungs.
 *
 * Claims: only `exact` and `derived` pass, and both are given by facts about the very content; no likeness, however
 * great, becomes either. `covered` and `unknown` tell a person what is left to read. Against: a file with one line
 * changed, which is the one that does the harm. Leaves out: who has to have signed; that is for the rules to say,
 * before anything is called signed here.
 */
import { equalBytes } from "@firstmile/formats/bytes/text";
import { type Copied, copiedFrom } from "./copied.ts";
import { SAME_FILE } from "./index.ts";
import type { LineDiff } from "./line-diff.ts";
import { BINS } from "./sketch.ts";

/** Content that meets the rules, and how it is told. */
export interface SignedFile {
  /** Latin-1, one character a byte. */
  readonly path: string;
  /** Who read it. */
  readonly by: readonly string[];
  /** A commit that it was read in, where that is known. */
  readonly rev?: string | undefined;
}

/** A signed file that may be what another came from. */
export interface Ancestor extends SignedFile {
  readonly content: Uint8Array;
  /** Equal bins of their sketches. */
  readonly equal: number;
}

export type Standing =
  | { readonly kind: "exact"; readonly signed: SignedFile }
  /** `before` is signed, and so is the change that makes this content of it, byte for byte. */
  | { readonly kind: "derived"; readonly before: SignedFile; readonly changeBy: readonly string[] }
  | Covered
  | { readonly kind: "unknown" };

export interface Covered {
  readonly kind: "covered";
  /** Of its lines, how many a signed file has too, rounded down. */
  readonly percent: number;
  /** Places where it differs from the likest signed file; none where it is that file, signed for another place. */
  readonly hunks: LineDiff["hunks"];
  readonly copied: Copied<Ancestor>;
  /** The likest is the same file, patched; otherwise they only have much in common. */
  readonly sameFile: boolean;
  /** Line by line, without spaces and tabs, it is the likest file. */
  readonly butForSpace: boolean;
}

/** What is known of the content itself. */
export interface ContentFacts {
  readonly exact?: SignedFile | undefined;
  readonly derived?: { readonly before: SignedFile; readonly changeBy: readonly string[] } | undefined;
}

export function standingOf(
  facts: ContentFacts,
  content: Uint8Array,
  ancestors: readonly Ancestor[],
): Standing {
  if (facts.exact) return { kind: "exact", signed: facts.exact };
  if (facts.derived) return { kind: "derived", ...facts.derived };
  const copied = copiedFrom(content, ancestors);
  const standing = copied && covered(content, copied);
  const alike = standing && (standing.sameFile || standing.copied.copiedLines > 0);
  return alike ? standing : { kind: "unknown" };
}

export function passes(standing: Standing): boolean {
  return standing.kind === "exact" || standing.kind === "derived";
}

function covered(content: Uint8Array, copied: Copied<Ancestor>): Covered {
  const likest = copied.origins[0]!.signed;
  return {
    kind: "covered",
    percent: Math.floor((100 * copied.copiedLines) / Math.max(1, copied.lines)),
    hunks: copied.diff.hunks,
    copied,
    sameFile: likest.equal >= SAME_FILE,
    butForSpace: likest.equal === BINS && equalBytes(withoutBlanks(likest.content), withoutBlanks(content)),
  };
}

/**
 * A content without its spaces and tabs. Line breaks stay: by one of them, code comes out of a comment.
 *
 * @returns The same bytes where there are none.
 */
export function withoutBlanks(content: Uint8Array): Uint8Array {
  return content.includes(0x20) || content.includes(0x09)
    ? content.filter((byte) => byte !== 0x20 && byte !== 0x09)
    : content;
}
