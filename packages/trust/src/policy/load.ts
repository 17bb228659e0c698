/**
 * The one door through which rules become a policy.
 *
 * Claims: a policy that loads says what its text says and nothing was ignored; every name it uses is defined once,
 * every key parsed, and every group that something rests on can be met by people with keys for that use. Against: a
 * slip of whoever writes it, and text made to be read in two ways. Leaves out: who wrote it (its repository's history
 * says that) and whether it has expired (the caller knows the time).
 */
import { withSharedLives } from "../imports/life.ts";
import { checkShape } from "./check.ts";
import { DefectList, MAX_DEFECTS, POLICY_FILE, type Position } from "./defect.ts";
import { digestFiles } from "./digest.ts";
import { child, Literal, type Node, readDocument } from "./document.ts";
import { type GroupUse, GroupUses } from "./group-uses.ts";
import { type Beyond, GroupReader, MAX_NAMED } from "./groups.ts";
import { readImports } from "./imports.ts";
import { KeyReader } from "./keys.ts";
import type { ImportName, PrincipalName, RoleName } from "./names.ts";
import type { Group, Import, Key, Policy, PolicyResult, Principal } from "./policy.ts";
import { readPrincipals } from "./principals.ts";
import { topShape } from "./shape.ts";
import { reportSilentSubkeys } from "./silent-subkeys.ts";
import { SourceReader } from "./sources.ts";
import { type Electorate, isMet, isMetByOperator } from "./thresholds.ts";
import { readUpstreams } from "./upstream.ts";

/**
 * Reads a policy out of a trust repository's tree.
 *
 * @param files path -> bytes: `firstmile.toml` and what is below `keys/`; other files are not looked at
 */
export function loadPolicy(files: ReadonlyMap<string, Uint8Array>): PolicyResult {
  const defects = new DefectList();
  const policy = read(files, defects);
  if (policy && defects.count === 0) return { ok: true, policy };
  return { ok: false, defects: defects.sorted() };
}

/**
 * As much of former rules as says who was listened to. They were in force once, so what a later version of this program
 * finds wrong with them must not make a word unheard.
 *
 * @returns undefined where nothing of it can be read
 */
export function loadFormerPolicy(files: ReadonlyMap<string, Uint8Array>): Policy | undefined {
  return read(files, new DefectList());
}

function read(files: ReadonlyMap<string, Uint8Array>, defects: DefectList): Policy | undefined {
  const bytes = files.get(POLICY_FILE);
  if (!bytes) {
    const problem = `the trust repository has no file ${POLICY_FILE}`;
    defects.add({ line: 1, column: 1 }, "missing-file", problem, "write one: spec/policy.md has an example");
    return undefined;
  }
  const root = readDocument(bytes, defects);
  return root && assemble(root, bytes, files, defects);
}

function assemble(
  root: Node,
  bytes: Uint8Array,
  files: ReadonlyMap<string, Uint8Array>,
  defects: DefectList,
): Policy | undefined {
  const top = checkShape(topShape, root, "policy", defects);
  const expires = readExpiry(root, defects);
  const keys = new KeyReader(files, defects);
  const { principals, names } = readPrincipals(child(root, "principal"), keys, defects);
  const importing = readImports(child(root, "import"), defects);
  if (importing.size === 0) reportSilentSubkeys(keys.spokenOf, principals.values(), defects);
  const keyring = (file: string, at: Position) => keys.keyring(file, at);
  const groups = readRoles(root, names, { imports: importing, keyring }, defects);
  const roles = groups.roles();
  const uses = new GroupUses(groups);
  const reader = new SourceReader(uses, defects);
  const sources = reader.sources(child(root, "source"));
  const upstreams = readUpstreams(
    child(root, "upstream"),
    { principals, names, who: (shape, node) => uses.who(shape, node) },
    defects,
  );
  const head = reader.head(top?.head, root);
  reader.mirrors(top?.mirrors ?? [], child(root, "mirrors"));
  reader.mirrors(top?.evidence ?? [], child(root, "evidence"));
  const outputTable = child(root, "output");
  const output = outputTable?.value instanceof Map ? reader.output(outputTable) : undefined;
  checkReach({ principals, roles }, uses, root, defects);
  checkRoot(roles, root, defects);
  if (!top || expires === undefined) return undefined;
  const digest = digestFiles(new Map([[POLICY_FILE, bytes], ...keys.named]));
  const { name, mode, mirrors, evidence } = top;
  const imports = new Map(
    [...importing].filter((entry): entry is [ImportName, Import] => entry[1] !== undefined),
  );
  return {
    name,
    mode,
    expires,
    digest,
    principals: withSharedLives(principals),
    roles,
    sources,
    imports,
    mirrors,
    head,
    upstreams,
    output,
    evidence,
  };
}

function readExpiry(root: Node, defects: DefectList): number | undefined {
  const node = child(root, "expires");
  if (!node) return undefined;
  if (node.value instanceof Literal && Number.isSafeInteger(node.value.seconds)) return node.value.seconds;
  const problem = "the policy's end is no date with a time and an offset from UTC";
  defects.add(node.at, "bad-date", problem, "write expires = 2027-06-01T00:00:00Z, without quotes");
  return undefined;
}

