/** Ten years of real signatures, side by side with what GnuPG 2.2 says of them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { afterAll, describe, expect, test } from "vitest";
import { checkCommits } from "../../src/evidence/check-commits.ts";
import { neutralGit } from "../../src/git/neutral.ts";

const DATA = join(
  process.env.FIRSTMILE_DATA ?? join(import.meta.dirname, "../../../../../shared/data"),
  "qubes-core-admin",
);

/** What GnuPG's letter means here: good, no such key, unsigned. */
const MEANING: Readonly<Record<string, string>> = { U: "valid", E: "unknown-key", N: "unsigned" };
/** 2026-11-22: after the last of these commits, before the first of today's keys expires. */
const NOW = 1_795_305_600;

describe.skipIf(!existsSync(DATA))("qubes-core-admin", () => {
  const dir = mkdtempSync(join(tmpdir(), "qubes-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("7,552 commits come out as GnuPG has them, but for SHA-1", async () => {
    execFileSync("git", ["init", "--quiet", "--bare", dir]);
    const pack = openSync(join(DATA, "commits.pack"), "r");
    execFileSync("git", ["-C", dir, "index-pack", "--stdin"], { stdio: [pack, "ignore", "ignore"] });
    const rows = gunzipSync(readFileSync(join(DATA, "expected.tsv.gz")))
      .toString()
      .trim()
      .split("\n");
    const expectedOf = new Map(
      rows.map((row) => row.split("\t") as [string, string, string]).map(([id, ...rest]) => [id, rest]),
    );
    const ids = [...expectedOf.keys()] as CommitId[];
    const git = await neutralGit(dir);
    const checked = await checkCommits({ env: git.env, policy: rules(), now: NOW }, ids);
    git.dispose();

    const differing: [string, string][] = [];
    for (const id of ids) {
      const signature = checked.table.get(id)?.signature;
      const ours = signature === undefined ? "no facts" : signature.valid ? "valid" : signature.code;
      const [letter, fingerprint] = expectedOf.get(id)!;
      if (signature?.valid) expect(signature.signingKey).toBe(fingerprint);
      if (ours !== MEANING[letter!]) differing.push([`${letter} ${ours}`, id]);
    }
    // SHA-1: good by GnuPG 2.2, refused here.
    const { "U weak-signature": taken = [], ...rest } = grouped(differing);
    expect(rest).toEqual({});
    expect(taken).toHaveLength(138);
    const sha1 = ids.filter((id) => expectedOf.get(id)![0] === "U" && hashAlgorithm(dir, id, "U") === SHA1);
    expect(new Set(sha1)).toEqual(new Set(taken));
    expect(ids).toHaveLength(7552);
  });

  const SHA1 = 2;

  /** The octet of a version 4 signature that names its hash, read without any of our parsers (RFC 9580, 5.2.3). */
  function hashAlgorithm(repository: string, id: string, letter: string): number | undefined {
    if (letter === "N") return undefined;
    contents ??= readAll(repository);
    const armored = /-----BEGIN PGP SIGNATURE-----(\n[\s\S]*?)\n -----END/.exec(contents.get(id)!)![1]!;
    const body = armored.slice(armored.search(/\n ?\n/)).replace(/\n ?=[A-Za-z0-9+/]{4}$/, "");
    const packet = Buffer.from(body.replace(/\s/g, ""), "base64");
    const head = packet[0]! & 0x40 ? (packet[1]! < 192 ? 2 : 3) : 2 + (packet[0]! & 3);
    expect(packet[head]).toBe(4);
    return packet[head + 3];
  }

  function grouped(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
    const groups = Object.groupBy(pairs, ([name]) => name);
    return Object.fromEntries(Object.entries(groups).map(([name, of]) => [name, of!.map(([, id]) => id)]));
  }

  let contents: Map<string, string> | undefined;

  function readAll(repository: string): Map<string, string> {
    const format = "--batch=%(objectname) %(objectsize)";
    const args = ["-C", repository, "cat-file", format, "--batch-all-objects"];
    const all = execFileSync("git", args, { maxBuffer: 1 << 30 }).toString("latin1");
    const found = new Map<string, string>();
    for (let at = 0; at < all.length; ) {
      const line = all.slice(at, all.indexOf("\n", at));
      const [id, size] = line.split(" ") as [string, string];
      at += line.length + 1;
      found.set(id, all.slice(at, at + Number(size)));
      at += Number(size) + 1;
    }
    return found;
  }

  function rules(): Policy {
    const names = readdirSync(join(DATA, "keys"));
    const files = new Map<string, Uint8Array>(
      names.map((name) => [`keys/${name}`, readFileSync(join(DATA, "keys", name))]),
    );
    const list = names.map((name) => JSON.stringify(`keys/${name}`)).join(", ");
    const text = `format = 1\nname = "qubes"\nexpires = 2090-01-01T00:00:00Z\n[principal.qubes]\nkeys = [${list}]\n[role]\nroot = { any = 1, of = ["qubes"] }\n`;
    const loaded = loadPolicy(files.set("firstmile.toml", Buffer.from(text)));
    if (!loaded.ok) throw new Error(loaded.defects[0]!.message);
    return loaded.policy;
  }
});
