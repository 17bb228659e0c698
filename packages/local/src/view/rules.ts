import type { ViewRules } from "./view.ts";

/** Whether content of this SHA-256 may be opened at a path. */
export function allows(rules: ViewRules, path: string, sha256: string): boolean {
  if (rules.kind === "observe") return true;
  const allowed = rules.allowed.get(path);
  return allowed === "any" || (allowed?.includes(sha256) ?? false);
}

/** Whether a path exists, and whether its directory's listing has it. */
export function existence(rules: ViewRules, path: string): "listed" | "found" | undefined {
  return rules.names === undefined ? "listed" : rules.names.get(path);
}
