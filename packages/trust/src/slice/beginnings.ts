/**
 * Where reading may begin: contents that are covered, so that only what differs from them is left to read.
 *
 * Claims: a change that is signed from one of these counts, under the rule of its path, for what comes after it, as far
 * as its signer does. Against: a short diff on top of a file that nobody has read. A content that is only published or
 * bumped is no beginning: nobody vouches for it by having read it. One that is waived by name is one for as long as the
 * waiver holds, and is told as that.
 */
import type { PrincipalName } from "../policy/names.ts";
import type { Content } from "./approvals.ts";
import type { SliceCoverage } from "./cover.ts";
import type { Waived } from "./waivers.ts";

/** A content that people have read, at a path where that counts. */
export interface CoveredContent {
  /** Latin-1. */
  readonly path: string;
  readonly content: Content;
  /** Who read it, or waived it. */
  readonly by: readonly PrincipalName[];
  /** Where nobody read it. */
  readonly waiver?: Waived;
}

/** Contents of one path that are looked at: more than a file has versions that somebody read. */
const MOST_VERSIONS = 64;

export class Beginnings {
  readonly #coverage: SliceCoverage;
  readonly #byPath = new Map<string, Content[]>();

  constructor(coverage: SliceCoverage) {
    this.#coverage = coverage;
    for (const { content, paths } of coverage.approvals.contents()) {
      for (const path of paths) {
        const known = this.#byPath.get(path);
        if (known) known.push(content);
        else this.#byPath.set(path, [content]);
      }
    }
  }

  /** Contents that were read at this path, from which a change to it counts. */
  at(path: string): CoveredContent[] {
    const contents = this.#byPath.get(path) ?? [];
    return contents.flatMap((content) => this.from(path, content) ?? []).slice(0, MOST_VERSIONS);
  }

  /** Contents of this mode that are waived by name at this path: a change from there counts no longer than that. */
  waivedAt(path: string, mode: number): CoveredContent[] {
    const all = this.#coverage.waivedAt(path, mode).slice(0, MOST_VERSIONS);
    return all.map(({ content, waiver }) => ({ path, content, by: waiver.by, waiver }));
  }

  /** Whether a change to `path` counts that begins at this content, wherever it was read; who read it. */
  from(path: string, content: Content): CoveredContent | undefined {
    const standing = this.#coverage.standing(path, content);
    return standing.kind === "read" ? { path, content, by: standing.by } : undefined;
  }

  /** Every covered content, at each path where it is. */
  all(): CoveredContent[] {
    return [...this.#byPath].flatMap(([path, contents]) =>
      contents.flatMap((content) => this.from(path, content) ?? []),
    );
  }
}
