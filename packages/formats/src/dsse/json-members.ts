/**
 * The members of one JSON object, taken out by name.
 *
 * Claims: what was not asked for is a refusal, so that no reader passes over a member in which another one sees a
 * restriction. Leaves out: where in the text a member stands; errors name it by its path from the top instead.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";
import type { JsonObject, JsonValue } from "../nix/json.ts";

export class JsonMembers {
  readonly #object: JsonObject;
  readonly #left: Set<string>;
  readonly #format: FormatName;
  readonly #where: string;

  /** `where` is the object's own path, empty for the top. Throws `FormatError` where `value` is no object. */
  constructor(value: JsonValue | undefined, format: FormatName, where = "") {
    this.#format = format;
    this.#where = where;
    if (!isObject(value)) this.fail("", "is no object");
    this.#object = value;
    this.#left = new Set(Object.keys(value));
  }

  has(key: string): boolean {
    return this.#left.has(key);
  }

  /** The value of a member, undefined where it is absent. */
  take(key: string): JsonValue | undefined {
    return this.#left.delete(key) ? this.#object[key] : undefined;
  }

  string(key: string): string {
    return this.optionalString(key) ?? this.fail(key, "is missing");
  }

  optionalString(key: string): string | undefined {
    const value = this.take(key);
    if (value !== undefined && typeof value !== "string") this.fail(key, "is no string");
    return value;
  }

  /** A string, or null where null is written; it cannot be left out. */
  nullableString(key: string): string | null {
    const value = this.take(key);
    return value === null || typeof value === "string"
      ? value
      : this.fail(key, "is neither a string nor null");
  }

  boolean(key: string): boolean {
    const value = this.take(key);
    return typeof value === "boolean" ? value : this.fail(key, "is neither true nor false");
  }

  object(key: string): JsonMembers {
    return new JsonMembers(this.take(key), this.#format, this.#path(key));
  }

  optionalObject(key: string): JsonMembers | undefined {
    const value = this.take(key);
    return value === undefined ? undefined : new JsonMembers(value, this.#format, this.#path(key));
  }

  /** An object, or undefined where null is written; it cannot be left out. */
  nullableObject(key: string): JsonMembers | undefined {
    return this.#left.has(key) && this.#object[key] === null ? void this.take(key) : this.object(key);
  }

  /** The objects of a list, `most` at most. */
  objects(key: string, most: number): JsonMembers[] {
    const value = this.take(key);
    if (!isList(value)) this.fail(key, "is no list");
    if (value.length > most) this.fail(key, `has more than ${most} items`);
    return value.map((item, i) => new JsonMembers(item, this.#format, `${this.#path(key)}[${i}]`));
  }

  /** The texts of a list, `most` at most. */
  strings(key: string, most: number): string[] {
    const value = this.take(key);
    if (!isList(value)) this.fail(key, "is no list");
    if (value.length > most) this.fail(key, `has more than ${most} items`);
    return value.map((item) =>
      typeof item === "string" ? item : this.fail(key, "has an item that is no string"),
    );
  }

  /** The same; none where the member is absent. */
  optionalStrings(key: string, most: number): string[] {
    return this.#left.has(key) ? this.strings(key, most) : [];
  }

  /** To be called when all that is known was taken. */
  end(): void {
    const [other] = this.#left;
    // A name is repeated to a person only where it cannot steer a terminal.
    if (other !== undefined)
      this.fail(/^[\w.:-]{1,64}$/.test(other) ? other : "", "is a member that is not known");
  }

  fail(key: string, problem: string): never {
    throw new FormatError(this.#format, this.#path(key) || "JSON", 0, problem);
  }

  #path(key: string): string {
    return [this.#where, key].filter(Boolean).join(".");
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
