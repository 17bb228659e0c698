/** What is valid here, OpenSSL takes as CMS; what it refuses, is refused here. It knows no logs and no identities. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSignedMessage } from "@firstmile/formats/cms/armor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import { sigstoreKeys } from "../../src/sigstore/keys.ts";
import { verifySigstore } from "../../src/sigstore/verify.ts";
import { cases } from "./attacks.ts";
import { ALICE, ISSUER, MESSAGE } from "./case.ts";

const world = new SigstoreWorld();
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "firstmile-cms-"));
  const pem = world.authorities.map(
    (bytes) => `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64")}\n-----END CERTIFICATE-----\n`,
  );
  writeFileSync(join(dir, "authorities"), pem.join(""));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function opensslAccepts(cms: Uint8Array, message: Uint8Array, at: number): boolean {
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(dir, name), bytes);
    return join(dir, name);
  };
  const input = ["-inform", "DER", "-in", file("cms", cms), "-content", file("message", message), "-binary"];
  const trust = ["-CAfile", join(dir, "authorities"), "-purpose", "any", "-attime", String(at)];
  try {
    execFileSync("openssl", ["cms", "-verify", ...input, ...trust, "-out", join(dir, "out")], {
      stdio: "pipe",
    });
    return true;
  } catch {
    return false;
  }
}

/** What no reader of CMS may take, whatever it knows of Sigstore. */
const BROKEN = [
  "self-made-root",
  "certificate-of-another",
  "key-of-another",
  "other-message",
  "no-signer",
  "two-digests",
  "flipped-bit",
];

const installed = spawnSync("openssl", ["version"]).status === 0;
const because = installed ? "" : " (skipped: there is no openssl here)";

test.skipIf(!installed)(`nothing that is valid here is refused by OpenSSL${because}`, () => {
  const compared = cases(world).flatMap((one) => {
    const cms = cmsOf(one.signature);
    if (cms === undefined) return [];
    const { identity = ALICE, issuer = ISSUER, trustedRoot = world.trustedRoot } = one;
    const keys = sigstoreKeys([{ file: "keys/root.json", trustedRoot, identity, issuer }]);
    const message = one.message ?? MESSAGE;
    const ours = verifySigstore(one.signature, message, keys, one.now ?? world.now + 10).valid;
    return [{ name: one.name, ours, theirs: opensslAccepts(cms, message, world.now + 10) }];
  });
  expect(compared.length).toBeGreaterThan(60);
  expect(compared.filter(({ ours, theirs }) => ours && !theirs)).toEqual([]);
  expect(compared.filter(({ ours, theirs }) => ours && theirs).length).toBeGreaterThanOrEqual(6);
  const refused = compared.filter(({ ours, theirs }) => !ours && !theirs).map(({ name }) => name);
  expect(refused).toEqual(expect.arrayContaining(BROKEN));
});

function cmsOf(armored: Uint8Array): Uint8Array | undefined {
  try {
    return decodeSignedMessage(armored);
  } catch {
    return undefined;
  }
}
