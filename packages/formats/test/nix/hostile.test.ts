import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { decodeNix32 } from "@firstmile/formats/nix/base32";
import { parseContentAddress } from "@firstmile/formats/nix/content-address";
import { renderDerivation } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { commitOfCall, fetchCalls } from "@firstmile/formats/nix/expression-pins";
import { expressionTokens } from "@firstmile/formats/nix/expression-tokens";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { gitRepository, namedCommit } from "@firstmile/formats/nix/forge-archive";
import { parseHash, sriHash } from "@firstmile/formats/nix/hash";
import { parseNixPublicKey, parseNixSecretKey, parseNixSignature } from "@firstmile/formats/nix/key";
import { narChunks } from "@firstmile/formats/nix/nar";
import { parseNar } from "@firstmile/formats/nix/nar-parse";
import { parseNarInfo } from "@firstmile/formats/nix/narinfo";
import { parseNivLock } from "@firstmile/formats/nix/niv-lock";
import { parseNpinsLock } from "@firstmile/formats/nix/npins-lock";
import { parseDrvPath } from "@firstmile/formats/nix/store-path";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";

describe("fuzz", () => {
  const seeds = (area: string, block: string) => readVectors(`nix/${area}`).map((v) => v.blocks.get(block)!);
  const texts = (...list: string[]) => list.map((text) => Buffer.from(text, "latin1"));
  const hash = "sha256:1p3f3c5xwxw9r9gpdbshkb1wdz1q3ayxpx0c8r9f0c6v0d2y5a7h";
  test("narinfo", () => fuzz("narinfo", seeds("narinfo", "narinfo"), (b) => parseNarInfo(b)));
  test("nar", () => {
    fuzz("nar", seeds("nar", "nar"), (b) => {
      if (!Buffer.concat([...narChunks(parseNar(b))]).equals(b)) throw new Error("renders to other bytes");
    });
  });
  test("derivation", () => {
    fuzz("derivation", seeds("derivation", "derivation"), (b) => {
      if (!Buffer.from(renderDerivation(parseDerivation(b))).equals(b))
        throw new Error("renders to other bytes");
    });
  });
  test("flake.lock", () => fuzz("flake.lock", seeds("flake-lock", "lock"), parseFlakeLock));
  test("npins", () => fuzz("npins", seeds("npins", "sources"), parseNpinsLock));
  test("niv", () => fuzz("niv", seeds("niv", "sources"), parseNivLock));
  test("expression", () => {
    fuzz("expression", seeds("expression", "expression"), (b) => expressionTokens(latin1(b)));
    fuzz("expression", seeds("expression", "expression"), (b) =>
      fetchCalls(latin1(b)).map((call) => commitOfCall(call, "f.nix")),
    );
  });
  test("address", () => {
    const rev = "1".repeat(40);
    const seed = texts(
      `https://github.com/o/r/archive/${rev}.tar.gz`,
      `https://gitlab.com/api/v4/projects/o%2Fr/repository/archive.tar.gz?sha=${rev}`,
      `git+ssh://git@example.org/o/r.git?ref=main&rev=${rev}`,
      `github:o/r/${rev}?host=example.org`,
    );
    fuzz("address", seed, (b) => namedCommit(latin1(b)));
    fuzz("address", seed, (b) => gitRepository(latin1(b)));
  });
  test("hash", () => fuzz("hash", texts(hash, sriHash(parseHash(hash))), (b) => parseHash(latin1(b))));
  test("nix32", () => fuzz("nix32", texts(hash.slice(7)), (b) => decodeNix32(latin1(b))));
  test("store path", () => {
    const path = "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-konsole-18.12.3.drv";
    fuzz("store path", texts(path), (b) => parseDrvPath(latin1(b)));
  });
  test("content address", () => {
    fuzz("content address", texts(`fixed:r:${hash}`, `text:${hash}`), (b) => parseContentAddress(latin1(b)));
  });
  test("keys", () => {
    const of = (length: number) => texts(`a-1:${Buffer.alloc(length, 7).toString("base64")}`);
    fuzz("public key", of(32), (b) => parseNixPublicKey(latin1(b)));
    fuzz("signature", of(64), (b) => parseNixSignature(latin1(b)));
    fuzz("secret key", of(64), (b) => parseNixSecretKey(latin1(b)));
  });
});

describe("size", () => {
  const within = (ms: number, read: () => unknown) => {
    const start = performance.now();
    attempt(read);
    expect(performance.now() - start).toBeLessThan(ms);
  };
  test("large hostile inputs take linear time", () => {
    const line = "Sig: a:AAAA\n";
    within(20_000, () => parseNarInfo(line.repeat(87_000)));
    within(20_000, () => parseNarInfo("a: \n".repeat(262_000)));
    within(20_000, () => parseNarInfo(Buffer.alloc(1 << 22)));
    within(20_000, () => parseDerivation(Buffer.from(`Derive([${'("a","","",""),'.repeat(500_000)}`)));
    within(20_000, () =>
      parseDerivation(Buffer.from(`Derive([("a","","","")],[],[],"${"\\\\".repeat(5_000_000)}"`)),
    );
    within(20_000, () => parseFlakeLock(Buffer.from("[".repeat(1_000_000))));
    within(20_000, () => parseFlakeLock(Buffer.from(`{"nodes":{${" ".repeat(4_000_000)}`)));
    within(20_000, () => parseNpinsLock(Buffer.from(`{"pins":{"a":${'{"a":'.repeat(10_000)}`)));
    within(20_000, () => parseNivLock(Buffer.from(`{"a":"${"x".repeat(10 << 20)}"}`)));
    const calls = "fetchTarball { x = ";
    within(20_000, () => fetchCalls(calls.repeat(9_000)));
    within(20_000, () => fetchCalls(calls + "{".repeat(8_000_000)));
    within(20_000, () => fetchCalls(calls + "# \n".repeat(2_000_000)));
    within(20_000, () => fetchCalls(calls + "/* /*".repeat(1_500_000)));
    within(20_000, () => fetchCalls(`fetchGit "${"$".repeat(8_000_000)}`));
    within(20_000, () => fetchCalls(`fetchGit "${"${x".repeat(2_000_000)}`));
    const filled = Array.from({ length: 90 }, (_, i) => `a${i} = "${`\${a${i + 1}}`.repeat(1_000)}";`);
    within(20_000, () => fetchCalls(`${filled.join("\n")} a90 = ""; in fetchTarball "\${a0}"`));
    const follows = Array.from({ length: 20_000 }, (_, i) => `"i${i}":["i${i + 1}"]`).join(",");
    within(20_000, () =>
      parseFlakeLock(Buffer.from(`{"version":7,"root":"r","nodes":{"r":{"inputs":{${follows}}}}}`)),
    );
  });
});

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
