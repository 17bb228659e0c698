/** CMS that is almost gitsign's: one byte apart, and refused for that byte. */
import { parseSignedData } from "@firstmile/formats/cms/signed-data";
import { expect, test } from "vitest";
import { SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import { ALICE, MESSAGE } from "./case.ts";

const world = new SigstoreWorld();
const leaf = world.certify({ identity: ALICE });
const cms = world.signDer(leaf, MESSAGE);

/** The CMS with the first `from` in it written as `to`, both hex and of one length. */
function changed(from: string, to: string): Buffer {
  const at = cms.indexOf(Buffer.from(from, "hex"));
  const out = Buffer.from(cms);
  out.set(Buffer.from(to, "hex"), at);
  expect(Buffer.compare(out, cms)).not.toBe(0);
  return out;
}

test("what is not changed is read", () => {
  expect(parseSignedData(cms).certificates).toEqual([leaf.certificate]);
});

test.each([
  ["another kind of content", "2a864886f70d010702", "2a864886f70d010703", "contentType"],
  ["another version", "020101310d", "020102310d", "version"],
  [
    "another digest than the signer's",
    "310d300b0609608648016503040201",
    "310d300b0609608648016503040203",
    "digestAlgorithms",
  ],
  [
    "another kind of inner content",
    "300b06092a864886f70d010701",
    "300b06092a864886f70d010702",
    "eContentType",
  ],
  ["another content type signed", "310b06092a864886f70d010701", "310b06092a864886f70d010702", "content-type"],
])("%s", (_, from, to, field) => {
  expect(() => parseSignedData(changed(from, to))).toThrow(`cms: ${field} at offset`);
});

test("more than sixteen signers", () => {
  const signers = (one: Buffer) => Array.from({ length: 17 }, () => one);
  expect(() => parseSignedData(world.signDer(leaf, MESSAGE, { signers }))).toThrow("are more than 16");
});
