/**
 * Adds lines to a policy's text where they belong, and leaves every other byte as it is: people keep comments and an
 * order of their own in it. Leaves out whether the result is a policy: `loadPolicy` says that.
 */
import { type AST, parseTOML } from "toml-eslint-parser";

export interface Amendment {
  /** Lines behind the last entry of a table that is there: `["role"]`, `["source", "nixpkgs"]`. */
  readonly into: readonly { readonly table: readonly string[]; readonly line: string }[];
  /** Tables for the end of the file, each as its lines. */
  readonly behind: readonly (readonly string[])[];
}

export type Amended =
  | { readonly ok: true; readonly text: string }
  /** Tables that are not there as tables of their own, so that nothing can be put into them. */
  | { readonly ok: false; readonly missing: readonly (readonly string[])[] };

/** `text`: TOML that loads as a policy. */
export function amendPolicy(text: string, { into, behind }: Amendment): Amended {
  const tables = standardTables(text);
  const at = into.map(({ table, line }) => ({ table, line, after: endOf(tables, table) }));
  const missing = at.filter(({ after }) => after === undefined).map(({ table }) => table);
  if (missing.length > 0) return { ok: false, missing };
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  // From the end on, so that what comes before keeps its place.
  for (const { line, after } of at.toSorted((a, b) => b.after! - a.after!)) lines.splice(after!, 0, line);
  const more = behind.flatMap((table) => ["", ...table]);
  return { ok: true, text: [...lines, ...more, ""].join(newline) };
}

function standardTables(text: string): AST.TOMLTable[] {
  return parseTOML(text, { tomlVersion: "1.0" }).body[0].body.filter(
    (item): item is AST.TOMLTable => item.type === "TOMLTable" && item.kind === "standard",
  );
}

/** The number of the line that the table's last entry ends on. */
function endOf(tables: readonly AST.TOMLTable[], path: readonly string[]): number | undefined {
  const table = tables.find(({ resolvedKey }) => resolvedKey.join("\0") === path.join("\0"));
  return table && (table.body.at(-1) ?? table.key).loc.end.line;
}
