/** One spelling a value: what the reader takes is what a writer of DER writes, and BER's other spellings are not. */
import { DerReader, readBits, readInteger, readOid, readTime, Tag } from "@firstmile/formats/cms/der";
import { X509 } from "@firstmile/formats/cms/format-names";
import { LOG_ENTRY_ATTRIBUTE, parseLogEntry } from "@firstmile/formats/cms/log-entry";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { der, field, octets, oid, text, utcTime } from "../../../../testing/src/world-sigstore-der.ts";

const reader = (hex: string | Uint8Array) =>
  DerReader.over(typeof hex === "string" ? Buffer.from(hex, "hex") : hex, X509);

test("any content comes back, whatever its length", () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(127, 128, 255, 256, 65_535));
  fc.assert(
    fc.property(lengths, (length) => {
      const read = reader(octets(Buffer.alloc(length, 7)));
      expect(read.element(Tag.octetString, "content").inside.bytes).toEqual(Buffer.alloc(length, 7));
      expect(read.done).toBe(true);
    }),
  );
});

test("any object identifier comes back", () => {
  const arc = fc.integer({ min: 0, max: 0xffffff });
  const dotted = fc
    .tuple(fc.constantFrom("0", "1", "2"), fc.integer({ min: 0, max: 39 }), fc.array(arc, { minLength: 1 }))
    .map(([top, second, rest]) => [top, second, ...rest].join("."));
  fc.assert(fc.property(dotted, (id) => readOid(reader(oid(id)), "id") === id));
  expect(readOid(reader("060a2b0601040183bf300301"), "id")).toBe(LOG_ENTRY_ATTRIBUTE);
});

test("any second until 2049 comes back", () => {
  const seconds = fc.integer({ min: -631_152_000, max: 2_524_607_999 });
  fc.assert(fc.property(seconds, (time) => readTime(reader(utcTime(time)), "time") === time));
  expect(readTime(reader(text(0x18, "20500101000000Z")), "time")).toBe(2_524_608_000);
});

describe.each([
  ["an indefinite length", "3080020101000000"],
  ["a length in two bytes for one", "30810101"],
  ["a length in three bytes for two", "308200800101"],
  ["a length of four bytes", "308401000000"],
  ["a tag above 30", "1f8101"],
  ["an end within the content", "0405ffff"],
])("%s", (_, hex) => {
  test("is refused", () =>
    expect(() => reader(hex).any("field")).toThrow(/^x509 certificate: field at offset/));
});

test.each([
  ["a padded arc", () => readOid(reader("06032a8001"), "value")],
  ["an identifier that ends within an arc", () => readOid(reader("06022a81"), "value")],
  ["an empty identifier", () => readOid(reader("0600"), "value")],
  ["an arc above 32 bits", () => readOid(reader("06072a9fffffffff7f"), "value")],
  ["an integer with a needless byte", () => readInteger(reader("02020001"), "value")],
  ["a negative one with a needless byte", () => readInteger(reader("0202ff80"), "value")],
  ["an integer of no bytes", () => readInteger(reader("0200"), "value")],
  ["stray bits", () => readBits(reader("030201ff"), "value")],
  ["the 30th of February", () => readTime(reader(text(0x17, "250230000000Z")), "value")],
  ["a time zone", () => readTime(reader(text(0x17, "2501010000+0100")), "value")],
  ["a time of another type", () => readTime(reader(der(0x04, Buffer.from("20250101000000Z"))), "value")],
])("%s is refused", (_, read) => expect(read).toThrow(/value at offset/));

test.each([
  ["a field twice", Buffer.concat([field(1, 1), field(1, 1)])],
  ["an unknown field", field(8, 1)],
  ["a field of another type", field(2, 1)],
  ["a negative number", Buffer.from("08ffffffffffffffffff01", "hex")],
  ["no kind", Buffer.concat([field(1, 1), field(2, field(1, "x"))])],
])("a log entry with %s is refused", (_, bytes) =>
  expect(() => parseLogEntry(bytes)).toThrow(/^transparency log entry: /),
);

describe("a log entry", () => {
  const fields = (index: string) =>
    Buffer.concat([
      Buffer.from(index, "hex"),
      field(2, field(1, "log")),
      field(3, Buffer.concat([field(1, "hashedrekord"), field(2, "0.0.1")])),
      field(4, 1_750_000_000),
    ]);

  test("comes back", () => {
    expect(parseLogEntry(fields("0805"))).toMatchObject({ logIndex: 5, integratedTime: 1_750_000_000 });
  });

  test("with a number in more bytes than it needs is refused", () => {
    expect(() => parseLogEntry(fields("088500"))).toThrow("in more bytes than it needs");
  });
});
