/** Turns what the schema objects to into defects: a place, what is wrong, what to write instead. */
import type { z } from "zod";
import type { DefectList } from "./defect.ts";
import { child, describe, type Node, plain } from "./document.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import { KNOWN_KEYS, type Part, UNSUPPORTED_VALUES } from "./shape.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * The value of `node` where it has this shape. Where it has not, the defects are listed, and what comes back (the rest
 * of it, or undefined) serves only to find more of them.
 */
export function checkShape<T>(
  schema: z.ZodType<T>,
  node: Node,
  part: Part,
  defects: DefectList,
): T | undefined {
  const result = schema.safeParse(plain(node));
  if (result.success) return result.data;
  const before = defects.count;
  const issues = result.error.issues.flatMap((issue) => flatten(issue, [], node));
  const foreign = issues.filter(({ issue }) => issue.code === "unrecognized_keys");
  for (const { issue, path } of foreign) reportKeys(issue, path, node, part, defects);
  for (const { issue, path } of issues) {
    const told = issue.code === "too_small" && issues.some((other) => isTypeOf(other, path));
    if (issue.code !== "unrecognized_keys" && !told) reportValue(issue, path, node, part, defects);
  }
  // Whatever the cases above make of an issue, a part that the schema refused must never load.
  if (defects.count === before) {
    defects.add(
      node.at,
      "bad-value",
      `this ${part} is not as it should be`,
      "compare it with spec/policy.md",
    );
  }
  return mended(schema, node, issues);
}

