/**
 * Where a person's statement goes, and what they do so that others have it: into a trust repository's own tree, which
 * its root then signs, onto a ref of a repository, or into a directory.
 */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { gitIn } from "../git/in-directory.ts";
import { STATEMENTS_FOLDER, STATEMENTS_REF } from "../statements/place.ts";
import type { WritablePlace } from "../statements/write.ts";
import { SubjectError } from "./subject-error.ts";

export interface Destination {
  readonly place: WritablePlace;
  /** The trust repository's checkout, where it is one. */
  readonly trust: string | undefined;
  /** For a person: `rules/statements`. */
  readonly words: string;
  /** What to do next, a command a line. */
  readonly next: readonly string[];
  /** Whose Git configuration says how the user signs. */
  readonly repository: string;
}

/** `to`: a directory. Without it the ref of `repository`, or of the checkout that the user stands in. */
export async function destination(
  cwd: string,
  to: string | undefined,
  repository: string | undefined,
): Promise<Destination> {
  if (to !== undefined) return intoDirectory(resolve(cwd, to), to, cwd);
  const checkout = repository ?? (await checkoutAt(cwd));
  if (checkout === undefined)
    throw new SubjectError(
      "it is not said where the statement goes",
      "name the checkout of your trust repository, or another directory: --to DIR",
    );
  return {
    place: { kind: "ref", repository: checkout },
    trust: undefined,
    words: STATEMENTS_REF,
    next: [`git -C ${checkout} push origin ${STATEMENTS_REF}`],
    repository: checkout,
  };
}

function intoDirectory(path: string, named: string, cwd: string): Destination {
  if (existsSync(path) && !statSync(path).isDirectory())
    throw new SubjectError(
      `${named} is no directory`,
      "name the checkout of your trust repository: --to DIR",
    );
  if (!existsSync(join(path, "firstmile.toml")))
    return {
      place: { kind: "directory", path },
      trust: undefined,
      words: named,
      next: [
        `copy ${named} into ${STATEMENTS_FOLDER}/ of the trust repository, or hand it to whoever decides by it`,
      ],
      repository: cwd,
    };
  return {
    place: { kind: "directory", path: join(path, STATEMENTS_FOLDER) },
    trust: path,
    words: join(named, STATEMENTS_FOLDER),
    next: [
      `git -C ${named} add ${STATEMENTS_FOLDER} && git -C ${named} commit -S`,
      `others of root sign it: firstmile cosign ${named} HEAD`,
      "push it; on each machine: firstmile trust update",
    ],
    repository: path,
  };
}

async function checkoutAt(cwd: string): Promise<string | undefined> {
  const found = await gitIn(cwd, ["rev-parse", "--show-toplevel"]);
  return found.code === 0 ? found.stdout.toString().trimEnd() : undefined;
}
