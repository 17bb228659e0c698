/** Cuts the output of `git cat-file --batch-command` into objects, however the pipe cut it into chunks. */

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly content: Buffer;
}

type Answer = GitObject | { readonly missing: string };

/** Largest object taken into memory, in bytes. */
const MAX_OBJECT_BYTES = 1 << 30;
const MAX_HEADER_BYTES = 256;
const NEWLINE = 10;
const HEADER = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d{1,12})$/;

/** Output that is not what Git documents, or an object over the limit. */
export class BatchFormatError extends Error {
  constructor(problem: string) {
    super(`git cat-file: ${problem}`);
    this.name = "BatchFormatError";
  }
}

export class BatchParser {
  private readonly emit: (answer: Answer) => void;
  private rest: Buffer = Buffer.alloc(0);
  /** The object whose content is arriving, with the parts that are here. */
  private current: { id: string; type: ObjectType; size: number; parts: Buffer[]; have: number } | undefined;

  constructor(emit: (answer: Answer) => void) {
    this.emit = emit;
  }

  /** Takes the next chunk; calls `emit` for each answer it completes. Throws `BatchFormatError`. */
  push(chunk: Buffer): void {
    let input = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    this.rest = Buffer.alloc(0);
    while (input.length > 0) {
      const used = this.current ? this.takeContent(input) : this.takeHeader(input);
      if (used === 0) {
        this.rest = input;
        return;
      }
      input = input.subarray(used);
    }
  }

  private takeHeader(input: Buffer): number {
    const end = input.indexOf(NEWLINE);
    if (end > MAX_HEADER_BYTES || (end < 0 && input.length > MAX_HEADER_BYTES))
      throw new BatchFormatError("header too long");
    if (end < 0) return 0;
    this.header(input.toString("latin1", 0, end));
    return end + 1;
  }

  private header(line: string): void {
    if (line.endsWith(" missing")) {
      this.emit({ missing: line.slice(0, -8) });
      return;
    }
    const match = HEADER.exec(line);
    if (!match) throw new BatchFormatError(`unexpected answer ${JSON.stringify(line)}`);
    const size = Number(match[3]);
    if (size > MAX_OBJECT_BYTES)
      throw new BatchFormatError(`${match[1]} has ${size} bytes, over the limit of ${MAX_OBJECT_BYTES}`);
    this.current = { id: match[1]!, type: match[2] as ObjectType, size, parts: [], have: 0 };
  }

  /** Content is followed by one line break, which is counted with it. */
  private takeContent(input: Buffer): number {
    const current = this.current!;
    const part = input.subarray(0, current.size + 1 - current.have);
    current.parts.push(part);
    current.have += part.length;
    if (current.have === current.size + 1) {
      this.current = undefined;
      const whole = current.parts.length === 1 ? part : Buffer.concat(current.parts);
      this.emit({ id: current.id, type: current.type, content: whole.subarray(0, current.size) });
    }
    return part.length;
  }
}
