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
  /** A header that has not come to its end. */
  private rest: Buffer = Buffer.alloc(0);
  /** The object whose content is arriving, with the parts that are here. */
  private current: { id: string; type: ObjectType; size: number; parts: Buffer[]; have: number } | undefined;

  constructor(emit: (answer: Answer) => void) {
    this.emit = emit;
  }

  /** Takes the next chunk; calls `emit` for each answer it completes. Throws `BatchFormatError`. */
  push(chunk: Buffer): void {
    const input = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    this.rest = Buffer.alloc(0);
    for (let at = 0; at < input.length; ) {
      const end = this.current ? this.takeContent(input, at) : this.takeHeader(input, at);
      if (end === at) {
        this.rest = input.subarray(at);
        return;
      }
      at = end;
    }
  }

  /** Where the header that begins at `at` ends; `at` itself where that is still to come. */
  private takeHeader(input: Buffer, at: number): number {
    const end = input.indexOf(NEWLINE, at);
    if (end - at > MAX_HEADER_BYTES || (end < 0 && input.length - at > MAX_HEADER_BYTES))
      throw new BatchFormatError("header too long");
    if (end < 0) return at;
    this.header(input.toString("latin1", at, end));
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
  private takeContent(input: Buffer, at: number): number {
    const current = this.current!;
    const { id, type, size } = current;
    const end = Math.min(input.length, at + size + 1 - current.have);
    const fits = size <= MAX_BYTES[type];
    current.have += end - at;
    const whole = current.have === size + 1;
    if (fits) current.parts.push(input.subarray(at, whole ? end - 1 : end));
    if (whole) {
      this.current = undefined;
      this.emit(fits ? { id, type, content: joined(current.parts, size) } : { id, type, oversized: size });
    }
    return end;
  }
}

/** The line break may be in a part of its own. */
function joined(parts: readonly Buffer[], size: number): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
}
