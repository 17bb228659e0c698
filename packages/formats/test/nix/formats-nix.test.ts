/** Against stock Nix: hashes, store paths, NARs, narinfo and keys are what its own commands print. */

import { createPublicKey, verify } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeNix32, encodeNix32 } from "@firstmile/formats/nix/base32";
import { isContentAddressedBy } from "@firstmile/formats/nix/content-address";
import { narHashOf, parseHash, sha256, sriHash } from "@firstmile/formats/nix/hash";
import {
  parseNixPublicKey,
  parseNixSecretKey,
  renderNixPublicKey,
  renderNixSignature,
} from "@firstmile/formats/nix/key";
import { narChunks, narDigest } from "@firstmile/formats/nix/nar";
import { diffNars, parseNar } from "@firstmile/formats/nix/nar-parse";
import { fingerprint, type NarInfo, parseNarInfo, renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { fixedOutputPath, sourceStorePath, textStorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nixVersion, StockNix } from "./stock-nix.ts";

describe.skipIf(nixVersion === undefined)("stock Nix", () => {
  let nix: StockNix;
  let file: string;
  let tree: string;

  beforeAll(() => {
    nix = new StockNix();
    file = join(nix.dir, "file.txt");
    writeFileSync(file, "some content\n");
    tree = join(nix.dir, "tree");
    mkdirSync(join(tree, "foo"), { recursive: true });
    writeFileSync(join(tree, "foo", "bar"), "x".repeat(200_001));
    writeFileSync(join(tree, "foo.d"), "");
    writeFileSync(join(tree, "run"), "#!/bin/sh\n");
    chmodSync(join(tree, "run"), 0o755);
    symlinkSync("foo/../missing", join(tree, "link"));
    writeFileSync(join(tree, "é"), "name beyond ASCII");
  });
  afterAll(() => nix.remove());

  test.each(["md5", "sha1", "sha256", "sha512"] as const)("%s is spelt alike", (algorithm) => {
    const spell = (...args: string[]) => nix.run("nix-hash", "--flat", "--type", algorithm, ...args, file);
    const hex = spell();
    const digest = Buffer.from(hex, "hex");
    expect(encodeNix32(digest)).toBe(spell("--base32"));
    expect(Buffer.from(decodeNix32(spell("--base32")))).toEqual(digest);
    const sri = nix.run("nix", "hash", "file", "--type", algorithm, file);
    for (const text of [`${algorithm}:${hex}`, `${algorithm}:${encodeNix32(digest)}`, sri]) {
      expect(sriHash(parseHash(text))).toBe(sri);
    }
  });

  test("a NAR is what nix-store --dump writes", () => {
    const dump = nix.bytes("nix-store", "--dump", tree);
    const parsed = parseNar(dump);
    expect(Buffer.concat([...narChunks(parsed)]).equals(dump)).toBe(true);
    expect(narDigest(parsed)).toEqual({ narHash: narHashOf(sha256(dump)), narSize: dump.length });
    expect(sriHash(narDigest(parsed).narHash)).toBe(nix.run("nix", "hash", "path", tree));
    expect(diffNars(parsed, parseNar(dump))).toEqual([]);
  });

  test("added paths are where they are computed to be", () => {
    const { narHash } = narDigest(parseNar(nix.bytes("nix-store", "--dump", tree)));
    const added = nix.run("nix-store", "--add", tree);
    expect(sourceStorePath(narHash, "tree", [], false, nix.storeDir)).toBe(added);
    for (const algorithm of ["md5", "sha1", "sha256", "sha512"] as const) {
      const flat = parseHash(nix.run("nix", "hash", "file", "--type", algorithm, file));
      expect(fixedOutputPath("flat", flat, "file.txt", nix.storeDir)).toBe(
        nix.run("nix-store", "--add-fixed", algorithm, file),
      );
      const nar = parseHash(nix.run("nix", "hash", "path", "--type", algorithm, tree));
      expect(fixedOutputPath("nar", nar, "tree", nix.storeDir)).toBe(
        nix.run("nix-store", "--add-fixed", "--recursive", algorithm, tree),
      );
    }
  });

  describe("binary cache", () => {
    let infos: NarInfo[];
    let publicKey: string;
    let secretKey: string;
    const texts: string[] = [];

    beforeAll(() => {
      secretKey = nix.run("nix", "key", "generate-secret", "--key-name", "test-1");
      const keyFile = join(nix.dir, "key");
      writeFileSync(keyFile, secretKey);
      const dep = 'builtins.toFile "dep" "dep"';
      const expression = join(nix.dir, "greeting.nix");
      writeFileSync(
        expression,
        `derivation { name = "greeting"; system = builtins.currentSystem; builder = "/bin/sh";
           args = [ "-c" "echo hello \${${dep}} $out > $out" ]; }`,
      );
      const path = nix.run("nix-build", "--no-out-link", expression);
      const added = nix.run("nix-store", "--add-fixed", "sha1", file);
      nix.run("nix", "store", "sign", "--key-file", keyFile, "--recursive", path);
      const cache = join(nix.dir, "cache");
      nix.run("nix", "copy", "--to", `file://${cache}?compression=xz`, path, added);
      for (const name of readdirSync(cache).filter((n) => n.endsWith(".narinfo"))) {
        texts.push(readFileSync(join(cache, name), "utf8"));
      }
      infos = texts.map((text) => parseNarInfo(text, nix.storeDir));
      publicKey = Buffer.from(secretKey.split(":")[1]!, "base64").subarray(32).toString("base64");
    });

    test("narinfo renders to the same text", () => {
      expect(infos.map(renderNarInfo)).toEqual(texts);
      expect(infos.map((info) => info.references.length).sort()).toEqual([0, 0, 2]);
    });

    test("Nix's signatures are over the fingerprint", () => {
      const key = parseNixPublicKey(`test-1:${publicKey}`);
      const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.key).toString("base64url") };
      const signed = infos.filter((info) => info.signatures.length > 0);
      expect(signed.length).toBeGreaterThan(0);
      for (const info of signed) {
        const { signature } = info.signatures[0]!;
        const object = createPublicKey({ key: jwk, format: "jwk" });
        expect(verify(null, Buffer.from(fingerprint(info)), object, signature)).toBe(true);
        expect(`${renderNixSignature(info.signatures[0]!)}`).toMatch(/^test-1:/);
      }
    });

    test("content addresses recompute, and only for their own path", () => {
      const addressed = infos.filter((info) => info.ca !== undefined);
      expect(addressed.map((info) => info.ca!.method).sort()).toEqual(["flat", "text"]);
      for (const info of addressed) {
        expect(isContentAddressedBy(info.storePath, info.ca!, info.references)).toBe(true);
        const others = infos.filter((other) => other !== info);
        for (const other of others) {
          expect(isContentAddressedBy(other.storePath, info.ca!, info.references)).toBe(false);
        }
      }
    });

    test("keys", () => {
      const secret = parseNixSecretKey(secretKey);
      const publicText = nix.run("sh", "-c", `echo '${secretKey}' | nix key convert-secret-to-public`);
      expect(renderNixPublicKey({ name: secret.name, key: secret.publicKey })).toBe(publicText);
    });
  });

  test("a text's path", () => {
    const expression = join(nix.dir, "text.nix");
    writeFileSync(expression, `let a = builtins.toFile "a" "1"; in builtins.toFile "b" "see \${a}"`);
    const b = JSON.parse(nix.run("nix-instantiate", "--eval", expression)) as string;
    nix.run("nix-instantiate", "--eval", "--read-write-mode", expression);
    const a = textStorePath("a", Buffer.from("1"), [], nix.storeDir);
    expect(textStorePath("b", Buffer.from(`see ${a}`), [a], nix.storeDir)).toBe(b);
  });
});
