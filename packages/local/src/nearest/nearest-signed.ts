/**
 * The signed file that an unsigned one came from, and what differs: what a refusal tells, and where a review begins.
 *
 * Claims: what it shows as signed was read from the repository and has the digests that were signed; a review of what
 * is no longer there is told as that. It passes nothing: whether a content is covered is the caller's to know, and
 * comes in as a fact. Leaves out: files that have no words in common with any signed one.
 */
import { hunkText } from "@firstmile/trust/nearest/hunk-text";
import { NearestIndex } from "@firstmile/trust/nearest/index";
import {
  type Ancestor,
  type ContentFacts,
  passes,
  type SignedFile,
  type Standing,
  standingOf,
} from "@firstmile/trust/nearest/ladder";
import { sketchOf } from "@firstmile/trust/nearest/sketch";
import { SketchTable } from "@firstmile/trust/nearest/sketch-table";
import { standingText, told } from "@firstmile/trust/nearest/standing-text";
import type { GitObjects } from "../git/objects.ts";
import { visible } from "../reviewing/visible.ts";
import { type ContentName, readContents, type Unreadable } from "./read-contents.ts";
import { loadSketches, MAX_REMEMBERED, saveSketches } from "./sketch-cache.ts";

/** Content that meets the rules: what may be compared with. */
export type CoveredBlob = ContentName & SignedFile;

export interface Nearest {
  /** The likest signed file; undefined where none is like it. */
  readonly signed: SignedFile | undefined;
  /** The same by its content, where that is what it was compared with. */
  readonly likest: CoveredBlob | undefined;
  readonly standing: Standing;
  /** One sentence for a person. */
  readonly text: string;
  /** From the signed file to this one, as lines of a unified diff, control characters spelled out. */
  readonly hunks: readonly string[];
  /** Signed files that are like it as well, and that the repository no longer has. */
  readonly gone: readonly SignedFile[];
}

export interface NearestOptions {
  /** Of the repository that has the contents. */
  readonly objects: GitObjects;
  /** The same content may be covered at several paths. */
  readonly covered: readonly CoveredBlob[];
  /** Where sketches are remembered; undefined: nowhere. */
  readonly stateDir: string | undefined;
}

export class NearestSigned {
  /** Contents that were signed and cannot be read here, so that nothing is found by them. */
  readonly unreadable: readonly { readonly blob: CoveredBlob; readonly why: Unreadable }[];
  readonly #objects: GitObjects;
  readonly #index: NearestIndex;
  readonly #signed: ReadonlyMap<string, readonly CoveredBlob[]>;

  private constructor(
    objects: GitObjects,
    index: NearestIndex,
    signed: ReadonlyMap<string, readonly CoveredBlob[]>,
    unreadable: NearestSigned["unreadable"],
  ) {
    this.#objects = objects;
    this.#index = index;
    this.#signed = signed;
    this.unreadable = unreadable;
  }

  /** Reads what is not remembered. Rejects where Git cannot be asked. */
  static async open({ objects, covered, stateDir }: NearestOptions): Promise<NearestSigned> {
    const signed = Map.groupBy(covered, ({ sha256 }) => sha256);
    const sketches = stateDir === undefined ? new SketchTable() : loadSketches(stateDir);
    const unread = [...signed.values()].flatMap(([blob]) => (sketches.has(blob!.sha256) ? [] : [blob!]));
    const unreadable = await sketchAll(objects, unread, sketches);
    const index = indexOf(covered, sketches);
    if (stateDir !== undefined && unread.length > unreadable.length)
      saveSketches(stateDir, sketches.size > MAX_REMEMBERED ? index.table : sketches);
    return new NearestSigned(objects, index, signed, unreadable);
  }

  /** For a file by what it holds. `facts`: how it is covered, where it is. */
  async nearestTo(
    file: { readonly path: string; readonly content: Uint8Array },
    facts: ContentFacts = {},
  ): Promise<Nearest> {
    const { ancestors, gone } = await this.#ancestors(file.content, file.path);
    const standing = standingOf(facts, file.content, ancestors);
    const signed = signedIn(standing);
    return {
      signed,
      likest: ancestors.find((one) => one === signed),
      standing,
      text: textOf(standing, gone),
      hunks: hunksOf(standing),
      gone,
    };
  }

  /** As `nearestTo`, for a file of the repository; undefined where it cannot be read. */
  async nearestSigned(
    file: ContentName & { readonly path: string },
    facts: ContentFacts = {},
  ): Promise<Nearest | undefined> {
    let found: Buffer | undefined;
    await readContents(this.#objects, [file], (_, content) => {
      if (typeof content !== "string") found = content;
    });
    return found && this.nearestTo({ path: file.path, content: found }, facts);
  }

  async #ancestors(
    content: Uint8Array,
    path: string,
  ): Promise<{ ancestors: (Ancestor & CoveredBlob)[]; gone: SignedFile[] }> {
    const [ancestors, gone]: [(Ancestor & CoveredBlob)[], SignedFile[]] = [[], []];
    const candidates = this.#index.query(content, path).map(({ sha256, equal }) => {
      const places = this.#signed.get(sha256)!;
      return { equal, ...(places.find((place) => place.path === path) ?? places[0]!) };
    });
    await readContents(this.#objects, candidates, (candidate, read) => {
      if (typeof read === "string") gone.push(candidate);
      else ancestors.push({ ...candidate, content: read });
    });
    return { ancestors, gone };
  }
}

/** Adds the sketches of what can be read; returns what cannot. */
async function sketchAll(objects: GitObjects, blobs: readonly CoveredBlob[], sketches: SketchTable) {
  const unreadable: { blob: CoveredBlob; why: Unreadable }[] = [];
  await readContents(objects, blobs, (blob, content) => {
    if (typeof content === "string") unreadable.push({ blob, why: content });
    else sketches.add(blob.sha256, sketchOf(content));
  });
  return unreadable;
}

function indexOf(covered: readonly CoveredBlob[], sketches: SketchTable): NearestIndex {
  const index = new NearestIndex();
  for (const { sha256, path } of covered) {
    if (sketches.has(sha256)) index.addSketch(sha256, path, sketches.sketch(sha256));
  }
  return index;
}

function signedIn(standing: Standing): SignedFile | undefined {
  switch (standing.kind) {
    case "exact":
      return standing.signed;
    case "derived":
      return standing.before;
    case "covered":
      return standing.copied.origins[0]!.signed;
    case "unknown":
      return undefined;
  }
}

function textOf(standing: Standing, gone: readonly SignedFile[]): string {
  const text = standingText(standing);
  if (passes(standing) || gone.length === 0) return text;
  return `${text}; also like it was ${told(gone[0]!)}, a review of content that is no longer there`;
}

function hunksOf(standing: Standing): string[] {
  return standing.kind === "covered" ? hunkText(standing.copied.diff, { spell: visible }) : [];
}
