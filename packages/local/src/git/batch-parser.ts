/** Cuts the output of `git cat-file --batch-command` into objects, however the pipe cut it into chunks. */

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly content: Buffer;
}

/** An object over the limit of its type, whose content was passed over. */
export interface OversizedObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly oversized: number;
}

export type Answer = GitObject | OversizedObject | { readonly missing: string };

/**
 * Largest objects taken into memory, in bytes. A history names its commits by the million, so whoever plants them
 * must not get a gigabyte for each; files can be large.
 */
export const MAX_BYTES: Readonly<Record<ObjectType, number>> = {
  commit: 32 << 20,
  tag: 32 << 20,
  tree: 1 << 30,
  blob: 1 << 30,
};
const MAX_HEADER_BYTES = 256;
const NEWLINE = 10;
const HEADER = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d{1,12})$/;

/** Output that is not what Git documents. */
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
    this.current = {
      id: match[1]!,
      type: match[2] as ObjectType,
      size: Number(match[3]),
      parts: [],
      have: 0,
    };
  }

  /** Content is followed by one line break, which is counted with it. */
  private takeContent(input: Buffer): number {
    const current = this.current!;
    const { id, type, size } = current;
    const part = input.subarray(0, size + 1 - current.have);
    const fits = size <= MAX_BYTES[type];
    if (fits) current.parts.push(part);
    current.have += part.length;
    if (current.have === size + 1) {
      this.current = undefined;
      this.emit(fits ? { id, type, content: joined(current.parts, size) } : { id, type, oversized: size });
    }
    return part.length;
  }
}

function joined(parts: readonly Buffer[], size: number): Buffer {
  const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return whole.subarray(0, size);
}
