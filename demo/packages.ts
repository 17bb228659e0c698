/**
 * What the demo packages: GNU hello from its author's own tarball, as Debian's archive has it, and a small program
 * beside it. The tarball is a fixed-output derivation: Nix itself fetches it and compares its hash.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { baseEnvironment } from "./machines.ts";
import { run } from "./processes.ts";
import type { Scene } from "./scene.ts";
import { NotPossible, type Workplace } from "./workplace.ts";

const TARBALL = "hello_2.10.orig.tar.gz";
const TARBALL_SHA256 = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";

/** Puts the tarball into `mirror`, from a file given or else from the archives that apt is configured with. */
export async function bringTarball(
  { screen, workplace }: Scene,
  mirror: string,
  given: string | undefined,
): Promise<void> {
  const download = () => downloadSource(workplace);
  const from =
    given !== undefined
      ? resolve(process.env.INIT_CWD ?? ".", given)
      : await screen.command("alice", "apt-get source --download-only hello", download);
  const sha256 = createHash("sha256").update(readFileSync(from)).digest("hex");
  if (sha256 !== TARBALL_SHA256)
    throw new NotPossible(
      `${from} is not the hello 2.10 that this demo packages`,
      `its SHA-256 is ${TARBALL_SHA256}`,
    );
  copyFileSync(from, join(mirror, TARBALL));
}

/** `apt-get source`, with lists of its own, since machines seldom have those of sources. Apt checks the signatures. */
async function downloadSource(workplace: Workplace): Promise<string> {
  const dir = workplace.make("apt");
  for (const below of ["lists/partial", "sources", "cache"]) mkdirSync(join(dir, below), { recursive: true });
  for (const file of aptSources()) {
    const text = readFileSync(file, "utf8")
      .replace(/^(Types:.*?)\bdeb\b(?!-).*$/gm, "$1deb-src")
      .replace(/^deb(?=\s)/gm, "deb-src");
    writeFileSync(join(dir, "sources", basename(file)), text);
  }
  const options = Object.entries({
    "Dir::Etc::sourcelist": "/dev/null",
    "Dir::Etc::sourceparts": join(dir, "sources"),
    "Dir::State::lists": join(dir, "lists"),
    "Dir::Cache": join(dir, "cache"),
    "APT::Sandbox::User": "",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const how = { cwd: dir, env: { ...process.env, ...baseEnvironment(dir) } as Record<string, string> };
  await run(["apt-get", ...options, "update"], how);
  const got = await run(["apt-get", ...options, "source", "--download-only", "hello"], how);
  const file = join(dir, TARBALL);
  if (existsSync(file)) return file;
  const said = got.stderr.trim().split("\n").at(-1);
  throw new NotPossible(
    `apt-get source hello gave no ${TARBALL}: ${said}`,
    "npm run demo -- --tarball FILE, with GNU hello 2.10",
  );
}

function aptSources(): string[] {
  const parts = "/etc/apt/sources.list.d";
  const inParts = existsSync(parts)
    ? readdirSync(parts).filter((name) => /\.(?:list|sources)$/.test(name))
    : [];
  return ["/etc/apt/sources.list", ...inParts.map((name) => join(parts, name))].filter((file) =>
    existsSync(file),
  );
}

/** default.nix of the package repository. `mirror`: URL of where the tarball is. */
export function expression(mirror: string): string {
  return `{ system ? builtins.currentSystem }:
let
  # The author's tarball: fetched by Nix, and nothing else than these bytes.
  tarball = derivation rec {
    name = "hello-2.10.tar.gz";
    builder = "builtin:fetchurl";
    system = "builtin";
    url = "${mirror}/${TARBALL}";
    urls = [ url ];
    unpack = false;
    executable = false;
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = "${TARBALL_SHA256}";
  };
  build = name: script: derivation {
    inherit name system;
    builder = "/bin/sh";
    args = [ "-euc" script ];
    PATH = "/usr/bin:/bin";
  };
in
{
  hello = build "hello-2.10" ''
    tar -xf \${tarball}
    cd hello-2.10
    ./configure --quiet --prefix=$out --disable-nls --disable-dependency-tracking CFLAGS=-O1
    make -s install
  '';
  greet = build "greet-1.0" ''
    mkdir -p $out/bin
    gcc -s -Wl,--build-id=none -o $out/bin/greet \${./greet.c}
  '';
}
`;
}

export const GREET_C = `#include <stdio.h>

int main(void)
{
    puts("Good morning from greet 1.0");
    return 0;
}
`;

/** A flake in another repository that takes the packages as a locked input. */
export const APP_FLAKE = `{
  inputs.pkgs = { url = "github:acme/pkgs?host=forge.example"; flake = false; };
  outputs = { self, pkgs }: {
    packages = builtins.mapAttrs
      (system: _: { default = (import pkgs { inherit system; }).hello; })
      { x86_64-linux = null; aarch64-linux = null; };
  };
}
`;

/** A repository that nobody signs. */
export const PARTS: Readonly<Record<string, string>> = {
  "default.nix": `{ system ? builtins.currentSystem }:
{
  tool = import ./tool.nix { inherit system; };
  game = import ./game.nix { inherit system; };
}
`,
  "tool.nix": `{ system ? builtins.currentSystem }:
derivation {
  name = "tool-1.0";
  inherit system;
  builder = "/bin/sh";
  args = [ "-euc" "read line < \${./words}; echo $line > $out" ];
}
`,
  words: "Good morning.\n",
};

/** The lock of that flake. */
export function appLock(rev: string, lastModified: number, narHash: string): string {
  const repository = { type: "github", owner: "acme", repo: "pkgs", host: "forge.example" };
  const pkgs = { flake: false, locked: { ...repository, rev, lastModified, narHash }, original: repository };
  return `${JSON.stringify({ nodes: { pkgs, root: { inputs: { pkgs: "pkgs" } } }, root: "root", version: 7 }, undefined, 2)}\n`;
}
