/**
 * What the server tells whoever started it, one JSON text a line, in Latin-1 so that paths stay the bytes they are.
 * Each line is written before the kernel has its answer: what a command has opened is always told.
 */
import type { BrokenFile, ListedDirectory, OpenedFile, ViewRecord } from "./view.ts";

export type ServerLine =
  | { readonly kind: "serving" }
  /** This machine does not let us mount. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** The trees cannot be served. */
  | { readonly kind: "failed"; readonly name: string; readonly message: string }
  | ({ readonly kind: "file" } & OpenedFile)
  | ({ readonly kind: "directory" } & ListedDirectory)
  | ({ readonly kind: "broken" } & BrokenFile);

/**
 * Most lines of one view. Trees have at most four million paths; a record that could not be kept whole is none, so
 * what would go beyond is not opened.
 */
export const MAX_LINES = 1_000_000;

export function renderLine(line: ServerLine): Buffer {
  // Text that is not Latin-1, which no path is, as escapes.
  const json = JSON.stringify(line).replace(
    /[\u0100-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Buffer.from(`${json}\n`, "latin1");
}

/** Gathers lines, however the pipe cut them. */
export class RecordReader {
  readonly files: OpenedFile[] = [];
  readonly directories: ListedDirectory[] = [];
  readonly broken: BrokenFile[] = [];
  private rest: Buffer[] = [];
  private readonly onState: (line: ServerLine) => void;

  constructor(onState: (line: ServerLine) => void) {
    this.onState = onState;
  }

  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(10);
    if (end < 0) {
      this.rest.push(chunk);
      return;
    }
    const text = Buffer.concat([...this.rest, chunk.subarray(0, end)]).toString("latin1");
    this.rest = [chunk.subarray(end + 1)];
    for (const line of text.split("\n")) this.take(JSON.parse(line) as ServerLine);
  }

  get record(): ViewRecord {
    return { files: this.files, directories: this.directories, broken: this.broken };
  }

  private take(line: ServerLine): void {
    switch (line.kind) {
      case "file": {
        const { kind: _, ...file } = line;
        this.files.push(file);
        return;
      }
      case "directory":
        this.directories.push({ tree: line.tree, path: line.path });
        return;
      case "broken":
        this.broken.push({ tree: line.tree, path: line.path, id: line.id, reason: line.reason });
        return;
      default:
        this.onState(line);
    }
  }
}
