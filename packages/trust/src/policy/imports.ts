/** Which roles are taken over from which other trust repositories. What they come to is found in `../imports`. */
import { checkShape } from "./check.ts";
import type { DefectList } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { isWholeId } from "./key-life.ts";
import { type ImportName, isName, NAME_RULE, type RoleName } from "./names.ts";
import { quoted } from "./nearest.ts";
import type { Import, IntroductionCommit } from "./policy.ts";
import { importShape } from "./shape.ts";
import { GIT_SCHEMES, urlProblem } from "./urls.ts";

/** Most imports of a policy: each is a repository to fetch. */
export const MAX_IMPORTS = 32;

/** By name; undefined for one with a defect, so that a role that names it is not refused on top. */
export function readImports(
  table: Node | undefined,
  defects: DefectList,
): Map<ImportName, Import | undefined> {
  const list = entries(table);
  if (list.length > MAX_IMPORTS) {
    const problem = `there are ${list.length} imports, over ${MAX_IMPORTS}`;
    defects.add(table!.keyAt, "too-large", problem, "import from fewer trust repositories");
  }
  const read = list
    .slice(0, MAX_IMPORTS)
    .map(([name, node]) => [name as ImportName, readImport(name, node, defects)] as const);
  return new Map(read);
}

function readImport(name: string, node: Node, defects: DefectList): Import | undefined {
  if (!isName(name)) defects.add(node.keyAt, "bad-name", `${quoted(name)} is no import's name`, NAME_RULE);
  const shape = checkShape(importShape, node, "import", defects);
  if (!shape) return undefined;
  shape.urls.forEach((url, i) => {
    const problem = urlProblem(url, GIT_SCHEMES);
    if (problem === undefined) return;
    const at = child(child(node, "urls")!, i)!.at;
    defects.add(at, "bad-url", `${quoted(url)}: ${problem}`, "write the URL of a Git repository");
  });
  const { commit, signed_by } = shape.introduction;
  const introduction = child(node, "introduction")!;
  if (!isWholeId(commit)) {
    const at = child(introduction, "commit")!.at;
    defects.add(
      at,
      "bad-commit",
      `${quoted(commit)} is no full commit id`,
      "write the full id in lower-case hex",
    );
  }
  const signedBy = signed_by.map(normalFingerprint);
  for (const [i, text] of signedBy.entries()) {
    if (isFingerprint(text)) continue;
    const at = child(child(introduction, "signed_by")!, i)!.at;
    const help = "write all 40 (or 64) digits of an OpenPGP fingerprint, or SHA256:... of an SSH key";
    defects.add(at, "bad-value", `${quoted(text)} is no key fingerprint`, help);
  }
  return {
    name: name as ImportName,
    urls: shape.urls,
    introduction: { commit: commit as IntroductionCommit, signedBy },
    roles: shape.roles as RoleName[],
    transitive: shape.transitive,
  };
}

function normalFingerprint(text: string): string {
  return text.startsWith("SHA256:") ? text : text.replace(/\s/g, "").toUpperCase();
}

function isFingerprint(text: string): boolean {
  return /^SHA256:[A-Za-z0-9+/]{43}$/.test(text) || /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(text);
}
