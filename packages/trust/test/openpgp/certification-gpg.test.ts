/**
 * The certification vectors side by side with GnuPG: its validity of the user ID, where the certifier's key is signed
 * locally and fully trusted. Where this package is stricter, the vector is named here.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeArmor } from "@firstmile/formats/openpgp/armor";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";

const vectors = readVectors("openpgp/certification");
const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
if (!hasGpg) console.warn("certification-gpg.test.ts is skipped: gpg is not installed");

/** GnuPG takes these for certified, each for a reason that certification.ts speaks against. */
const STRICTER = new Set([
  // A primary key may always certify there.
  "certifier-may-not",
  // There a regular expression limits whom the certified may certify, and not the certification.
  "critical",
  // No later revocation would ever be newer.
  "future",
  // RFC 9580 section 5.2.3.20 lets a reader ignore the revocation.
  "revoked-irrevocable",
  // There MD5 proves nothing, not even that its maker takes something back.
  "revoked-md5",
  // There third-party signatures over SHA-1 since 2019 are passed over, be they revocations.
  "revoked-sha1",
  // There the later one in the file counts.
  "revoked-same-second",
]);

describe.skipIf(!hasGpg)("gpg", () => {
  const homes: string[] = [];
  let prepared = "";

  function gpg(home: string, now: string, ...args: string[]): string {
    const fixed = ["--batch", "--yes", "--quiet", "--faked-system-time", `${now}!`, "--passphrase", ""];
    const env = { ...process.env, GNUPGHOME: home, LC_ALL: "C" };
    return spawnSync("gpg", [...fixed, ...args], { env }).stdout.toString();
  }

  function newHome(): string {
    const home = mkdtempSync(join(tmpdir(), "web-"));
    homes.push(home);
    return home;
  }

  beforeAll(() => {
    prepared = newHome();
    gpg(prepared, "20231201T000000", "--quick-generate-key", "local", "ed25519", "cert", "never");
    spawnSync("gpgconf", ["--kill", "gpg-agent"], { env: { ...process.env, GNUPGHOME: prepared } });
  });

  afterAll(() => {
    for (const home of homes) {
      spawnSync("gpgconf", ["--kill", "gpg-agent"], { env: { ...process.env, GNUPGHOME: home } });
      rmSync(home, { recursive: true, force: true });
    }
  });

  function validity({ blocks, header }: Vector): string {
    const home = newHome();
    cpSync(prepared, home, { recursive: true, filter: (path) => !/\/S\.|\.lock$|\/\.#/.test(path) });
    const at = new Date(Number(header.get("now")) * 1000).toISOString().slice(0, 19).replace(/[-:]/g, "");
    const [certifier] = parseCertificates(blocks.get("certifiers")!);
    for (const name of ["certifiers", "candidate"] as const) {
      // GnuPG 2.2 takes the tail line of armor without a checksum for base64 where no padding ends it.
      const [bytes] = decodeArmor(blocks.get(name)!, "PUBLIC KEY BLOCK", { surroundingText: false });
      writeFileSync(join(home, name), bytes!);
      gpg(home, at, "--import-options", "import-local-sigs", "--import", join(home, name));
    }
    writeFileSync(join(home, "trust"), `${certifier!.fingerprint}:5:\n`);
    gpg(home, at, "--import-ownertrust", join(home, "trust"));
    gpg(home, at, "--quick-lsign-key", certifier!.fingerprint);
    gpg(home, at, "--check-trustdb");
    const userIds = gpg(home, at, "--with-colons", "--list-keys")
      .split("\n")
      .filter((line) => line.startsWith("uid:"));
    const fields = userIds.map((line) => line.split(":")).find((one) => one[9] === header.get("user-id"));
    return fields?.[1] ?? "no such user ID";
  }

  test.each(
    vectors.map((vector) => [vector.file.slice("openpgp/certification/".length, -4), vector] as const),
  )("%s", (name, vector) => {
    const theirs = validity(vector) === "f";
    expect(theirs).toBe(vector.expect === "certified" || STRICTER.has(name));
    if (STRICTER.has(name)) expect(vector.expect).not.toBe("certified");
  });

  test("the vectors have all of the exceptions, and both answers", () => {
    const names = new Set(vectors.map(({ file }) => file.slice("openpgp/certification/".length, -4)));
    expect(STRICTER.difference(names)).toEqual(new Set());
    expect(new Set(vectors.map((vector) => vector.expect)).size).toBeGreaterThan(8);
  });
});
