import { FormatError } from "@firstmile/formats/bytes/error";
import { ByteReader } from "@firstmile/formats/bytes/reader";
import { decodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import { decodeArmor, encodeArmor } from "@firstmile/formats/openpgp/armor";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { crc24 } from "@firstmile/formats/openpgp/crc24";
import { parseDetachedSignature } from "@firstmile/formats/openpgp/detached";
import { readMpi } from "@firstmile/formats/openpgp/mpi";
import { readPackets } from "@firstmile/formats/openpgp/packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";

const strict = { surroundingText: false };
/** RFC 9580 appendix A.3. */
const V6_CERTIFICATE =
  "xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYfGwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIh" +
  "BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lwgyU2kCcUmKfvBXbAf6rhRYWz" +
  "uQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaEQsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn+eUB" +
  "Xbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAA" +
  "AAQBIKbpGG2dWTX8j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805I8kWVkXU6vFOi+HWvv/ira7ofJu1" +
  "6NnoUkhclkUrk0mXubZvyl4GBg==";

const LIMITS = { bytes: 1_000, packets: 10 };

/** The field that a refusal names. */
function field(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
  return "none";
}

describe("armor", () => {
  const armored = (body: string, label = "SIGNATURE") =>
    encodeUtf8(`-----BEGIN PGP ${label}-----\n${body}\n-----END PGP ${label}-----\n`);
  const read = (text: Uint8Array) => field(() => decodeArmor(text, "SIGNATURE", strict));

  test("any bytes survive out and in", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(decodeArmor(encodeArmor(bytes, "SIGNATURE"), "SIGNATURE", strict)).toEqual([
          Buffer.from(bytes),
        ]);
      }),
    );
  });

  test("CRC-24 of the published check input", () => {
    expect(crc24(encodeUtf8("123456789"))).toBe(0x21cf02);
  });

  test("headers, CR LF, trailing blanks and a right checksum are read", () => {
    expect(
      decodeArmor(armored("Version: x\r\nComment: \n \t\nMTIz  \r\nNDU2Nzg5\n=Ic8C"), "SIGNATURE", strict),
    ).toEqual([Buffer.from("123456789")]);
  });

  test.each([
    ["armor checksum", armored("\nMTIzNDU2Nzg5\n=Ic8D")],
    ["armor checksum", armored("\nMTIzNDU2Nzg5\n=")],
    ["armor tail line", armored("\nMTIz\n=Ic8C\nNDU2")],
    ["armor header", armored("MTIz")],
    ["armor body", armored("\n")],
    ["armor body", armored("\nMTI")],
    ["armor body", armored("\nMTI=\nMTI=")],
    ["armor body", armored("\nMT Iz")],
    ["armor body", armored("\nMTJ=")],
    ["armor header line", armored("\nMTIz", "MESSAGE")],
    ["armor tail line", encodeUtf8("-----BEGIN PGP SIGNATURE-----\n\nMTIz\n-----END PGP MESSAGE-----\n")],
    ["armor tail line", encodeUtf8("-----BEGIN PGP SIGNATURE-----\n\nMTIz\n")],
    ["armor", encodeUtf8("see below\n-----BEGIN PGP SIGNATURE-----\n\nMTIz\n-----END PGP SIGNATURE-----\n")],
    ["armor", encodeUtf8("-----BEGIN PGP SIGNATURE-----\n\nMTIz\n-----END PGP SIGNATURE-----\nsee above")],
    ["armor header line", encodeUtf8("")],
  ])("%s: refused", (name, text) => {
    expect(read(text)).toBe(name);
  });
});

describe("packets", () => {
  const lengths = (hex: string) => readPackets(decodeHex(hex), LIMITS).map(({ body }) => body.bytes.length);

  test("old and new framing in all lengths", () => {
    expect(lengths("c803010203")).toEqual([3]);
    expect(lengths(`c8c000${"00".repeat(192)}`)).toEqual([192]);
    expect(lengths("c8ff00000003010203")).toEqual([3]);
    expect(lengths("a00101a1000101a20000000101")).toEqual([1, 1, 1]);
  });

  test.each([
    ["partial", "c8e001"],
    ["indeterminate", "a301"],
    ["truncated", "c80201"],
    ["beyond the input", "c8ffffffffff"],
    ["without the first bit", "4801"],
    ["of the reserved type", "c000"],
    ["more than allowed", "c800".repeat(11)],
  ])("%s: refused", (_, hex) => {
    expect(field(() => readPackets(decodeHex(hex), LIMITS))).not.toBe("none");
  });

  test("more bytes than allowed: refused before reading", () => {
    expect(field(() => readPackets(new Uint8Array(1_001), LIMITS))).toBe("input");
  });
});

