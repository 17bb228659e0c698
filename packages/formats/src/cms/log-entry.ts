/**
 * The entry of a transparency log that gitsign puts beside a signature in offline mode: an unsigned attribute with a
 * serialized protobuf message `dev.sigstore.rekor.v1.TransparencyLogEntry`.
 *
 * Claims: every field was read, each at most once, numbers in as few bytes as they need. Against: a field given
 * twice, where one reader takes the first and another the last.
 * Leaves out: whether any log said so.
 */
import { ByteReader } from "../bytes/reader.ts";
import { LOG_ENTRY } from "./format-names.ts";

/** The attribute's type: the value is an OCTET STRING. */
export const LOG_ENTRY_ATTRIBUTE = "1.3.6.1.4.1.57264.3.1";

export interface LogEntry {
  readonly logIndex: number;
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Unix seconds: when the log says that it took the entry in. */
  readonly integratedTime: number;
  /** The log's signature over index, time and body. */
  readonly promise: Uint8Array | undefined;
  readonly proof: InclusionProof | undefined;
  /** The entry itself; gitsign leaves it out, since it follows from the signature beside it. */
  readonly body: Uint8Array;
}

export interface InclusionProof {
  /** In the tree of the checkpoint, which may be one shard of the log. */
  readonly logIndex: number;
  readonly rootHash: Uint8Array;
  readonly treeSize: number;
  readonly hashes: readonly Uint8Array[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** Largest message in bytes, and most hashes of a proof: enough for a tree of 2^63 leaves. */
const MAX_ENTRY = 32 * 1024;
const MAX_HASHES = 64;

/** Throws `FormatError`. */
export function parseLogEntry(bytes: Uint8Array): LogEntry {
  const reader = new ByteReader(bytes, LOG_ENTRY);
  if (bytes.length > MAX_ENTRY) reader.fail("entry", `is longer than ${MAX_ENTRY} bytes`);
  const fields = message(reader, ["varint", "bytes", "bytes", "varint", "bytes", "bytes", "bytes"]);
  const kindVersion = message(fields.one(3), ["bytes", "bytes"]);
  const promise = fields.optional(5);
  const proof = fields.optional(6);
  return {
    logIndex: fields.number(1),
    logId: message(fields.one(2), ["bytes"]).one(1).bytes,
    kind: text(kindVersion.one(1)),
    version: text(kindVersion.one(2)),
    integratedTime: fields.number(4),
    promise: promise && message(promise, ["bytes"]).one(1).bytes,
    proof: proof && readProof(proof),
    body: fields.optional(7)?.bytes ?? new Uint8Array(0),
  };
}

function readProof(reader: ByteReader): InclusionProof {
  const fields = message(reader, ["varint", "bytes", "varint", "repeated", "bytes"]);
  return {
    logIndex: fields.number(1),
    rootHash: fields.one(2).bytes,
    treeSize: fields.number(3),
    hashes: fields.all(4).map(({ bytes }) => bytes),
    checkpoint: text(message(fields.one(5), ["bytes"]).one(1)),
  };
}

function text(reader: ByteReader): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(reader.bytes);
  } catch {
    return reader.fail("text", "is not UTF-8");
  }
}

/** Wire types of the fields 1, 2, 3... of a message. */
type FieldKind = "varint" | "bytes" | "repeated";

/** A message's fields, by number. */
class Fields {
  readonly #reader: ByteReader;
  readonly #numbers = new Map<number, number>();
  readonly #bytes = new Map<number, ByteReader[]>();

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  read(kinds: readonly FieldKind[]): this {
    while (this.#reader.remaining > 0) {
      const key = varint(this.#reader, "key");
      const [number, wire] = [Math.floor(key / 8), key % 8];
      const kind = kinds[number - 1];
      if (kind === undefined) this.#reader.fail("key", `field ${number} is unknown`);
      if (wire !== (kind === "varint" ? 0 : 2)) this.#reader.fail("key", `field ${number} has another type`);
      this.#take(number, kind);
    }
    return this;
  }

  #take(number: number, kind: FieldKind): void {
    const earlier = this.#bytes.get(number) ?? [];
    if (this.#numbers.has(number) || earlier.length >= (kind === "repeated" ? MAX_HASHES : 1)) {
      this.#reader.fail("key", `field ${number} is there too often`);
    }
    if (kind === "varint") this.#numbers.set(number, varint(this.#reader, `field ${number}`));
    else this.#bytes.set(number, [...earlier, nested(this.#reader, `field ${number}`)]);
  }

  /** Zero where it is not there, as proto3 writes it. */
  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  all(field: number): readonly ByteReader[] {
    return this.#bytes.get(field) ?? [];
  }

  optional(field: number): ByteReader | undefined {
    return this.all(field)[0];
  }

  one(field: number): ByteReader {
    return this.optional(field) ?? this.#reader.fail(`field ${field}`, "is missing");
  }
}

function message(reader: ByteReader, kinds: readonly FieldKind[]): Fields {
  return new Fields(reader).read(kinds);
}

function nested(reader: ByteReader, field: string): ByteReader {
  return reader.nested(varint(reader, field), field);
}

/** Base 128, least significant group first; nothing above 2^53, and no negative numbers, which take ten bytes. */
function varint(reader: ByteReader, field: string): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = reader.u8(field);
    value += (byte & 0x7f) * scale;
    if (!Number.isSafeInteger(value)) reader.fail(field, "is a number above 2^53");
    if (byte >= 0x80) continue;
    if (byte === 0 && scale > 1) reader.fail(field, "is written in more bytes than it needs");
    return value;
  }
}
