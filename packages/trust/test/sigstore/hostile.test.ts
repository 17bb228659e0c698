/** Bytes of an attacker's choice: never a crash, never a pass for anything but what alice signed. */
import { decodeSignedMessage } from "@firstmile/formats/cms/armor";
import { parseCertificate } from "@firstmile/formats/cms/certificate";
import { parseLogEntry } from "@firstmile/formats/cms/log-entry";
import { attributeOctets, parseSignedData } from "@firstmile/formats/cms/signed-data";
import { expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { armor, SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import { der, sequence } from "../../../../testing/src/world-sigstore-der.ts";
import { sigstoreKeys } from "../../src/sigstore/keys.ts";
import { verifySigstore } from "../../src/sigstore/verify.ts";
import { ALICE, ISSUER, MESSAGE } from "./case.ts";

const world = new SigstoreWorld();
const leaf = world.certify({ identity: ALICE });
const other = world.certify({ identity: "https://mallory.example/a" });
const entry = { file: "keys/root.json", trustedRoot: world.trustedRoot, identity: ALICE, issuer: ISSUER };
const keys = sigstoreKeys([entry]);
const cms = [world.signDer(leaf, MESSAGE), world.signDer(other, MESSAGE)];

/** All that a valid signature says, the log's own words aside. */
function core(bytes: Uint8Array): string {
  const { certificates, signers } = parseSignedData(bytes);
  const parts = [certificates[0]!, signers[0]!.signedBytes, signers[0]!.signature];
  return parts.map((part) => Buffer.from(part).toString("hex")).join(" ");
}

test("no mutation of a CMS throws, and a valid one is what alice signed", () => {
  const genuine = core(cms[0]!);
  let valid = 0;
  fuzz("verifySigstore on CMS", cms, (bytes) => {
    const outcome = verifySigstore(armor(bytes), MESSAGE, keys, world.now + 10);
    if (!outcome.valid) return;
    valid++;
    if (core(bytes) !== genuine) throw new Error("a changed signature is valid");
  });
  expect(valid).toBeGreaterThan(0);
});

test("no mutation of the armor throws, and none is valid over another message", () => {
  fuzz("verifySigstore on armor", cms.map(armor), (bytes) => {
    if (verifySigstore(bytes, Buffer.from("another"), keys, world.now + 10).valid) {
      throw new Error("valid over another message");
    }
  });
});

test("the readers below throw nothing but their own error", () => {
  const [value] = parseSignedData(cms[0]!).signers[0]!.unsigned[0]!.values;
  fuzz("parseCertificate", [leaf.certificate, other.certificate], parseCertificate);
  fuzz("parseLogEntry", [attributeOctets(value!, "log entry")], parseLogEntry);
});

test("no mutation of a trusted root throws", () => {
  const signature = armor(cms[0]!);
  fuzz("sigstoreKeys", [world.trustedRoot], (trustedRoot) => {
    verifySigstore(signature, MESSAGE, sigstoreKeys([{ ...entry, trustedRoot }]), world.now + 10);
  });
});

test.each([
  ["an armor that is too long", Buffer.alloc(70_000, "A")],
  ["a line without end", Buffer.from(`-----BEGIN SIGNED MESSAGE-----\n${"A".repeat(60_000)}`)],
  ["deep nesting", armor(nested(4_000))],
  ["very many members", armor(sequence(...Array.from({ length: 10_000 }, () => sequence())))],
  ["a length beyond the end", armor(Buffer.of(0x30, 0x83, 0xff, 0xff, 0xff))],
  ["a length of four bytes", armor(Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff))],
])("%s is malformed at once", (_, bytes) => {
  const start = performance.now();
  expect(verifySigstore(bytes, MESSAGE, keys, world.now)).toMatchObject({ code: "malformed-signature" });
  expect(performance.now() - start).toBeLessThan(2_000);
});

function nested(depth: number): Buffer {
  let inner = sequence();
  for (let i = 0; i < depth; i++) inner = der(0xa0, inner);
  return inner;
}

test("a certificate with more extensions or bytes than anybody's is malformed", () => {
  const more = Array.from({ length: 70 }, (_, i) => sequence(der(0x06, Buffer.of(0x2a, i)), der(0x04)));
  const crowded = world.certify({ identity: ALICE, more });
  expect(() => parseCertificate(crowded.certificate)).toThrow("are more than 64");
  const long = world.certify({
    identity: ALICE,
    more: [sequence(der(0x06, Buffer.of(0x2a)), der(0x04, Buffer.alloc(20_000)))],
  });
  expect(() => parseCertificate(long.certificate)).toThrow("is longer than");
  expect(() => decodeSignedMessage(armor(Buffer.alloc(60_000)))).toThrow("is longer than");
});
