/** Git's id of a tree that is in no repository: what a signed tag is held against. */
import { hashObject, type ObjectHash, type ObjectId } from "@firstmile/formats/git/object-id";
import type { NarNode } from "@firstmile/formats/nix/nar";

/** Empty directories are in no Git tree, so that one with them has the id of one without. */
export function gitTreeId(root: NarNode, hash: ObjectHash): ObjectId {
  const { id } = objectOf(root, hash) ?? { id: hashObject("tree", new Uint8Array(0), hash) };
  return id;
}

interface GitEntry {
  readonly mode: string;
  readonly id: ObjectId;
}

function objectOf(node: NarNode, hash: ObjectHash): GitEntry | undefined {
  if (node.kind === "symlink") return { mode: "120000", id: hashObject("blob", node.target, hash) };
  if (node.kind === "regular") {
    const id = hashObject("blob", Buffer.concat([...node.content]), hash);
    return { mode: node.executable ? "100755" : "100644", id };
  }
  const entries = [...node.entries].flatMap(({ name, node: child }) => {
    const entry = objectOf(child, hash);
    return entry ? [{ name: Buffer.from(name), ...entry }] : [];
  });
  if (entries.length === 0) return undefined;
  const sorted = entries.sort((a, b) => Buffer.compare(sortName(a), sortName(b)));
  const content = sorted.flatMap(({ mode, name, id }) => [
    Buffer.from(`${mode} `),
    name,
    Buffer.of(0),
    Buffer.from(id, "hex"),
  ]);
  return { mode: "40000", id: hashObject("tree", Buffer.concat(content), hash) };
}

/** Git sorts a directory as if a slash ended its name. */
function sortName({ mode, name }: { mode: string; name: Buffer }): Buffer {
  return mode === "40000" ? Buffer.concat([name, Buffer.from("/")]) : name;
}
