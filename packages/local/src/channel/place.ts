/** Where what a curator publishes goes: a repository's reference for statements, or files in a directory. */
import { resolve } from "node:path";
import { run } from "../process/run.ts";
import { isStatementsFolder, placeFor } from "../reviewing/place-for.ts";
import { STATEMENTS_REF } from "../statements/place.ts";
import type { WritablePlace } from "../statements/write.ts";

export interface PublishingPlace {
  readonly place: WritablePlace;
  /** What makes it heard by others, as commands. */
  readonly next: string;
}

/**
 * `to`: a checkout of a trust repository, any other repository, or a directory; without it the repository that `here`
 * is in. Undefined: there is none.
 */
export async function publishingPlace(
  cwd: string,
  to: string | undefined,
  here: string | undefined,
): Promise<PublishingPlace | undefined> {
  if (to === undefined) return here === undefined ? undefined : onRef(here);
  const path = resolve(cwd, to);
  const place = placeFor(cwd, to, path);
  if (place.kind === "directory" && isStatementsFolder(place.path))
    return { place, next: `git -C ${path} add statements && git -C ${path} commit -S, and push it` };
  if (await isRepository(path)) return onRef(path);
  return { place, next: "hand that directory to whoever decides by it" };
}

function onRef(repository: string): PublishingPlace {
  const next = `git -C ${repository} push REMOTE ${STATEMENTS_REF}`;
  return { place: { kind: "ref", repository }, next };
}

/** Whether the path is a repository's own top, and not merely below one. */
export async function isRepository(path: string): Promise<boolean> {
  const args = ["-C", path, "rev-parse", "--is-bare-repository", "--show-prefix"];
  const told = await run("git", args).catch(() => undefined);
  if (told?.code !== 0) return false;
  const [bare, prefix = ""] = told.stdout.toString().split("\n");
  return bare === "true" || prefix === "";
}
