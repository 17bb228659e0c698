/**
 * A Git tree as a tar archive with one directory at its top, as Nix takes sources. Claim: every byte of it was re-hashed
 * on the way, and the same tree and time give the same archive. A submodule is an empty directory, as in the NAR.
 */
import { TAR_END, type TarMember, tarHeader, tarPadding } from "@firstmile/formats/tar/write";
import { blobOf, type GitTree, type TreeStep } from "./git-tree.ts";
import { inOrder } from "./in-order.ts";
import type { GitObjects } from "./objects.ts";

const TOP = Buffer.from("source");
const SLASH = Buffer.from("/");
/** Small members are put together: each piece costs whoever compresses and sends it. */
const PIECE = 256 << 10;
const ZEROS = Buffer.alloc(512);

/** The archive's bytes, in pieces; `time` (Unix seconds) is that of every member. Throws `GitTreeError`. */
export async function* tarOfTree(objects: GitObjects, tree: GitTree, time: number): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [Buffer.from(tarHeader({ kind: "directory", path: TOP, time }))];
  let size = 0;
  const open: Buffer[] = [TOP];
  for await (const { item, content } of inOrder(objects, tree.steps(), blobOf)) {
    if (item.kind === "end") {
      open.pop();
      continue;
    }
    const path = Buffer.concat([open.at(-1)!, SLASH, item.name]);
    if (item.kind === "directory") open.push(path);
    waiting.push(...bytesOf(memberOf(item, path, content, time), content));
    size += content.length;
    if (size < PIECE && waiting.length < 1024) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    size = 0;
  }
  yield Buffer.concat([...waiting, TAR_END]);
}

function memberOf(
  step: Exclude<TreeStep, { kind: "end" }>,
  path: Buffer,
  content: Buffer,
  time: number,
): TarMember {
  switch (step.kind) {
    case "file":
      return { kind: "file", path, time, executable: step.executable, size: content.length };
    case "symlink":
      return { kind: "symlink", path, time, target: content };
    default:
      return { kind: "directory", path, time };
  }
}

function bytesOf(member: TarMember, content: Buffer): Buffer[] {
  const header = Buffer.from(tarHeader(member));
  if (member.kind !== "file") return [header];
  return [header, content, ZEROS.subarray(0, tarPadding(content.length))];
}
