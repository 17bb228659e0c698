/**
 * What a server writes down, one JSON text a line: in Latin-1, so that paths stay the bytes they are, and in a file,
 * so that nobody has to wake up for it. Each line is written before the kernel has its answer: what a command has
 * opened is always told, also where the server was killed.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { AskedName, BrokenFile, HiddenName, ListedDirectory, OpenedFile, ViewRecord } from "./view.ts";

export type RecordLine =
  | ({ readonly kind: "file" } & OpenedFile)
  | ({ readonly kind: "directory" } & ListedDirectory)
  | ({ readonly kind: "asked" } & AskedName)
  | ({ readonly kind: "hidden" } & HiddenName)
  | ({ readonly kind: "broken" } & BrokenFile);

/**
 * Most lines of one view. Trees have at most four million paths; a record that could not be kept whole is none, so
 * what would go beyond is not opened.
 */
export const MAX_LINES = 1_000_000;

export class RecordWriter {
  private readonly file: number;

  /** `path` must not be there yet. */
  constructor(path: string) {
    this.file = openSync(path, "ax", 0o600);
  }

  write(line: RecordLine): void {
    const bytes = Buffer.from(`${asciiJson(line)}\n`, "latin1");
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at);
  }
}

/** Text that is not Latin-1, which no path is, as escapes. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0100-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const PIECE_BYTES = 1 << 20;

/** Reads what a server wrote; a line that it was killed over is left out, and nobody had an answer to that. */
export function readRecord(path: string): ViewRecord {
  const files: OpenedFile[] = [];
  const directories: ListedDirectory[] = [];
  const asked: AskedName[] = [];
  const hidden: HiddenName[] = [];
  const broken: BrokenFile[] = [];
  for (const text of lines(path)) {
    const { kind, ...line } = JSON.parse(text) as RecordLine;
    if (kind === "file") files.push(line as OpenedFile);
    else if (kind === "directory") directories.push(line as ListedDirectory);
    else if (kind === "asked") asked.push(line as AskedName);
    else if (kind === "hidden") hidden.push(line as HiddenName);
    else broken.push(line as BrokenFile);
  }
  return { files, directories, asked, hidden, broken };
}

function* lines(path: string): Generator<string> {
  const file = openSync(path, "r");
  const piece = Buffer.alloc(PIECE_BYTES);
  let rest = "";
  try {
    for (let got = readSync(file, piece); got > 0; got = readSync(file, piece)) {
      const complete = (rest + piece.toString("latin1", 0, got)).split("\n");
      rest = complete.pop()!;
      yield* complete;
    }
  } finally {
    closeSync(file);
  }
}