describe("numbers", () => {
  const read = (hex: string) => [...readMpi(new ByteReader(decodeHex(hex), "openpgp"), "n")];

  test("canonical ones, and those that kept leading zero bytes, are the same number", () => {
    expect(read("000901ff")).toEqual([1, 0xff]);
    expect(read("00180001ff")).toEqual([1, 0xff]);
    expect(read("0000")).toEqual([]);
    expect(read("000800")).toEqual([]);
  });

  test.each([
    ["without its bytes", "0008"],
    ["with more bits than announced", "0007ff"],
    ["with a bit in the unused part", "000102"],
    ["longer than any key", `4001${"ff".repeat(2049)}`],
  ])("one %s: refused", (_, hex) => {
    expect(field(() => read(hex))).toBe("n");
  });
});

describe("certificates", () => {
  const sample = Buffer.from(V6_CERTIFICATE, "base64");
  const refusal = (bytes: Uint8Array) => field(() => parseCertificates(bytes));

  test("the version 6 certificate of RFC 9580 appendix A.3", () => {
    const [certificate, ...more] = parseCertificates(sample);
    expect(more).toEqual([]);
    expect(certificate?.fingerprint).toBe("CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9");
    expect(certificate?.primary).toMatchObject({
      version: 6,
      keyId: "CB186C4F0609A697",
      material: { kind: "ed25519" },
    });
    expect(certificate?.subkeys).toMatchObject([
      { key: { material: { kind: "unsupported", name: "X25519" } } },
    ]);
    expect(certificate?.signatures).toMatchObject([{ version: 6, type: 0x1f, keyFlags: 3 }]);
  });

  test("several in one input, bare or each in its armor, with text around", () => {
    const armored = Buffer.from(encodeArmor(sample, "PUBLIC KEY BLOCK"));
    const note = Buffer.from("pub   ed25519 2022-11-30 [SC]\n");
    expect(parseCertificates(Buffer.concat([sample, sample]))).toHaveLength(2);
    expect(parseCertificates(Buffer.concat([note, armored, note, armored]))).toHaveLength(2);
  });

  test("markers, padding, trust and unknown packets from 40 on are passed over; others are not", () => {
    const pass = [0xca, 0xd5, 0xcc, 0xe8, 0xff].map((header) => Buffer.of(header, 3, 80, 71, 80));
    expect(parseCertificates(Buffer.concat([sample, ...pass]))).toEqual(parseCertificates(sample));
    for (const tag of [1, 3, 4, 8, 9, 11, 18, 20, 22, 39]) {
      expect(refusal(Buffer.concat([sample, Buffer.of(0xc0 | tag, 0)]))).toBe("packet");
    }
  });

  test("secret keys, components before a key, nothing at all: refused", () => {
    expect(refusal(Buffer.of(0xc5, 1, 4))).toBe("packet");
    expect(refusal(Buffer.of(0xcd, 1, 65))).toBe("packet");
    expect(refusal(Buffer.of(0xca, 0))).toBe("certificate");
    expect(refusal(new Uint8Array(0))).toBe("armor header line");
  });

  test.each([2, 3, 5, 7])("a key of version %i: refused by its version", (version) => {
    expect(refusal(Buffer.of(0xc6, 6, version, 0, 0, 0, 0, 1))).toBe("key version");
  });

  test("a component of a second block of armor never joins the certificate of the first", () => {
    const armor = (bytes: Uint8Array) => Buffer.from(encodeArmor(bytes, "PUBLIC KEY BLOCK"));
    expect(refusal(Buffer.concat([armor(sample), armor(Buffer.of(0xcd, 1, 65))]))).toBe("packet");
  });
});

describe("fuzz", () => {
  const blocks = (name: string) => readVectors("openpgp").flatMap(({ blocks: all }) => all.get(name) ?? []);
  const binary = (bytes: Uint8Array, label: "SIGNATURE" | "PUBLIC KEY BLOCK") =>
    Buffer.concat(decodeArmor(bytes, label, { surroundingText: true }));

  test("parseCertificates", () => {
    const certified = readVectors("openpgp/certification").flatMap(({ blocks: all }) => [...all.values()]);
    const armored = [...blocks("certificates"), ...certified];
    fuzz("armored certificates", armored, parseCertificates);
    fuzz(
      "binary certificates",
      armored.map((bytes) => binary(bytes, "PUBLIC KEY BLOCK")),
      parseCertificates,
    );
  });

  test("parseDetachedSignature", () => {
    const seeds = blocks("signature").filter((bytes) => field(() => binary(bytes, "SIGNATURE")) === "none");
    fuzz("armored signatures", seeds, parseDetachedSignature);
    fuzz(
      "binary signatures",
      seeds.map((bytes) => binary(bytes, "SIGNATURE")),
      parseDetachedSignature,
    );
  });
});
