/** Where a person's statements go: into a repository's own ref, below a directory, or into a trust repository. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { STATEMENTS_FOLDER, type StatementPlace } from "../statements/place.ts";
import type { WritablePlace } from "../statements/write.ts";

const RULES = "firstmile.toml";

/** `to`: a directory as it was named; a checkout of a trust repository keeps statements in a folder of its own. */
export function placeFor(cwd: string, to: string | undefined, repository: string): WritablePlace {
  if (to === undefined) return { kind: "ref", repository };
  const path = resolve(cwd, to);
  const isTrust = existsSync(join(path, RULES));
  return { kind: "directory", path: isTrust ? join(path, STATEMENTS_FOLDER) : path };
}

/** What is there to be read already: a repository's own ref is read with the repository, and a directory may be new. */
export function besides(place: WritablePlace): readonly StatementPlace[] {
  return place.kind === "directory" && existsSync(place.path) ? [place] : [];
}

/** Whether a directory is that folder. */
export function isStatementsFolder(path: string): boolean {
  return basename(path) === STATEMENTS_FOLDER && existsSync(join(dirname(path), RULES));
}
