/** Whether a path that somebody names leads to a file or directory of a tree, and stays in it. */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { outsideAccess } from "../admission/evaluation-failure.ts";
import type { GitTree } from "../git/git-tree.ts";

/** The path's own names, joined; or why not. Symbolic links on the way are refused: where they lead is not looked at. */
export function pathInTree(tree: GitTree, file: string): string | Reason {
  if (file.startsWith("/") || file.includes("\0") || file.split("/").includes(".."))
    return outsideAccess(`${JSON.stringify(file)} is not a path inside the tree`);
  const path = file
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
  if (path === "") return path;
  const wanted = Buffer.from(path).toString("latin1");
  for (const { path: at, step } of tree.leaves()) {
    if (step.kind === "symlink" && (at === wanted || wanted.startsWith(`${at}/`)))
      return outsideAccess(`${JSON.stringify(at)} is a symbolic link`);
    if (at === wanted || at.startsWith(`${wanted}/`)) return path;
  }
  return lacking("evaluation-failed", `${JSON.stringify(file)} is not in the tree`, {
    remedy: "name a file that is committed: git ls-files lists them",
  });
}
