/** Decides openings by the rules of the trees, and tells of the first of each path before it is answered. */
import type { InodeTable } from "./inode-table.ts";
import type { Readers } from "./readers.ts";
import { MAX_LINES, type RecordLine, type RecordWriter } from "./record.ts";
import { allows } from "./rules.ts";
import type { ViewRules } from "./view.ts";

const UNSEEN = 0;
const ALLOWED = 1;
const DENIED = 2;

export class OpenLog {
  private readonly table: InodeTable;
  private readonly rules: readonly ViewRules[];
  private readonly readers: Readers;
  private readonly record: RecordWriter;
  private readonly verdicts: Uint8Array;
  private readonly told: Uint8Array;
  private lines = 0;

  constructor(table: InodeTable, rules: readonly ViewRules[], readers: Readers, record: RecordWriter) {
    this.table = table;
    this.rules = rules;
    this.readers = readers;
    this.record = record;
    this.verdicts = new Uint8Array(table.length);
    this.told = new Uint8Array(table.length);
  }

  /** What was decided of it; undefined before it was first opened. */
  verdict(node: number): boolean | undefined {
    return this.verdicts[node] === UNSEEN ? undefined : this.verdicts[node] === ALLOWED;
  }

  isFull(): boolean {
    return this.lines >= MAX_LINES;
  }

  /** Decides, once for each path. */
  opened(node: number, sha256: string, pid: number): boolean {
    const { tree, path } = this.table.place(node)!;
    const allowed = allows(this.rules[tree]!, path, sha256);
    this.verdicts[node] = allowed ? ALLOWED : DENIED;
    const [mode, id] = [this.table.mode(node), this.table.id(node)];
    const process = this.readers.name(pid);
    this.write(node, { kind: "file", tree, path, mode, id, sha256, allowed, pid, process });
    return allowed;
  }

  /** False where it could not be recorded. */
  listed(node: number): boolean {
    const place = this.table.place(node);
    if (place && this.told[node] === 0) {
      if (this.isFull()) return false;
      this.write(node, { kind: "directory", ...place });
    }
    return true;
  }

  broken(node: number, reason: string): void {
    if (this.told[node] === 1 || this.isFull()) return;
    this.write(node, { kind: "broken", ...this.table.place(node)!, id: this.table.id(node), reason });
  }

  private write(node: number, line: RecordLine): void {
    this.lines++;
    this.told[node] = 1;
    this.record.write(line);
  }
}
