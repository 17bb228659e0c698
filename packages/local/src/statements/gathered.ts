import { envelopeName, type FoundStatement, LIMITS, type UnreadableStatement } from "./place.ts";

/** What reading several places came to. The same envelope in two places is there once. */
export class Gathered {
  readonly #found = new Map<string, FoundStatement>();
  readonly unreadable: UnreadableStatement[] = [];
  /** Everything read is counted: a thousand names for one large file cost as much as a thousand files. */
  #files = 0;
  #bytes = 0;

  get found(): FoundStatement[] {
    return [...this.#found.values()];
  }

  /** Why no more may be read, undefined while there is room. */
  get full(): string | undefined {
    if (this.#files >= LIMITS.files) return `more than ${LIMITS.files} statements: the rest is left unread`;
    if (this.#bytes >= LIMITS.bytes)
      return `more than ${LIMITS.bytes} bytes of statements: the rest is left unread`;
    return undefined;
  }

  add(envelope: Uint8Array, where: string): void {
    this.#files++;
    this.#bytes += envelope.length;
    const name = envelopeName(envelope);
    if (!this.#found.has(name)) this.#found.set(name, { envelope, name, where });
  }

  refuse(where: string, problem: string): void {
    if (this.unreadable.length < LIMITS.files) this.unreadable.push({ where, problem });
  }
}
