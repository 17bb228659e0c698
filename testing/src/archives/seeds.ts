/** Small real archives, as the programs of this machine write them. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, runOk } from "@firstmile/local/process/run";
import { gitEnv } from "../world-repository.ts";

/** Writes a tree called `hello` below `dir`: every kind of thing that an archive of sources holds. */
export function writeTree(dir: string, nameLength = 60): string {
  const top = join(dir, "hello");
  mkdirSync(join(top, "d", "empty"), { recursive: true });
  writeFileSync(join(top, "f"), "file\n");
  writeFileSync(join(top, "run"), "#!/bin/sh\n");
  chmodSync(join(top, "run"), 0o755);
  symlinkSync("../f", join(top, "d", "up"));
  linkSync(join(top, "run"), join(top, "d", "hard"));
  writeFileSync(join(top, "d", "n".repeat(nameLength)), Buffer.alloc(600, 0x61));
  return top;
}

/** By the name of the program and format that made it. */
export async function realArchives(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  writeTree(dir);
  const made = new Map<string, Buffer>();
  for (const format of ["gnu", "oldgnu", "ustar", "pax", "v7"])
    made.set(
      `tar ${format}`,
      await runOk("tar", ["-C", dir, "--sort=name", `--format=${format}`, "-cf", "-", "hello"]),
    );
  for (const format of ["ustar", "pax", "gnutar", "v7"]) {
    const args = ["-C", dir, "--format", format, "-cf", "-", "hello"];
    if (await has("bsdtar")) made.set(`bsdtar ${format}`, await runOk("bsdtar", args));
  }
  made.set("git archive", await gitArchive(dir));
  for (const format of ["USTAR", "GNU", "PAX"])
    if (await has("python3")) made.set(`tarfile ${format}`, await byPython(dir, format));
  return made;
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
