/**
 * Whether a path leads to something in a tree that is written down, and stays in it.
 *
 * Claim: no name outside of the tree is looked up, so the answer says nothing about the machine's own files. Against: a
 * committed link by which a writer would learn what exists there. So links are followed by their text, step by step.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/** `outside`: a link or `..` leads out of the tree, whether or not anything is there. */
export function pathOnDisk(tree: string, path: string): "inside" | "outside" | "missing" {
  const at: string[] = [];
  let links = 0;
  for (const open = namesOf(path); open.length > 0; ) {
    const name = open.shift()!;
    if (name === "..") {
      if (at.pop() === undefined) return "outside";
      continue;
    }
    const here = join(tree, ...at, name);
    const target = linkAt(here);
    if (target === undefined) return "missing";
    if (target === NO_LINK) at.push(name);
    else if (isAbsolute(target) || ++links > MAX_LINKS) return "outside";
    else open.unshift(...namesOf(target));
  }
  return "inside";
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** No link has an empty target. */
const NO_LINK = "";

/** Undefined where nothing is. */
function linkAt(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : NO_LINK;
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
