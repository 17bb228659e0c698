/**
 * flake.lock: which inputs a flake was evaluated with. Reads versions 5 to 7, resolves `follows`, and says for each
 * node which inputs it sees, without evaluating anything.
 *
 * The lock is unsigned data that names what to fetch: nothing in it is believed here. Fields that are not known are
 * kept as they are, so that whoever compares a lock with what it names sees all of it.
 * Source: Nix manual, "nix flake: Lock files".
 */
import { FormatError } from "../bytes/error.ts";
import { type NarHash, parseNarHash } from "./hash.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "./json.ts";

declare const nodeNameBrand: unique symbol;
/** The key of a node in the lock file: a label, chosen by whoever wrote the lock. */
export type LockNodeName = string & { readonly [nodeNameBrand]: true };

/** What an input is pinned to. Every field besides `type` is there only where the lock has it. */
export interface LockedReference {
  /** `github`, `gitlab`, `sourcehut`, `git`, `hg`, `tarball`, `file`, `path`, `indirect` or one not known. */
  readonly type: string;
  readonly narHash?: NarHash;
  readonly owner?: string;
  readonly repo?: string;
  readonly host?: string;
  readonly url?: string;
  readonly path?: string;
  readonly id?: string;
  readonly ref?: string;
  /** Lower-case hex, 40 or 64 digits. */
  readonly rev?: string;
  /** Directory of the flake inside the tree. */
  readonly dir?: string;
  /** Unix seconds. */
  readonly lastModified?: number;
  readonly revCount?: number;
  readonly submodules?: boolean;
  readonly shallow?: boolean;
  /** The whole object as written, with fields that are not known. */
  readonly fields: JsonObject;
}

export interface LockNode {
  readonly name: LockNodeName;
  /** Undefined for the root, and for inputs that are paths into another node in versions that do not lock those. */
  readonly locked: LockedReference | undefined;
  readonly original: JsonObject | undefined;
  /** False where the input is fetched as a plain tree and its flake.nix is not used. */
  readonly flake: boolean;
  /** By the input's name: the node it comes to, with `follows` resolved; undefined where it follows nothing. */
  readonly inputs: ReadonlyMap<string, LockNodeName | undefined>;
}

export interface FlakeLock {
  readonly version: 5 | 6 | 7;
  readonly root: LockNodeName;
  readonly nodes: ReadonlyMap<LockNodeName, LockNode>;
}

const MAX_BYTES = 16 << 20;
const MAX_FOLLOWS = 100;

function fail(field: string, problem: string): never {
  throw new FormatError("flake.lock", field, 0, problem);
}

/** Throws `FormatError` that names the node and field. */
export function parseFlakeLock(bytes: Uint8Array): FlakeLock {
  if (bytes.length > MAX_BYTES) fail("size", "is over 16 MiB");
  const file = asObject(parseStrictJson(decodeUtf8(bytes), "flake.lock"), "file");
  const version = file.version;
  if (version !== 5 && version !== 6 && version !== 7) fail("version", "is not 5, 6 or 7");
  const rawNodes = new Map(Object.entries(asObject(file.nodes, "nodes")));
  const root = file.root;
  if (typeof root !== "string" || !rawNodes.has(root)) fail("root", "names no node");
  const raw = new Map([...rawNodes].map(([name, node]) => [name, readNode(name, node)]));
  const resolver = new FollowsResolver(raw, root);
  const nodes = new Map<LockNodeName, LockNode>();
  for (const [name, node] of raw) {
    const inputs = [...node.inputs.keys()].map((input) => [input, resolver.input(name, input)] as const);
    nodes.set(name as LockNodeName, { ...node.node, inputs: new Map(inputs) });
  }
  if (nodes.get(root as LockNodeName)!.locked) fail(`node ${root}`, "is the root and locked to something");
  return { version, root: root as LockNodeName, nodes };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail("encoding", "is not UTF-8");
  }
}

/** A node name, or a path of input names from the root. */
type RawInput = string | readonly string[];

interface RawNode {
  readonly node: Omit<LockNode, "inputs">;
  readonly inputs: ReadonlyMap<string, RawInput>;
}

function readNode(name: string, value: JsonValue): RawNode {
  const where = `node ${name}`;
  const node = asObject(value, where);
  const inputs = new Map<string, RawInput>();
  for (const [input, target] of Object.entries(asObject(node.inputs ?? {}, `${where}: inputs`))) {
    inputs.set(input, asInput(target, `${where}: inputs.${input}`));
  }
  const flake = node.flake ?? true;
  if (typeof flake !== "boolean") fail(`${where}: flake`, "is not true or false");
  return {
    node: {
      name: name as LockNodeName,
      locked: node.locked === undefined ? undefined : readLocked(node.locked, `${where}: locked`),
      original: node.original === undefined ? undefined : asObject(node.original, `${where}: original`),
      flake,
    },
    inputs,
  };
}

