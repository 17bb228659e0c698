/**
 * What plain Nix evaluates comes through the reading and the import as it was: the same paths, hashes and references.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { expect, test } from "vitest";
import { makePlace, type Place, VERSIONS, writeFiles } from "../admission/nix-of.ts";
import { allPaths, bring, evaluatePrivately } from "./private-store.ts";

const EXPRESSION = `let
  drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
  text = builtins.toFile "text" "a text";
  tree = builtins.path { path = ./tree; name = "tree"; };
  below = builtins.toFile "below" "see \${text} and \${tree}/file";
  hidden = builtins.toFile "hidden" "nothing to see\${builtins.substring 0 0 "\${below}"}";
  partly = builtins.toFile "partly" "\${tree} and \${builtins.substring 0 0 "\${text}"}";
  mentioned = builtins.toFile "mentioned" (builtins.unsafeDiscardStringContext "\${text}");
  plain = drv "plain" { };
  floating = drv "floating" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  fixed = mode: algo: hash: drv "fixed-\${mode}-\${algo}" { outputHashMode = mode; outputHashAlgo = algo; outputHash = hash; };
in [
  (drv "whole" { src = ./tree; })
  (drv "filtered" { src = builtins.filterSource (path: type: baseNameOf path != "left-out") ./tree; })
  (drv "files" { inherit text tree below hidden partly mentioned; })
  (drv "flat" { src = builtins.path { path = ./tree/file; name = "a+b.c?d=e_f"; recursive = false; }; })
  (drv "flat-executable" { src = builtins.path { path = ./tree/tool; name = "tool"; recursive = false; }; })
  (drv "file" { src = ./tree/file; tool = ./tree/tool; })
  (drv "hashed" { src = builtins.path { path = ./tree; name = "named"; sha256 = "@HASH@"; }; })
  (drv "structured" { __structuredAttrs = true; list = [ 1 "zwei" { drei = ./tree/file; } ]; nested.text = text; })
  (drv "outputs" { outputs = [ "out" "dev" "doc" ]; dep = plain; })
  (drv "many-inputs" { a = plain; b = floating; c = fixed "flat" "sha256" "${"0".repeat(64)}"; d = fixed "recursive" "sha512" "${"1".repeat(128)}"; e = fixed "recursive" "sha1" "${"2".repeat(40)}"; })
  (drv "deep" { deep = (drv "deeper" { inherit plain tree; }).drvPath; })
  (drv "shallow" { shallow = builtins.unsafeDiscardOutputDependency (drv "shallower" { inherit text; }).drvPath; })
  (drv "odd" { "A" = "\\t\\n\\r\\\\\\"\\\${x}"; "ß" = "zażółć 日本語"; empty = ""; args = [ "" "a b" ]; })
  (drv "shell" { stdenv = plain; shellHook = "echo \${text}"; buildInputs = [ plain floating ]; })
]`;

/** What names and files there can be in a directory that Nix copies. */
function writeTree(dir: string): void {
  writeFiles(dir, {
    file: "content",
    "tool*": "#!/bin/sh\n",
    "left-out": "x",
    "A/a": "1",
    "a/A": "2",
    "empty-file": "",
    "deep/er/est": "3",
  });
  mkdirSync(join(dir, "empty"));
  symlinkSync("/nowhere/at/all", join(dir, "dangling"));
  symlinkSync("../../..", join(dir, "up"));
  const named = (bytes: number[]) => Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(bytes)]);
  writeFileSync(named([0xff, 0xfe]), "not UTF-8");
  writeFileSync(named([0x0a]), "a line feed");
  writeFileSync(join(dir, "żółć 日本"), "unicode");
  writeFileSync(join(dir, "large"), Buffer.alloc(700_001, 7));
  chmodSync(join(dir, "large"), 0o755);
}

async function writeExpression(place: Place): Promise<string> {
  mkdirSync(join(place.dir, "tree"));
  writeTree(join(place.dir, "tree"));
  const told = await place.world.run("nix-hash", ["--type", "sha256", join(place.dir, "tree")]);
  writeFiles(place.dir, { "default.nix": EXPRESSION.replace("@HASH@", told.stdout.trim()) });
  return join(place.dir, "default.nix");
}

test.each(VERSIONS.flatMap((version) => [false, true].map((daemon) => [version, daemon] as const)))(
  "everything that an evaluation can write comes in as it was (%s, daemon: %s)",
  async (version, daemon) => {
    if (missingForNixWorld(version) !== undefined) return;
    await using place = await makePlace(version, daemon ? { NIX_REMOTE: "daemon" } : {}, {
      multiUser: daemon,
    });
    const file = await writeExpression(place);
    const evaluated = await evaluatePrivately(place, file);
    if (daemon) await place.world.startDaemon();
    const { closure } = await bring(place, evaluated);
    expect(closure.derivations.size).toBeGreaterThan(15);
    expect(await allPaths(place)).toEqual(evaluated.paths);
    const again = await place.world.run("nix-instantiate", [file]);
    expect(again.stdout.trim().split("\n")).toEqual(evaluated.roots);
    const verified = await place.world.run("nix-store", ["--verify", "--check-contents"]);
    expect([verified.code, verified.stderr]).toEqual([0, expect.not.stringMatching(/modified|disappeared/)]);
    await bring(place, evaluated);
  },
);
