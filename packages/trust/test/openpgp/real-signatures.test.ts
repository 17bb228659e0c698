/** Real certificates and signatures, against what GnuPG says of them. Skipped where the data is absent. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { describe, expect, test } from "vitest";
import { loadCertificate } from "../../src/openpgp/certificate-state.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";

const root = join(import.meta.dirname, "../../../..");
const data = resolve(root, process.env.FIRSTMILE_DATA ?? "../shared/data");
const guix = join(data, "guix-sigs");
const qubes = join(data, "qubes-core-admin/keys");

/**
 * 2026-11-22. GnuPG's answers fit any time from 2026-11-05, when the last of the expired keys ended (willcl-ark's
 * subkey), to 2027-02-01, when the first of the others will (m3dwards').
 */
const NOW = Date.UTC(2026, 10, 22) / 1000;

const CODES: Readonly<Record<string, string>> = { GOODSIG: "valid", EXPKEYSIG: "expired-key" };

function load(dir: string) {
  return readdirSync(dir).flatMap((file) => parseCertificates(readFileSync(join(dir, file))));
}

describe.skipIf(!existsSync(guix))("signatures of Bitcoin Core 29.2's builders", () => {
  test("all 33 come out as GnuPG says, by the same certificate", () => {
    const keys = openPgpKeys(load(join(guix, "builder-keys")));
    const rows = readFileSync(join(guix, "expected.tsv"), "utf8").trim().split("\n");
    const outcomes = rows.map((row) => {
      const [file = "", status = "", key] = row.split("\t");
      const signature = readFileSync(join(guix, file));
      const outcome = verifyOpenPgp(
        signature,
        readFileSync(join(guix, file.replace(/\.asc$/, ""))),
        keys,
        NOW,
      );
      return {
        expected: [file, CODES[status], key],
        got: [file, outcome.valid ? "valid" : outcome.code, outcome.key],
      };
    });
    expect(outcomes).toHaveLength(33);
    expect(outcomes.map(({ got }) => got)).toEqual(outcomes.map(({ expected }) => expected));
  });
});

describe.skipIf(!existsSync(qubes))("certificates of Qubes OS", () => {
  test("every one loads, and its primary key vouches for itself", () => {
    const states = load(qubes).map(loadCertificate);
    expect(states.length).toBeGreaterThan(50);
    expect(states.filter(({ primaryRefusal }) => primaryRefusal !== undefined)).toEqual([]);
  });
});
