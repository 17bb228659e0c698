/** Values that repeat, each kept once: equal ones become one object with one small number. */
export class Interned<Value> {
  readonly #values: Value[] = [];
  readonly #indexes = new Map<string, number>();
  /** The one that came last, by its own identity: a constant needs no look-up. */
  #last: { readonly value: Value; readonly index: number } | undefined;

  /** How many different values came. */
  get size(): number {
    return this.#values.length;
  }

  /** The number of a value, equal ones by what JSON makes of them. Numbers count from 0 in the order of coming. */
  index(value: Value): number {
    if (this.#last?.value === value) return this.#last.index;
    const name = JSON.stringify(value);
    const index = this.#indexes.get(name) ?? this.#values.push(value) - 1;
    this.#indexes.set(name, index);
    this.#last = { value, index };
    return index;
  }

  /** Whether an equal value came before. */
  has(value: Value): boolean {
    return this.#last?.value === value || this.#indexes.has(JSON.stringify(value));
  }

  at(index: number): Value {
    return this.#values[index]!;
  }

  /** Those numbered `from` and later. */
  since(from: number): Value[] {
    return this.#values.slice(from);
  }
}
