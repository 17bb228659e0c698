/** A repository in the shape of nixpkgs, to open views on: many small files, most directories holding one or two. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";

/** Two files to a directory, in directories of two letters. */
const PACKAGES = 20_000;

/** Makes a bare repository in `dir`, packed as Git packs what it fetches; gives its tree. */
export function makeLargeTree(dir: string): { readonly tree: string; readonly files: number } {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const git = (args: readonly string[], input?: string) =>
    execFileSync("git", ["-C", dir, ...args], { input, encoding: "utf8", maxBuffer: 1 << 20 });
  git(["init", "--quiet", "--bare", "--template="]);
  git(["fast-import", "--quiet"], history());
  git(["repack", "-adq"]);
  return { tree: git(["rev-parse", "main^{tree}"]).trim(), files: 2 * PACKAGES };
}

function history(): string {
  const parts = ["commit refs/heads/main\ncommitter bench <bench@example.org> 0 +0000\ndata 0\n"];
  for (let number = 0; number < PACKAGES; number++) {
    const name = `${letters(number * 7919)}-${number}`;
    const dir = `pkgs/by-name/${name.slice(0, 2)}/${name}`;
    parts.push(file(`${dir}/package.nix`, expression(name)), file(`${dir}/fix.patch`, patch(name)));
  }
  return parts.join("");
}

function file(path: string, content: string): string {
  return `M 100644 inline ${path}\ndata ${content.length}\n${content}\n`;
}

function letters(number: number): string {
  return String.fromCharCode(97 + (number % 26), 97 + (Math.floor(number / 26) % 26));
}

function expression(name: string): string {
  const inputs = Array.from({ length: 12 }, (_, i) => `lib${i}${name}`);
  const used = inputs.map((input) => `    ${input}`).join("\n");
  return (
    `{ stdenv, fetchurl, ${inputs.join(", ")} }:\n\nstdenv.mkDerivation {\n  name = "${name}-1.0";\n` +
    `  src = fetchurl { url = "mirror://gnu/${name}/${name}-1.0.tar.gz"; sha256 = "${name}"; };\n` +
    `  buildInputs = [\n${used}\n  ];\n}\n`
  );
}

function patch(name: string): string {
  const lines = Array.from({ length: 20 }, (_, i) => `+  line ${i} of ${name}\n`);
  return `--- a/${name}.c\n+++ b/${name}.c\n@@ -1,0 +1,20 @@\n${lines.join("")}`;
}
