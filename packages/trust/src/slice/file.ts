import type { ObjectId } from "@firstmile/formats/git/object-id";

/** A file that an evaluation read. */
export interface SliceFile {
  /** Latin-1, one character a byte. */
  readonly path: string;
  /** As in a Git tree. */
  readonly mode: number;
  /** Of the blob. */
  readonly id: ObjectId;
  /** Of the content, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Whether Nix evaluated it, or only took it into a derivation. Both have to be covered. */
  readonly use: "evaluated" | "copied";
}
