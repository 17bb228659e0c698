/** Where what a curator publishes goes: a repository's reference for statements, or files in a directory. */
import { resolve } from "node:path";
import { gitIn } from "../git/in-directory.ts";
import { isStatementsFolder, placeFor } from "../reviewing/place-for.ts";
import { STATEMENTS_REF } from "../statements/place.ts";
import type { WritablePlace } from "../statements/write.ts";

export interface PublishingPlace {
  readonly place: WritablePlace;
  /** What makes it heard by others, as commands. */
  readonly next: string;
}

/**
 * `to`: a checkout of a trust repository, any other repository, or a directory. Without it `checkout`, where the source
 * is one of this user's, or else whatever somebody stands in. Undefined: there is none.
 */
export async function publishingPlace(
  cwd: string,
  to: string | undefined,
  checkout: string | undefined,
): Promise<PublishingPlace | undefined> {
  if (to !== undefined) return placeAt(cwd, resolve(cwd, to));
  if (checkout !== undefined) return onRef(checkout);
  const top = await topOf(cwd);
  return top === undefined ? undefined : placeAt(cwd, top);
}

async function placeAt(cwd: string, path: string): Promise<PublishingPlace> {
  const place = placeFor(cwd, path, path);
  if (place.kind === "directory" && isStatementsFolder(place.path))
    return { place, next: `git -C ${path} add statements && git -C ${path} commit -S, and push it` };
  // Below a repository's top a directory is meant as one.
  if ((await topOf(path)) === path) return onRef(path);
  return { place, next: "hand that directory to whoever decides by it" };
}

function onRef(repository: string): PublishingPlace {
  const next = `git -C ${repository} push REMOTE ${STATEMENTS_REF}`;
  return { place: { kind: "ref", repository }, next };
}

/** Of the repository that a path is in: the work tree's top, or the bare repository itself. */
async function topOf(path: string): Promise<string | undefined> {
  const told = await gitIn(path, ["rev-parse", "--is-bare-repository"]).catch(() => undefined);
  if (told?.code !== 0) return undefined;
  const which = told.stdout.toString().trim() === "true" ? "--absolute-git-dir" : "--show-toplevel";
  const top = await gitIn(path, ["rev-parse", which]);
  return top.code === 0 ? top.stdout.toString().trimEnd() : undefined;
}