function readRoles(root: Node, names: ReadonlySet<string>, beyond: Beyond, defects: DefectList): GroupReader {
  const table = child(root, "role");
  const size = table?.value instanceof Map ? table.value.size : 0;
  if (size > MAX_NAMED) {
    defects.add(table!.keyAt, "too-large", `there are ${size} roles, over ${MAX_NAMED}`, "merge some");
  }
  if (table && !child(table, "root")) {
    const help = "add root = { any = 1, of = [...] }: whoever may change the policy itself";
    defects.add(table.keyAt, "missing-role", "there is no role root", help);
  }
  return new GroupReader(names, table, beyond, defects);
}

/** A group that nobody could meet is a slip that would show only when it locks everybody out. */
function checkReach(policy: Electorate, uses: GroupUses, root: Node, defects: DefectList): void {
  const { principals, roles } = policy;
  const everyone = new Set(principals.keys());
  for (const [name, group] of roles) {
    if (defects.count >= MAX_DEFECTS) return;
    const node = child(child(root, "role")!, name)!;
    if (!known(group, policy) || isMet(group, everyone, policy)) continue;
    const problem = `all of its members together could not meet it: one person may not stand for two members`;
    defects.add(
      node.keyAt,
      "never-met",
      `the role ${name}: ${problem}`,
      "lower the threshold, or add people",
    );
  }
  const rootRole = roles.get("root" as RoleName);
  const rootUse = rootRole && {
    group: rootRole,
    role: "root" as RoleName,
    node: child(child(root, "role")!, "root")!,
  };
  for (const use of rootUse ? [rootUse, ...uses.signing] : uses.signing)
    checkUse(use, SIGNING, policy, defects);
  for (const use of uses.building) checkUse(use, BUILDING, policy, defects);
}

interface Use {
  readonly kinds: readonly Key["kind"][];
  readonly what: string;
  readonly keys: string;
  readonly holds: typeof isMet;
}

const SIGNING: Use = {
  kinds: ["openpgp", "ssh", "ssh-authority", "sigstore"],
  what: "commits",
  keys: "an OpenPGP or SSH key",
  holds: isMet,
};
const BUILDING: Use = {
  kinds: ["nix"],
  what: "outputs",
  keys: 'a Nix key ("nix:NAME:BASE64")',
  holds: isMetByOperator,
};

function checkUse({ group, role, node }: GroupUse, use: Use, policy: Electorate, defects: DefectList): void {
  if (!known(group, policy)) return;
  const everyone = new Set(policy.principals.keys());
  const able = [...policy.principals.values()].filter(({ keys }) =>
    keys.some((key) => use.kinds.includes(key.kind)),
  );
  if (use.holds(group, new Set(able.map(({ name }) => name)), policy)) return;
  const subject = role === undefined ? "this group" : `the role ${role}`;
  if (isMet(group, everyone, policy)) {
    const operators = use === BUILDING ? ", one vote an operator" : "";
    const problem = `${subject} could never sign ${use.what}: too few of its members have a key for that${operators}`;
    defects.add(
      node.at,
      "never-met-without-keys",
      problem,
      `give more of them ${use.keys}, or lower the threshold`,
    );
  } else if (role === undefined) {
    const problem = `${subject} could not be met by all of its members together`;
    defects.add(node.at, "never-met", problem, "lower the threshold, or add people");
  }
}

/** Whoever imports `root` hands over the repository itself: nothing here would hold against its owners. */
function checkRoot(roles: Policy["roles"], root: Node, defects: DefectList): void {
  const group = roles.get("root" as RoleName);
  if (!group || !reachesImport(group, roles)) return;
  const node = child(child(root, "role")!, "root")!;
  const problem = "the role root rests on an imported role: another repository could change the rules here";
  defects.add(node.at, "root-imported", problem, "list people of this policy in root");
}

function reachesImport(group: Group, roles: Policy["roles"]): boolean {
  return group.of.some((member) => {
    if (member.kind === "imported") return true;
    if (member.kind === "certified") return reachesImport(member.certified.by, roles);
    if (member.kind === "group") return reachesImport(member.group, roles);
    return member.kind === "role" && reachesImport(roles.get(member.name)!, roles);
  });
}

/** Whether all of its people loaded: what is missing for another defect's sake is not told again. */
function known(group: Group, policy: Electorate): boolean {
  return group.of.every((member) => {
    if (member.kind === "principal") return loaded(policy.principals, member.name);
    // Who these are is not in this file: whether they suffice shows when they are filled in.
    if (member.kind === "imported" || member.kind === "certified") return false;
    const inner = member.kind === "group" ? member.group : policy.roles.get(member.name);
    return inner !== undefined && known(inner, policy);
  });
}

function loaded(principals: ReadonlyMap<PrincipalName, Principal>, name: PrincipalName): boolean {
  return (principals.get(name)?.keys.length ?? 0) > 0;
}
