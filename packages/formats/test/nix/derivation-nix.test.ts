/** Against stock Nix: everything about derivations that can be computed is what Nix itself wrote. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Derivation, derivationStorePath, renderDerivation } from "@firstmile/formats/nix/derivation";
import {
  type DerivationHash,
  hashDerivations,
  outputPathsOf,
  wrongOutputs,
} from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { isResolvedFirst, resolveDerivation } from "@firstmile/formats/nix/derivation-resolve";
import { devShellDerivations } from "@firstmile/formats/nix/dev-shell";
import { type DrvPath, drvNameOf, parseDrvPath, parseStorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nixVersion, StockNix } from "./stock-nix.ts";

const EXPRESSION = `
let
  make = name: attrs: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "echo \${name} > $out; for o in $outputs; do eval \\"echo x > \\\\$$o\\"; done" ];
  } // attrs);
  floats = { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  bash = { builder = "/bin/bash"; PATH = "/bin:/usr/bin"; };
in rec {
  a = make "a" floats;
  b = make "b" (floats // {
    dep = a; outputs = [ "out" "dev" ];
    args = [ "-c" "cat \${a} > $out; echo \${builtins.placeholder "out"} \${a}\${a}/x >> $out; echo x > $dev" ];
    \${builtins.unsafeDiscardStringContext "key\${a}"} = "value";
  });
  src = make "src" {
    outputHash = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="; outputHashMode = "flat";
    args = [ "-c" "echo hello > $out" ]; url = "https://example.org/x";
  };
  tree = make "tree" { outputHash = "sha256-QiQxiUggWC3QDNAo/5xSZq9pKMTM3colcNHL8WmEtxA="; outputHashMode = "recursive"; };
  sha1 = make "sha1" { outputHash = "f013d66c7f6817d08b7eb2a93e6d0440c1f3e7f8"; outputHashAlgo = "sha1"; };
  fixedOnFloating = make "fixed-on-floating" {
    outputHash = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="; dep = b; args = [ "-c" "echo hello > $out" ];
  };
  c = make "c" {
    dep = b; depdev = b.dev; s = src; outputs = [ "out" "man" ]; fixed = fixedOnFloating;
    file = builtins.toFile "f" "x \${builtins.toFile "g" "é"}";
    weird = "tab\\tq\\"back\\\\nl\\ncr\\rdollar$ é";
  };
  d = make "d" { dep = c.man; more = plain; };
  two = make "two" { outputs = [ "lib" "out" ]; inherit sha1 tree; };
  plain = make "plain" { dep = src; inherit two; lib = two.lib; };
  shell = make "shell" (bash // { outputs = [ "out" "dev" ]; dep = plain; allowedReferences = [ ]; });
  fixedShell = make "fixed-shell" (bash // { outputHash = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="; });
  floatingShell = make "floating-shell" (bash // floats // { dep = a; });
  deferredShell = make "deferred-shell" (bash // { dep = b.dev; });
  structuredShell = make "structured-shell" (bash // { __structuredAttrs = true; outputChecks.out.allowedReferences = [ ]; });
}`;

describe.skipIf(nixVersion === undefined)("stock Nix", () => {
  let nix: StockNix;
  let drvs: Map<DrvPath, Derivation>;
  let hashes: Map<DrvPath, DerivationHash>;
  const expression = () => join(nix.dir, "all.nix");

  function reread() {
    const files = nix.derivations();
    drvs = new Map();
    for (const [path, bytes] of files) {
      const drvPath = parseDrvPath(path, nix.storeDir);
      const drv = parseDerivation(bytes, nix.storeDir);
      expect(Buffer.from(renderDerivation(drv)).equals(bytes)).toBe(true);
      drvs.set(drvPath, drv);
    }
    hashes = hashDerivations(drvs.keys(), (path) => drvs.get(path)!);
  }

  beforeAll(() => {
    nix = new StockNix();
    writeFileSync(expression(), EXPRESSION);
    nix.run("nix-instantiate", expression());
    reread();
  });
  afterAll(() => nix.remove());

  function named(name: string): DrvPath[] {
    return [...drvs.keys()].filter((path) => drvNameOf(path) === name);
  }

  test("every .drv parses, renders to the same bytes and has the path of its contents", () => {
    expect(drvs.size).toBe(15);
    for (const [path, drv] of drvs)
      expect(derivationStorePath(drv, drvNameOf(path), nix.storeDir)).toBe(path);
  });

  test("output paths follow from contents", () => {
    const kinds = new Set<string>();
    for (const [path, drv] of drvs) {
      const paths = outputPathsOf(drv, drvNameOf(path), (p) => hashes.get(p), nix.storeDir);
      for (const [output, { kind, ...rest }] of drv.outputs) {
        kinds.add(kind);
        expect(paths.get(output), `${path} ${output}`).toBe("path" in rest ? rest.path : undefined);
      }
    }
    expect([...kinds].sort()).toEqual(["deferred", "fixed", "floating", "input-addressed"]);
  });

  test("a claimed path that is another's is found", () => {
    const path = named("plain")[0]!;
    const drv = drvs.get(path)!;
    const stolen = drvs.get(named("two")[0]!)!.outputs.get("out")!;
    const forged = { ...drv, outputs: new Map([["out", stolen]]) };
    expect(wrongOutputs(drv, "plain", (p) => hashes.get(p), nix.storeDir)).toEqual([]);
    expect(wrongOutputs(forged, "plain", (p) => hashes.get(p), nix.storeDir)).toEqual(["out"]);
  });

  describe("resolution", () => {
    const resolved = new Map<string, string>();
    beforeAll(() => {
      const log = nix.attempt(
        "nix-command ca-derivations",
        "nix-build",
        "--no-out-link",
        "-vvvv",
        expression(),
        "-A",
        "d",
      );
      for (const [, from, to] of log.matchAll(/resolved derivation: '([^']+)' -> '([^']+)'/g))
        resolved.set(from!, to!);
      reread();
    });

    test("gives the .drv that Nix wrote, byte for byte", () => {
      expect([...resolved.keys()].map((p) => drvNameOf(p as DrvPath)).sort()).toEqual([
        "b",
        "c",
        "d",
        "fixed-on-floating",
      ]);
      for (const [from, to] of resolved) {
        const path = parseDrvPath(from, nix.storeDir);
        const drv = drvs.get(path)!;
        expect(isResolvedFirst(drv, true)).toBe(true);
        const ours = resolveDerivation(drv, drvNameOf(path), realised, nix.storeDir)!;
        const theirs = drvs.get(parseDrvPath(to, nix.storeDir))!;
        expect(Buffer.from(renderDerivation(ours)).toString("latin1")).toBe(
          Buffer.from(renderDerivation(theirs)).toString("latin1"),
        );
        expect(derivationStorePath(ours, drvNameOf(path), nix.storeDir)).toBe(to);
      }
    });

    test("waits for what is not realised", () => {
      const path = named("b").find((p) => isResolvedFirst(drvs.get(p)!, true))!;
      expect(resolveDerivation(drvs.get(path)!, "b", () => undefined, nix.storeDir)).toBeUndefined();
    });

    /** Where Nix put an output. Nix 2.8 cannot say it of a deferred one, but the .drv that it wrote for it does. */
    function realised(input: DrvPath, output: string) {
      const written = drvs.get(resolved.get(input) as DrvPath)?.outputs.get(output);
      if (written?.kind === "input-addressed") return written.path;
      return parseStorePath(nix.run("nix-store", "--realise", `${input}!${output}`), nix.storeDir);
    }
  });

  describe("development shells", () => {
    const SHELLS = ["shell", "fixedShell", "floatingShell", "deferredShell", "structuredShell"];
    const written = new Map<string, string[]>();
    beforeAll(() => {
      const before = new Set(nix.derivations().keys());
      for (const features of ["nix-command", "nix-command ca-derivations"]) {
        for (const attr of SHELLS) nix.attempt(features, "nix", "print-dev-env", "-f", expression(), attr);
      }
      reread();
      for (const path of drvs.keys()) {
        if (before.has(path)) continue;
        const name = drvNameOf(path);
        written.set(name, [...(written.get(name) ?? []), path]);
      }
    });

    test.each(["shell", "fixed-shell", "floating-shell", "deferred-shell", "structured-shell"])(
      "of %s are among those computed",
      (name) => {
        const source = named(name).find((path) => !path.includes("-env"))!;
        const shells = devShellDerivations(drvs.get(source)!, name, (p) => hashes.get(p), nix.storeDir);
        const paths = new Set<string>();
        for (const shell of shells) {
          paths.add(derivationStorePath(shell.derivation, shell.name, nix.storeDir));
          const resolved = resolveDerivation(shell.derivation, shell.name, built, nix.storeDir);
          if (resolved) paths.add(derivationStorePath(resolved, shell.name, nix.storeDir));
        }
        const theirs = written.get(`${name}-env`) ?? [];
        expect(theirs.length).toBeGreaterThan(0);
        for (const path of theirs) expect(paths).toContain(path);
      },
    );

    function built(input: DrvPath, output: string) {
      try {
        return parseStorePath(nix.run("nix-store", "--realise", `${input}!${output}`), nix.storeDir);
      } catch {
        return undefined;
      }
    }
  });
});
