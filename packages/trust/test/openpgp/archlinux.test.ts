/**
 * Arch Linux's own keyring, as Debian packages it: who may sign packages is what GnuPG computes from the same files, set
 * up as pacman-key does (the main keys signed locally, each of marginal trust, three of them needed).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { RoleName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificationReasons, electorateAt } from "../../src/policy/electorate.ts";

const KEYRINGS = "/usr/share/keyrings";
const KEYRING = join(KEYRINGS, "archlinux.gpg");
const missing = [
  ...(existsSync(KEYRING) ? [] : ["Debian's package archlinux-keyring"]),
  ...(spawnSync("gpg", ["--version"]).status === 0 ? [] : ["gpg"]),
];
if (missing.length > 0) console.warn(`archlinux.test.ts is skipped: ${missing.join(" and ")} not installed`);

/** What GnuPG says of one primary key and its user IDs. */
interface Judged {
  readonly validity: string;
  readonly userIds: Map<string, string>;
}

interface Listing {
  readonly masters: readonly string[];
  readonly revoked: readonly string[];
  readonly keys: ReadonlyMap<string, Judged>;
  export(fingerprint: string): Buffer;
}

const lines = (name: string) => readFileSync(join(KEYRINGS, name), "utf8").trim().split("\n");

function judgedByGnupg(home: string, now: number): Listing {
  const stamp = `${new Date(now * 1000).toISOString().slice(0, 19).replace(/[-:]/g, "")}!`;
  const gpg = (...args: string[]) =>
    execFileSync(
      "gpg",
      ["--batch", "--yes", "--quiet", "--faked-system-time", stamp, "--passphrase", "", ...args],
      {
        env: { ...process.env, GNUPGHOME: home, LC_ALL: "C" },
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
  const masters = lines("archlinux-trusted").map((line) => line.split(":")[0]!);
  gpg("--quick-generate-key", "pacman", "ed25519", "cert", "never");
  gpg("--import", KEYRING);
  gpg("--import-ownertrust", join(KEYRINGS, "archlinux-trusted"));
  for (const master of masters) gpg("--quick-lsign-key", master);
  gpg("--marginals-needed", "3", "--check-trustdb");
  const listing = gpg("--marginals-needed", "3", "--with-colons", "--list-keys").toString();
  return {
    masters,
    revoked: lines("archlinux-revoked").map((line) => line.trim()),
    keys: readListing(listing),
    export: (fingerprint) => gpg("--export", fingerprint),
  };
}

/** doc/DETAILS of GnuPG: field 2 is the validity, 10 the fingerprint or the user ID with `\xNN` for odd bytes. */
function readListing(listing: string): Map<string, Judged> {
  const keys = new Map<string, Judged>();
  let validity: string | undefined;
  let last: Judged | undefined;
  for (const line of listing.split("\n")) {
    const fields = line.split(":");
    if (fields[0] === "pub") validity = fields[1]!;
    if (fields[0] === "fpr" && validity !== undefined) {
      last = { validity, userIds: new Map() };
      keys.set(fields[9]!, last);
      validity = undefined;
    }
    if (fields[0] === "uid") last?.userIds.set(unescaped(fields[9]!), fields[1]!);
  }
  return keys;
}

function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function policyOf({ masters, export: exported }: Listing): Policy {
  const text = [
    'format = 1\nname = "arch"\nexpires = 2090-01-01T00:00:00Z',
    ...masters.map((_, i) => `[principal.master-${i}]\nkeys = ["keys/master-${i}.gpg"]`),
    "[role]",
    `root = { any = 3, of = [${masters.map((_, i) => `"master-${i}"`).join(", ")}] }`,
    'packager = { any = 1, certified = { by = "root", any = 3, keyring = "keys/archlinux.gpg" } }',
  ];
  const keys = masters.map((master, i) => [`keys/master-${i}.gpg`, exported(master)] as const);
  const files = [
    ["firstmile.toml", Buffer.from(text.join("\n"))],
    ["keys/archlinux.gpg", readFileSync(KEYRING)],
  ] as const;
  const result = loadPolicy(new Map<string, Uint8Array>([...files, ...keys]));
  if (!result.ok) throw new Error(JSON.stringify(result.defects));
  return result.policy;
}

const sorted = (names: Iterable<string>) => [...names].sort();

describe.skipIf(missing.length > 0).each([
  ["when the package was made", Date.UTC(2023, 11, 15) / 1000],
  ["today", Math.floor(Date.now() / 1000)],
])("%s", (_, now) => {
  let home = "";
  let gnupg: Listing;
  let policy: Policy;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "arch-"));
    gnupg = judgedByGnupg(home, now);
    policy = policyOf(gnupg);
  }, 60_000);

  afterAll(() => {
    spawnSync("gpgconf", ["--kill", "gpg-agent"], { env: { ...process.env, GNUPGHOME: home } });
    rmSync(home, { recursive: true, force: true });
  });

  /** Without the main keys: here they are listed, there they are valid by the local signature. */
  const others = (fingerprints: Iterable<string>) =>
    sorted(fingerprints).filter((one) => !gnupg.masters.includes(one));

  test("the packagers, by certificate", () => {
    const valid = [...gnupg.keys]
      .filter(([, { validity }]) => validity === "f")
      .map(([fingerprint]) => fingerprint);
    const { policy: filled, validUntil } = electorateAt(policy, now);
    const ours = filled.roles.get("packager" as RoleName)!.of.flatMap((member) => {
      if (member.kind !== "principal") throw new Error(member.kind);
      return filled.principals
        .get(member.name)!
        .keys.flatMap((key) => (key.kind === "openpgp" ? [key.certificate.fingerprint] : []));
    });
    expect(others(ours)).toEqual(others(valid));
    expect(validUntil).toBeGreaterThan(now);
    // Of the 164 certificates in Debian 12's version 73 were valid when it was made.
    if (now < Date.UTC(2024, 0) / 1000) expect(others(ours).length).toBeGreaterThan(60);
    const revoked = gnupg.revoked.filter((one) => ours.includes(one as never));
    expect(gnupg.revoked.length).toBeGreaterThan(30);
    expect(revoked).toEqual([]);
  });

  test("the packagers, by user ID", () => {
    const [told] = certificationReasons(policy, now);
    const ours = told!.people.flatMap(({ certificates }) =>
      certificates.flatMap(({ fingerprint, userIds }) => userIds.map(({ text }) => `${fingerprint} ${text}`)),
    );
    const theirs = [...gnupg.keys].flatMap(([fingerprint, { userIds }]) =>
      [...userIds].flatMap(([text, validity]) => (validity === "f" ? [`${fingerprint} ${text}`] : [])),
    );
    expect(others(ours)).toEqual(theirs.filter((one) => !gnupg.masters.includes(one.slice(0, 40))).sort());
    expect(told!.silenced).toEqual([]);
  });

  test("nobody else, for a reason that is GnuPG's", () => {
    const codes = new Map(
      certificationReasons(policy, now)[0]!.others.map((one) => [
        one.certificate.fingerprint as string,
        one.code,
      ]),
    );
    // A DSA key can be read, but nothing that it signed can be checked.
    const known = {
      e: ["expired-key", "unusable-key"],
      r: ["revoked-key", "unclaimed-user-id", "revoked-user-id", "unusable-key"],
    };
    const reasons = [...codes].flatMap(([fingerprint, code]) => {
      const validity = gnupg.keys.get(fingerprint)?.validity;
      const expected = validity === "e" || validity === "r" ? known[validity] : [];
      return code === "too-few-certifiers" || expected.includes(code)
        ? []
        : [`${fingerprint} ${code} ${validity}`];
    });
    expect(reasons).toEqual([]);
    expect(codes.size).toBeGreaterThan(20);
  });

  test("each certifier is needed: with the first one's certifications alone nobody is in", () => {
    const one = new Map(policy.principals);
    for (const name of [...one.keys()].slice(1)) one.set(name, { ...one.get(name)!, keys: [] });
    const { policy: filled } = electorateAt({ ...policy, principals: one }, now);
    expect(filled.roles.get("packager" as RoleName)!.of).toEqual([]);
    expect(parseCertificates(readFileSync(KEYRING)).length).toBeGreaterThan(100);
  });
});
