/** Writes Git objects as one pack (gitformat-pack), some hundred thousand a minute; `git index-pack` takes them in. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

const TYPES = { commit: 1, tree: 2, blob: 3 } as const;

export class PackWriter {
  private readonly parts: Buffer[] = [];
  private readonly seen = new Set<string>();

  /** Adds an object and returns its id. */
  add(type: keyof typeof TYPES, content: Buffer): string {
    const id = createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
    if (!this.seen.has(id)) {
      this.seen.add(id);
      // What zlib returns keeps a whole chunk alive, 16 KiB unless told.
      const compressed = deflateSync(content, { level: 1, chunkSize: content.length + 64 });
      this.parts.push(entryHead(TYPES[type], content.length), compressed);
    }
    return id;
  }

  /** Puts everything into a repository. */
  into(repository: string): void {
    const head = Buffer.alloc(12);
    head.write("PACK");
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(this.seen.size, 8);
    const body = Buffer.concat([head, ...this.parts]);
    const input = Buffer.concat([body, createHash("sha1").update(body).digest()]);
    execFileSync("git", ["-C", repository, "index-pack", "--stdin"], { input, stdio: "pipe" });
  }
}

/** Three bits of type and the size, in groups of seven bits behind the first four. */
export function entryHead(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size & 15);
  for (let rest = size >>> 4; rest > 0; rest >>>= 7) {
    bytes.push(byte | 0x80);
    byte = rest & 0x7f;
  }
  return Buffer.from([...bytes, byte]);
}

/** A tree of plain files. */
export function treeOf(files: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(files).sort();
  return Buffer.concat(
    names.map((name) => Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(files[name]!, "hex")])),
  );
}