function asInput(value: JsonValue, where: string): RawInput {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((part) => typeof part === "string")) return value;
  return fail(where, "is neither a node nor a path of inputs");
}

const TEXT_FIELDS = ["owner", "repo", "host", "url", "path", "id", "ref", "dir"] as const;
const NUMBER_FIELDS = ["lastModified", "revCount"] as const;
const FLAG_FIELDS = ["submodules", "shallow"] as const;

function readLocked(value: JsonValue, where: string): LockedReference {
  const fields = asObject(value, where);
  if (typeof fields.type !== "string") fail(`${where}.type`, "is missing");
  return {
    type: fields.type,
    ...pick(fields, TEXT_FIELDS, where, (v) => typeof v === "string", "a string"),
    ...pick(fields, NUMBER_FIELDS, where, (v) => Number.isSafeInteger(v) && (v as number) >= 0, "a number"),
    ...pick(fields, FLAG_FIELDS, where, (v) => typeof v === "boolean", "true or false"),
    ...(fields.rev === undefined ? {} : { rev: asRevision(fields.rev, where) }),
    ...(fields.narHash === undefined ? {} : { narHash: asNarHash(fields.narHash, where) }),
    fields,
  };
}

function pick<K extends string>(
  fields: JsonObject,
  keys: readonly K[],
  where: string,
  isRight: (value: JsonValue) => boolean,
  expected: string,
): Partial<Record<K, never>> {
  const found: Partial<Record<K, JsonValue>> = {};
  for (const key of keys) {
    const value = fields[key];
    if (value === undefined) continue;
    if (!isRight(value)) fail(`${where}.${key}`, `is not ${expected}`);
    found[key] = value;
  }
  return found as Partial<Record<K, never>>;
}

/** Full commit ids only: a short one could come to mean another commit. */
function asRevision(value: JsonValue, where: string): string {
  if (typeof value === "string" && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(value)) return value;
  return fail(`${where}.rev`, "is not a whole commit id in lower-case hex");
}

function asNarHash(value: JsonValue, where: string): NarHash {
  if (typeof value !== "string") fail(`${where}.narHash`, "is not a string");
  try {
    return parseNarHash(value);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return fail(`${where}.narHash`, error.message);
  }
}

function asObject(value: JsonValue | undefined, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  return fail(where, "is not an object");
}

const OPEN = Symbol("being resolved");

/** Resolves `follows`: a path of input names, walked from the root, each step of which may follow again. */
class FollowsResolver {
  private readonly nodes: ReadonlyMap<string, RawNode>;
  private readonly root: string;
  /** Inputs already resolved; `OPEN` while one is being resolved. */
  private readonly done = new Map<string, LockNodeName | undefined | typeof OPEN>();

  constructor(nodes: ReadonlyMap<string, RawNode>, root: string) {
    this.nodes = nodes;
    this.root = root;
  }

  /** The node that an input of a node comes to; undefined for `follows = ""`, which Nix writes as an empty path. */
  input(node: string, input: string, depth = 0): LockNodeName | undefined {
    const where = `node ${node}: inputs.${input}`;
    const key = JSON.stringify([node, input]);
    if (this.done.has(key)) {
      const known = this.done.get(key);
      return known === OPEN ? fail(where, "follows itself") : known;
    }
    if (depth > MAX_FOLLOWS) fail(where, `follows more than ${MAX_FOLLOWS} times`);
    this.done.set(key, OPEN);
    const resolved = this.resolve(this.nodes.get(node)!.inputs.get(input), where, depth);
    this.done.set(key, resolved);
    return resolved;
  }

  private resolve(target: RawInput | undefined, where: string, depth: number): LockNodeName | undefined {
    if (target === undefined) return fail(where, "is not there");
    if (typeof target === "string") {
      return this.nodes.has(target) ? (target as LockNodeName) : fail(where, "names no node");
    }
    if (target.length === 0) return undefined;
    let node: string = this.root;
    for (const step of target) {
      if (!this.nodes.get(node)!.inputs.has(step)) fail(where, "follows an input that is not there");
      const next = this.input(node, step, depth + 1);
      if (next === undefined) return fail(where, "follows through an input that follows nothing");
      node = next;
    }
    return node as LockNodeName;
  }
}
