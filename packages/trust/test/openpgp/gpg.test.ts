/** Side by side with GnuPG: keys and signatures that it makes, and what it says of those that forge.ts makes. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import {
  DAY,
  type ForgedAlgorithm,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  keyExpiry,
  MADE,
  revocationReason,
  signatureExpiry,
} from "./forge.ts";

const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
const message = Buffer.from("what is signed\r\nline ends and all \n");
const now = Math.floor(Date.now() / 1000);

describe.skipIf(!hasGpg)("gpg", () => {
  let home = "";

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "pgp-"));
    writeFileSync(join(home, "message"), message);
  });

  afterAll(() => {
    spawnSync("gpgconf", ["--kill", "gpg-agent"], { env: { ...process.env, GNUPGHOME: home } });
    rmSync(home, { recursive: true, force: true });
  });

  function gpg(args: readonly string[], input = ""): Buffer {
    const env = { ...process.env, GNUPGHOME: home, LC_ALL: "C" };
    return execFileSync(
      "gpg",
      ["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", ...args],
      {
        env,
        input,
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
  }

  /** Makes a key and gives its fingerprint. */
  function generate(name: string, algorithm: string, usage = "sign", expire = "never", at?: string): string {
    gpg([...faked(at), "--quick-generate-key", name, algorithm, usage, expire]);
    const listing = gpg(["--with-colons", "--list-keys", `=${name}`]).toString();
    return /^fpr:+([0-9A-F]+):/m.exec(listing)![1]!;
  }

  function faked(at: string | undefined): string[] {
    return at === undefined ? [] : ["--faked-system-time", at];
  }

  function signWith(key: string, ...options: string[]): Buffer {
    return gpg([...options, "--local-user", key, "--detach-sign", "--output", "-", join(home, "message")]);
  }

  function ours(signature: Buffer, certificate: Buffer, over = message): string {
    const outcome = verifyOpenPgp(signature, over, openPgpKeys(parseCertificates(certificate)), now);
    return outcome.valid ? "valid" : outcome.code;
  }

  /** GnuPG's status word for a signature, after it took in the certificate. */
  function theirs(signature: Buffer, certificate: Buffer): string {
    writeFileSync(join(home, "certificate"), certificate);
    writeFileSync(join(home, "signature"), signature);
    gpg(["--import", join(home, "certificate")]);
    const env = { ...process.env, GNUPGHOME: home, LC_ALL: "C" };
    const args = ["--batch", "--status-fd", "1", "--verify", join(home, "signature"), join(home, "message")];
    const status = spawnSync("gpg", args, { env }).stdout.toString();
    return /\[GNUPG:\] (GOODSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|BADSIG|ERRSIG)/.exec(status)?.[1] ?? "none";
  }

  test.each(["rsa2048", "rsa3072", "ed25519", "nistp256", "nistp384", "nistp521"])("%s", (algorithm) => {
    const key = generate(algorithm, algorithm);
    const certificate = gpg(["--export", key]);
    for (const made of [signWith(key), signWith(key, "--armor")]) {
      expect(ours(made, certificate)).toBe("valid");
      expect(ours(made, gpg(["--armor", "--export", key]))).toBe("valid");
      expect(ours(made, certificate, Buffer.concat([message, Buffer.of(10)]))).toBe("bad-signature");
    }
    // With ECDSA, GnuPG refuses to make one: the hash must be as long as the curve's order.
    if (!algorithm.startsWith("nistp")) {
      expect(ours(signWith(key, "--digest-algo", "SHA1"), certificate)).toBe("weak-signature");
    }
    expect(ours(signWith(key, "--textmode"), certificate)).toBe("unsupported-signature");
    expect(ours(signWith(key, "--sig-notation", "!scope@example.org=docs"), certificate)).toBe(
      "unsupported-signature",
    );
    expect(ours(signWith(key, "--sig-notation", "scope@example.org=docs"), certificate)).toBe("valid");
  });

  test("a signing subkey, beside an encryption subkey, under a primary key that only certifies", () => {
    const primary = generate("with subkeys", "ed25519", "cert");
    gpg(["--quick-add-key", primary, "cv25519", "encr"]);
    gpg(["--quick-add-key", primary, "rsa2048", "sign"]);
    const certificate = gpg(["--export", primary]);
    const made = signWith(primary);
    const outcome = verifyOpenPgp(made, message, openPgpKeys(parseCertificates(certificate)), now);
    expect(outcome).toMatchObject({ valid: true, key: primary });
    expect(outcome).not.toMatchObject({ signingKey: primary });
    gpg(
      ["--no-batch", "--no-tty", "--command-fd", "0", "--edit-key", primary],
      "key 2\nrevkey\ny\n1\n\ny\nsave\n",
    );
    const revoked = gpg(["--export", primary]);
    expect(theirs(made, revoked)).toBe("REVKEYSIG");
    expect(ours(made, revoked)).toBe("revoked-key");
  });

  test("an expired key, and the same key with its life prolonged", () => {
    const key = generate("expired", "ed25519", "sign", "30d", "20240101T000000");
    const made = signWith(key, "--faked-system-time", "20240102T000000");
    const expired = gpg(["--export", key]);
    expect(theirs(made, expired)).toBe("EXPKEYSIG");
    expect(ours(made, expired)).toBe("expired-key");
    gpg(["--quick-set-expire", key, "10y"]);
    const prolonged = gpg(["--export", key]);
    expect(theirs(made, prolonged)).toBe("GOODSIG");
    expect(ours(made, prolonged)).toBe("valid");
  });

  test.each([
    ["hard", "1"],
    ["soft", "3"],
  ])("a key that is revoked, %s", (name, reason) => {
    const key = generate(name, "ed25519");
    const made = signWith(key);
    const before = gpg(["--armor", "--export", key]);
    const revocation = gpg(
      ["--no-batch", "--no-tty", "--command-fd", "0", "--gen-revoke", key],
      `y\n${reason}\n\ny\n`,
    );
    expect(ours(made, before)).toBe("valid");
    expect(ours(made, Buffer.concat([before, revocation]))).toBe("revoked-key");
    writeFileSync(join(home, "revocation"), revocation);
    gpg(["--import", join(home, "revocation")]);
    const after = gpg(["--export", key]);
    expect(theirs(made, after)).toBe("REVKEYSIG");
    expect(ours(made, after)).toBe("revoked-key");
  });

  const same = {
    GOODSIG: "valid",
    BADSIG: "bad-signature",
    EXPSIG: "expired-signature",
    EXPKEYSIG: "expired-key",
    REVKEYSIG: "revoked-key",
  };

  test.each(["ed25519-legacy", "rsa2048", "P-256", "P-384", "P-521"] as const)(
    "forged with %s: both say the same",
    (kind: ForgedAlgorithm) => {
      const make = () => forgeKey(kind);
      const far = now - MADE + 900 * DAY;
      const certificates = [
        {},
        { self: { hashed: [keyExpiry(30 * DAY)] } },
        { self: { hashed: [keyExpiry(far)] } },
        // With ECDSA, GnuPG does not import it: the hash must be as long as the curve's order.
        ...(kind.startsWith("P-") ? [] : [{ self: { hash: "sha1" } }]),
        { revocations: [{ hashed: [revocationReason(2)] }] },
        { revocations: [{ hashed: [revocationReason(3)] }] },
      ];
      for (const options of certificates) {
        const primary = make();
        const key = make();
        const certificate = forgeCertificate({ primary, ...options, subkeys: [{ key }] });
        for (const signer of [primary, key]) {
          for (const made of [
            forgeSignature(signer, message),
            forgeSignature(signer, message, { hashed: [signatureExpiry(30 * DAY)] }),
            forgeSignature(signer, Buffer.from("other")),
          ]) {
            const word = theirs(made, certificate);
            expect(same).toHaveProperty(word);
            expect([word, ours(made, certificate)]).toEqual([word, sameAs(word, made, certificate)]);
          }
        }
      }
    },
  );

  /** GnuPG names an expired signature before an expired key; here the key, which is the graver news, comes first. */
  function sameAs(word: string, made: Buffer, certificate: Buffer): string {
    const code = same[word as keyof typeof same];
    if (code !== "expired-signature") return code;
    const later = ours(made, certificate);
    return later === "revoked-key" || later === "expired-key" ? later : code;
  }

  test("numbers that lost leading zero bytes: both say good", () => {
    const key = forgeKey("ed25519-legacy");
    const certificate = forgeCertificate({ primary: key });
    const made = Array.from({ length: 4_000 }, (_, i) => forgeSignature(key, message, { created: MADE + i }));
    const full = Math.max(...made.map(({ length }) => length));
    // One in 128 is short, so that of 4,000 fewer than four are in less than one run in 10^9.
    const short = made.filter(({ length }) => length < full);
    expect(short.length).toBeGreaterThan(3);
    for (const made of short.slice(0, 4)) {
      expect(theirs(made, certificate)).toBe("GOODSIG");
      expect(ours(made, certificate)).toBe("valid");
    }
  });
});