/** With the refused keys gone and a possible value for each impossible one, the rest is still looked at. */
function mended<T>(schema: z.ZodType<T>, node: Node, issues: readonly Placed[]): T | undefined {
  const value = plain(node);
  for (const { issue, path } of issues) {
    const last = path.at(-1);
    if (issue.code === "unrecognized_keys") for (const key of issue.keys) delete descend(value, path)[key];
    else if (issue.code === "invalid_value" && last !== undefined && find(node, path)) {
      descend(value, path.slice(0, -1))[last] = issue.values[0];
    }
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

function descend(value: unknown, path: Path): Record<PropertyKey, unknown> {
  let table = value as Record<PropertyKey, unknown>;
  for (const step of path) table = table[step] as Record<PropertyKey, unknown>;
  return table;
}

/** A list in place of a string is counted as well: its type is what is wrong with it. */
function isTypeOf({ issue, path }: Placed, at: Path): boolean {
  return issue.code === "invalid_type" && path.join("\0") === at.join("\0");
}

interface Placed {
  readonly issue: Issue;
  readonly path: Path;
}

/** Of a union's alternatives, only what the one that was meant objects to. */
function flatten(issue: Issue, base: Path, root: Node): Placed[] {
  const path = [...base, ...issue.path];
  if (issue.code !== "invalid_union") return [{ issue, path }];
  const isTable = find(root, path)?.value instanceof Map;
  const meant = issue.errors.find(
    (branch) => isTable && !branch.some((inner) => inner.path.length === 0 && inner.code === "invalid_type"),
  );
  const list = issue.errors.find((branch) => branch.some((inner) => inner.path.length > 0));
  const branch = meant ?? (Array.isArray(find(root, path)?.value) ? list : undefined);
  if (branch) return branch.flatMap((inner) => flatten(inner, path, root));
  return [{ issue, path }];
}

function reportKeys(issue: Issue, path: Path, root: Node, part: Part, defects: DefectList): void {
  if (issue.code !== "unrecognized_keys") return;
  const table = find(root, path) ?? root;
  const inner = partAt(part, path);
  for (const key of issue.keys) {
    const at = child(table, key)?.keyAt ?? table.at;
    const help = suggestion(key, KNOWN_KEYS[inner]);
    defects.add(at, "unknown-key", `${quoted(key)} is no key of ${NOUNS[inner]}`, help);
  }
}

/** "did you mean ...?" where something is near, the known words where nothing is. */
export function suggestion(word: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(word, all);
  return near === undefined ? oneOf(all) : `did you mean ${quoted(near)}?`;
}

function oneOf(words: readonly string[]): string {
  return words.length > 1 ? `write one of ${listed(words)}` : `write ${listed(words)}`;
}

function reportValue(issue: Issue, path: Path, root: Node, part: Part, defects: DefectList): void {
  const node = find(root, path);
  const name = String(path.at(-1) ?? part);
  if (!node) reportMissing(name, path, root, part, defects);
  else if (issue.code === "invalid_value") reportChoice(issue.values, name, node, defects);
  else if (issue.code === "too_small") {
    defects.add(node.at, "bad-value", `${quoted(name)} is empty`, "write at least one entry or character");
  } else {
    const problem = `${quoted(name)} is ${describe(node)}`;
    defects.add(node.at, "wrong-type", problem, `write ${expectation(issue)}`);
  }
}

function reportMissing(name: string, path: Path, root: Node, part: Part, defects: DefectList): void {
  const table = find(root, path.slice(0, -1)) ?? root;
  const inner = partAt(part, path.slice(0, -1));
  const help = TABLES[name] ?? `add ${name} = ${EXAMPLES[name] ?? "..."}`;
  defects.add(table.keyAt, "missing-key", `${NOUNS[inner]} needs ${quoted(name)}`, help);
}

function reportChoice(choices: readonly unknown[], name: string, node: Node, defects: DefectList): void {
  const { value } = node;
  const words = choices.filter((choice) => typeof choice === "string");
  if (typeof value === "string" && UNSUPPORTED_VALUES.get(name)?.includes(value)) {
    const problem = `${name} = ${quoted(value)} is not supported by this version of Firstmile`;
    defects.add(node.at, "unsupported", problem, oneOf(words));
    return;
  }
  const help = words.length > 0 ? suggestion(String(value), words) : `write ${choices.join(" or ")}`;
  defects.add(node.at, "bad-value", `${quoted(name)} is ${describe(node)}`, help);
}

function expectation(issue: Issue): string {
  if (issue.code === "invalid_type") return EXPECTED[issue.expected] ?? `a value of type ${issue.expected}`;
  if (issue.code !== "invalid_union") return "another value";
  const branches = issue.errors.map((branch) => branch[0]).filter((inner) => inner !== undefined);
  return branches.map(expectation).join(" or ");
}

const NOUNS: Readonly<Record<Part, string>> = {
  policy: "a policy",
  principal: "a principal",
  key: "a key",
  group: "a group",
  source: "a source",
  introduction: "an introduction",
  head: "a demand for a signed head",
  retired: "a key's retirement",
  compromised: "a key's compromise",
  certified: "a certified role",
  rule: "a rule",
  import: "an import",
  upstream: "an upstream rule",
  output: "[output]",
};

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  int: "a whole number",
  number: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a table",
  record: "a table",
};

/** Parts that are tables of their own. */
const TABLES: Readonly<Record<string, string>> = {
  principal: "add [principal.alice] and so on, a table for each person, team, bot and builder",
  role: 'add [role] with the line root = { any = 1, of = ["alice"] }',
};

const EXAMPLES: Readonly<Record<string, string>> = {
  format: "1",
  name: '"acme"',
  expires: "2027-06-01T00:00:00Z",
  keys: '["keys/alice.asc"]',
  file: '"keys/alice.pub"',
  any: "1",
  of: '["alice"]',
  urls: '["https://..."]',
  authenticate: '"every-commit"',
  introduction: '{ commit = "...", signed_by = "..." }',
  commit: '"the full commit id"',
  signed_by: '"a role"',
  paths: '["**"]',
  write: '"a role"',
  author: '"the principal who releases this"',
  handoff: '"a role"',
  builders: '"a role"',
  roles: '["packager"]',
  reason: '"what happened"',
  after: '"the last commit that it may have signed"',
  by: '"a role"',
  keyring: '"keys/people.gpg"',
  max_age: '"7d"',
  review: '"a role"',
};

/** Which part the table at `path` inside a `part` is. */
function partAt(part: Part, path: Path): Part {
  if (path.length === 0) return part;
  const last = path.findLast((step) => typeof step === "string");
  if (last !== undefined && Object.hasOwn(KNOWN_KEYS, last)) return last as Part;
  return part === "principal" ? "key" : "group";
}

function find(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const step of path) node = node && child(node, step as string | number);
  return node;
}
