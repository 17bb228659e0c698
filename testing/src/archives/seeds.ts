/** Small real archives, as the programs of this machine write them. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, runOk } from "@firstmile/local/process/run";
import { gitEnv } from "../world-repository.ts";
import { BLOCK, blocksOf, setSum } from "./members.ts";
import { joined } from "./pack.ts";

/** Writes a tree called `hello` below `dir`: every kind of thing that an archive of sources holds. */
export function writeTree(dir: string): string {
  const top = join(dir, "hello");
  mkdirSync(join(top, "d", "empty"), { recursive: true });
  writeFileSync(join(top, "f"), "file\n");
  writeFileSync(join(top, "run"), "#!/bin/sh\n");
  chmodSync(join(top, "run"), 0o755);
  symlinkSync("../f", join(top, "d", "up"));
  linkSync(join(top, "run"), join(top, "d", "hard"));
  writeFileSync(join(top, "d", "n".repeat(60)), Buffer.alloc(600, 0x61));
  mkdirSync(join(top, "deep", "m".repeat(70)), { recursive: true });
  writeFileSync(join(top, "deep", "m".repeat(70), "o".repeat(60)), "deep\n");
  return top;
}

/** By the name of the program and format that made it. */
export async function realArchives(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  writeTree(dir);
  const made = new Map<string, Buffer>();
  for (const format of ["gnu", "oldgnu", "ustar", "pax", "v7"])
    made.set(`tar ${format}`, await packedBy("tar", dir, ["--sort=name", `--format=${format}`], format));
  made.set("commons-compress", asCommonsCompress(made.get("tar gnu")!));
  if (await has("bsdtar"))
    for (const format of ["ustar", "pax", "gnutar", "v7"])
      made.set(`bsdtar ${format}`, await packedBy("bsdtar", dir, ["--format", format], format));
  made.set("git archive", await gitArchive(dir));
  if (await has("python3"))
    for (const format of ["USTAR", "GNU", "PAX"]) made.set(`tarfile ${format}`, await byPython(dir, format));
  return made;
}

/** v7 has no room for long names. */
function packedBy(program: string, dir: string, options: readonly string[], format: string): Promise<Buffer> {
  const left = format === "v7" ? ["--exclude=hello/deep"] : [];
  return runOk(program, ["-C", dir, ...options, ...left, "-cf", "-", "hello"]);
}

/** Apache's commons-compress writes GNU's long names in front of headers of POSIX. */
function asCommonsCompress(archive: Buffer): Buffer {
  const members = blocksOf(archive).map(({ header, content }) => ({ header: Buffer.from(header), content }));
  for (const { header } of members) {
    if (header[156] === "L".charCodeAt(0)) continue;
    header.write("ustar\x0000", 257, "latin1");
    setSum(header);
  }
  return joined(members, Buffer.alloc(2 * BLOCK));
}

async function gitArchive(dir: string): Promise<Buffer> {
  const git = (...args: string[]) =>
    runOk("git", ["--git-dir", join(dir, "repository"), "--work-tree", dir, ...args], {
      env: gitEnv(),
      cwd: dir,
    });
  await runOk("git", ["init", "--quiet", "--bare", "--template=", join(dir, "repository")], {
    env: gitEnv(),
  });
  await git("add", "hello");
  await git("commit", "--quiet", "-m", "hello");
  return git("archive", "HEAD");
}

async function byPython(dir: string, format: string): Promise<Buffer> {
  const code =
    "import sys,tarfile; t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|',format=getattr(tarfile,sys.argv[1]+'_FORMAT')); t.add('hello'); t.close()";
  return runOk("python3", ["-c", code, format], { cwd: dir });
}

async function has(program: string): Promise<boolean> {
  return run(program, ["--version"]).then(
    ({ code }) => code === 0,
    () => false,
  );
}
