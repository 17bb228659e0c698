/**
 * Decides by the rules of the trees what may be opened and what exists, and tells of it before it is answered: of each
 * opening, each listing and each name that was looked up, the first time.
 */
import { entryType, type NamedEntry } from "@firstmile/formats/statement/listing";
import type { InodeTable } from "./inode-table.ts";
import type { Readers } from "./readers.ts";
import { MAX_LINES, type RecordLine, type RecordWriter } from "./record.ts";
import { allows, existence } from "./rules.ts";
import type { ViewRules } from "./view.ts";

const UNSEEN = 0;
const ALLOWED = 1;
const DENIED = 2;

const TOLD_FOUND = 1;
const TOLD_HIDDEN = 2;

const UNKNOWN = 0;
const HIDDEN = 1;
const FOUND = 2;
const LISTED = 3;

export class OpenLog {
  private readonly table: InodeTable;
  private readonly rules: readonly ViewRules[];
  private readonly readers: Readers;
  private readonly record: RecordWriter;
  private readonly verdicts: Uint8Array;
  private readonly told: Uint8Array;
  /** What was told of the name of a node: that it was found, that it was kept back. */
  private readonly asked: Uint8Array;
  /** What exists, as far as it was asked about. */
  private readonly existing: Uint8Array;
  /** Names that nothing has, by directory. */
  private readonly absent = new Map<number, Set<string>>();
  private lines = 0;

  constructor(table: InodeTable, rules: readonly ViewRules[], readers: Readers, record: RecordWriter) {
    this.table = table;
    this.rules = rules;
    this.readers = readers;
    this.record = record;
    this.verdicts = new Uint8Array(table.length);
    this.told = new Uint8Array(table.length);
    this.asked = new Uint8Array(table.length);
    this.existing = new Uint8Array(table.length);
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
      this.write(node, { kind: "directory", ...place, entries: this.entries(node) });
    }
    return true;
  }

  /** Whether a listing has this entry. */
  isListed(node: number): boolean {
    return this.existenceOf(node) === LISTED;
  }

  /**
   * The entry that a look-up finds, 0 where it finds none. `node`: what the tree has under this name, or 0. Undefined
   * where it could not be recorded.
   */
  lookedUp(directory: number, name: Buffer, node: number): number | undefined {
    const place = this.table.place(directory);
    if (place === undefined) return node;
    if (this.lines + 1 >= MAX_LINES) return undefined;
    if (node !== 0 && this.existenceOf(node) !== HIDDEN) return this.found(node);
    if (node !== 0) this.hid(node);
    const names = this.absent.get(directory) ?? new Set<string>();
    const text = name.toString("latin1");
    if (names.has(text)) return 0;
    this.absent.set(directory, names.add(text));
    const path = place.path === "" ? text : `${place.path}/${text}`;
    this.tell({ kind: "asked", tree: place.tree, path, entry: undefined });
    return 0;
  }

  private found(node: number): number {
    if ((this.asked[node]! & TOLD_FOUND) !== 0) return node;
    this.asked[node]! |= TOLD_FOUND;
    const [mode, id] = [this.table.mode(node), this.table.id(node)];
    this.tell({ kind: "asked", ...this.table.place(node)!, entry: { type: entryType(mode), mode, id } });
    return node;
  }

  /** What a listing says; what it keeps back is told. */
  private entries(directory: number): NamedEntry[] {
    const { first, count } = this.table.entries(directory);
    const entries: NamedEntry[] = [];
    for (let node = first; node < first + count; node++) {
      const type = entryType(this.table.mode(node));
      if (this.isListed(node)) entries.push({ type, name: this.table.name(node).toString("latin1") });
      else this.hid(node);
    }
    return entries;
  }

  private hid(node: number): void {
    if ((this.asked[node]! & TOLD_HIDDEN) !== 0) return;
    this.asked[node]! |= TOLD_HIDDEN;
    const type = entryType(this.table.mode(node));
    this.tell({ kind: "hidden", ...this.table.place(node)!, type });
  }

  private existenceOf(node: number): number {
    const known = this.existing[node]!;
    if (known !== UNKNOWN) return known;
    const place = this.table.place(node);
    const said =
      place === undefined || place.path === "" ? "listed" : existence(this.rules[place.tree]!, place.path);
    const answer = said === "listed" ? LISTED : said === "found" ? FOUND : HIDDEN;
    this.existing[node] = answer;
    return answer;
  }

  broken(node: number, reason: string): void {
    if (this.told[node] === 1 || this.isFull()) return;
    this.write(node, { kind: "broken", ...this.table.place(node)!, id: this.table.id(node), reason });
  }

  private write(node: number, line: RecordLine): void {
    this.told[node] = 1;
    this.tell(line);
  }

  private tell(line: RecordLine): void {
    this.lines++;
    this.record.write(line);
  }
}
