/** What lies outside of a tree, and a tree whose links and flakes lead there. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { commitAll, writeFiles } from "../admission/nix-of.ts";
import type { Outside } from "./escape-attempts.ts";

/** Only files, variables and answers outside have it. */
export const MARKER = `outside${randomBytes(12).toString("hex")}`;

/** What expressions are told of it. */
export function described(
  dir: string,
  { storePath, tree }: Pick<Outside, "storePath" | "tree">,
): Omit<Outside, "port"> {
  const tag = randomBytes(6).toString("hex");
  return {
    dir,
    name: MARKER,
    storePath,
    sha256: createHash("sha256")
      .update(readFileSync(join(dir, "secret")))
      .digest("hex"),
    narHash: narHashOf(join(dir, "source")),
    socket: `${dir}-${tag}`,
    abstract: `firstmile-${tag}`,
    tree,
  };
}

function narHashOf(path: string): string {
  const hex = execFileSync("nix-hash", ["--type", "sha256", path], { encoding: "utf8" }).trim();
  return `sha256-${Buffer.from(hex, "hex").toString("base64")}`;
}

/** Files with the marker, in every form that an expression could fetch. */
export function makeOutside(dir: string): void {
  writeFiles(dir, {
    secret: MARKER,
    [MARKER]: "",
    "secret.nix": `"${MARKER}"`,
    "default.nix": `"${MARKER}"`,
    "attributes.nix": `{ marker = "${MARKER}"; }`,
    "broken.nix": `{ marker = "${MARKER}" }`,
    "secret.toml": `marker = "${MARKER}"\n`,
    "flake.nix": `{ outputs = _: { marker = "${MARKER}"; }; }`,
    "source/secret": MARKER,
    "source/flake.nix": `{ outputs = _: { marker = "${MARKER}"; }; }`,
    "repo/secret": MARKER,
    "repo/flake.nix": `{ outputs = _: { marker = "${MARKER}"; }; }`,
    "config/nix/registry.json": JSON.stringify({
      version: 2,
      flakes: [{ from: { type: "indirect", id: "outside" }, to: { type: "path", path: `${dir}/source` } }],
    }),
  });
  commitAll(join(dir, "repo"));
  // A tarball's one directory is its root.
  execFileSync("tar", ["-C", dir, "-czf", join(dir, "flake.tar.gz"), "source"]);
  copyFileSync(join(dir, "secret"), join(dir, "secret.so"));
}

/** What is signed, or looked at, has links and flakes that lead out. */
export function makeTree(dir: string, outside: string): void {
  const flake = (inputs: string) =>
    `{ inputs.x.url = "${inputs}"; outputs = { x, ... }: { inherit (x) marker; }; }`;
  writeFiles(dir, {
    "default.nix": "{ }",
    "flake-input/flake.nix": flake(`path:${outside}/source`),
    "flake-relative/flake.nix": flake(`path:../../..${outside}/source`),
    "flake-file-link/flake.nix": `{ outputs = _: { }; }`,
    "flake-lock-link/flake.nix": flake(`path:${outside}/source`),
    "flake-config/flake.nix": `{ nixConfig.extra-allowed-uris = "path: file:"; nixConfig.restrict-eval = false; nixConfig.pure-eval = false; nixConfig.plugin-files = "${outside}/secret.so"; outputs = _: { marker = ""; }; }`,
  });
  mkdirSync(join(dir, "flake-link"));
  symlinkSync(join(outside, "flake.nix"), join(dir, "flake-link/flake.nix"));
  symlinkSync(join(outside, "secret"), join(dir, "flake-file-link/link"));
  symlinkSync(join(outside, "repo/flake.lock"), join(dir, "flake-lock-link/flake.lock"));
  symlinkSync(join(outside, "secret"), join(dir, "link-file"));
  symlinkSync(join(outside, "secret.nix"), join(dir, "link-file.nix"));
  symlinkSync(outside, join(dir, "link-dir"));
  symlinkSync("../".repeat(12), join(dir, "link-up"));
  symlinkSync("/", join(dir, "link-root"));
  symlinkSync("/proc/self/root", join(dir, "link-proc"));
}
