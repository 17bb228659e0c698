import {
  envelopeName,
  type FoundStatement,
  LIMITS,
  type UnreadablePlace,
  type UnreadableStatement,
} from "./place.ts";

/** How much may still be read. */
export interface Room {
  readonly files: number;
  readonly bytes: number;
}

/** What reading several places came to. The same envelope in two places is there once. */
export class Gathered {
  readonly #found = new Map<string, FoundStatement>();
  readonly unreadable: UnreadableStatement[] = [];
  /** Places of which not everything could be read, as a person knows them. */
  readonly incomplete = new Set<string>();
  /** Those of them that are damaged or closed to this user, with the first problem of each. */
  readonly #broken = new Map<string, string>();
  #place = "";
  /** Everything read is counted: a thousand names for one large file cost as much as a thousand files. */
  #left: { files: number; bytes: number };
  /** What has to be left over for the places that come after. */
  #kept: Room = { files: 0, bytes: 0 };
  readonly #unread: string;

  constructor({ files, bytes }: Room) {
    this.#left = { files, bytes };
    this.#unread =
      `more statements than may be read of one place (of all together ${files} files and ${bytes >> 20} MiB): ` +
      "the rest is left unread";
  }

  get found(): FoundStatement[] {
    return [...this.#found.values()];
  }

  get broken(): UnreadablePlace[] {
    return [...this.#broken].map(([place, problem]) => ({ place, problem }));
  }

  /**
   * Begins a place that has to leave the other `after` ones an equal part each of what may still be read. What it does
   * not need is theirs too.
   */
  begin(place: string, after: number): void {
    this.#place = place;
    const part = (left: number) => left - Math.floor(left / (after + 1));
    this.#kept = { files: part(this.#left.files), bytes: part(this.#left.bytes) };
  }

  /** Why no more of this place may be read, undefined while there is room. */
  get full(): string | undefined {
    const { files, bytes } = this.room;
    return files > 0 && bytes > 0 ? undefined : this.#unread;
  }

  /** What may still be read of this place. */
  get room(): Room {
    return { files: this.#left.files - this.#kept.files, bytes: this.#left.bytes - this.#kept.bytes };
  }

  add(envelope: Uint8Array, where: string): void {
    this.#left.files--;
    this.#left.bytes -= envelope.length;
    const name = envelopeName(envelope);
    if (!this.#found.has(name)) this.#found.set(name, { envelope, name, where });
  }

  refuse(where: string, problem: string): void {
    if (this.unreadable.length < LIMITS.files) this.unreadable.push({ where, problem });
  }

  /** From `where` on there is more than may be read. */
  cut(where: string, problem = this.#unread): void {
    this.incomplete.add(this.#place);
    this.refuse(where, problem);
  }

  /** What the place holds at `where` was there, and cannot be read. */
  fail(where: string, problem: string): void {
    if (!this.#broken.has(this.#place)) this.#broken.set(this.#place, `${where}: ${problem}`);
    this.cut(where, problem);
  }
}
