/** Whatever GNU tar, bsdtar or Git packs comes out as Nix hashes it once it is unpacked. */
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import { readTree } from "@firstmile/local/archives/directory";
import { gitTreeId } from "@firstmile/local/archives/git-id";
import { unpack } from "@firstmile/local/archives/unpack";
import { run, runOk } from "@firstmile/local/process/run";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gitEnv } from "../../../../testing/src/world-repository.ts";

const LONG = "directory-with-a-rather-long-name/".repeat(5);
let dir: string;
let expected: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "firstmile-unpack-"));
  const top = join(dir, "hello-1.0");
  mkdirSync(join(top, LONG), { recursive: true });
  writeFileSync(join(top, LONG, "f".repeat(120)), "long\n");
  writeFileSync(join(top, "configure"), "#!/bin/sh\n");
  chmodSync(join(top, "configure"), 0o755);
  writeFileSync(join(top, "caf\u00e9 a.b"), Buffer.alloc(5000, 7));
  mkdirSync(join(top, "a"));
  writeFileSync(join(top, "a", "x"), "");
  writeFileSync(join(top, "a.c"), "a.c");
  symlinkSync("x".repeat(200), join(top, "a", "link"));
  linkSync(join(top, "configure"), join(top, "a", "hard"));
  expected = (await nixHash(top)).trim();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function nixHash(path: string): Promise<string> {
  const args = ["hash", "path", "--extra-experimental-features", "nix-command", path];
  return (await runOk("nix", args)).toString();
}

async function has(program: string): Promise<boolean> {
  return run(program, ["--version"]).then(
    ({ code }) => code === 0,
    () => false,
  );
}
const missing = (await has("nix")) ? undefined : "nix is not installed";

describe.skipIf(missing !== undefined)("packed by GNU tar", () => {
  test.each(["gnu", "pax", "posix", "ustar", "oldgnu"])("in the format %s", async (format) => {
    const name = format === "ustar" ? "hello-1.0/a" : "hello-1.0";
    const args = ["-C", dir, `--format=${format}`, "--exclude=link", "-cf", "-", name];
    const plain = format === "ustar" ? args : args.filter((word) => !word.startsWith("--exclude"));
    if (format === "ustar") {
      const tree = await unpack(
        await runOk("tar", [...plain.slice(0, -1), "hello-1.0/a.c", "hello-1.0/configure"]),
      );
      expect([...tree.root.entries].map((entry) => String(entry.name))).toEqual(["a.c", "configure"]);
      return;
    }
    expect(sriHash((await unpack(await runOk("tar", plain))).narHash)).toBe(expected);
  });

  test.each([["gzip"], ["xz"], ["bzip2"], ["zstd"]])("and %s", async (program) => {
    if (!(await has(program))) return;
    const tar = await runOk("tar", ["-C", dir, "-cf", "-", "./hello-1.0"]);
    const packed = await runOk(program, ["-c"], { input: tar });
    const { narHash, uncompressed } = await unpack(packed);
    expect(sriHash(narHash)).toBe(expected);
    expect(uncompressed.equals(tar)).toBe(true);
  });

  test("without a directory on top, it is the whole", async () => {
    const tar = await runOk("tar", ["-C", join(dir, "hello-1.0"), "-cf", "-", "."]);
    expect(sriHash((await unpack(tar)).narHash)).toBe(expected);
  });
});

describe.skipIf(missing !== undefined)("a tree on disk", () => {
  test("is read as Nix reads it", () => {
    const tree = readTree(join(dir, "hello-1.0"), 1 << 20)!;
    expect(sriHash(narDigest(tree).narHash)).toBe(expected);
    expect(readTree(join(dir, "hello-1.0"), 100)).toBeUndefined();
  });

  test("has the id that Git gives it, and so has Git's own archive", async () => {
    const repository = join(dir, "repository");
    const git = (...args: string[]) =>
      runOk("git", ["--git-dir", repository, "--work-tree", join(dir, "hello-1.0"), ...args], {
        env: gitEnv(),
      });
    await runOk("git", ["init", "--quiet", "--bare", "--template=", repository], { env: gitEnv() });
    await git("add", "--all");
    const id = (await git("write-tree")).toString().trim();
    expect(gitTreeId(readTree(join(dir, "hello-1.0"), 1 << 20)!, "sha1")).toBe(id);
    const archive = await git("archive", "--prefix=hello-1.0/", id);
    const { root, narHash } = await unpack(archive);
    expect(gitTreeId(root, "sha1")).toBe(id);
    expect(sriHash(narHash)).toBe(expected);
  });
});
