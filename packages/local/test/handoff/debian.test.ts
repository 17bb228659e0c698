/** Real archives, with the signatures of their authors and the keys that Debian compares them with. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import { unpack } from "@firstmile/local/archives/unpack";
import { readKeyFile } from "@firstmile/local/handoff/key-file";
import { makeHandoff, sourceFrom, type Wanted } from "@firstmile/local/handoff/make";
import { run, runOk } from "@firstmile/local/process/run";
import { checkHandoff } from "@firstmile/trust/handoff/verify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const SOURCES =
  process.env.FIRSTMILE_DEBIAN_SOURCES ?? resolve(import.meta.dirname, "../../../../.cache/debian-sources");
const missing = existsSync(join(SOURCES, ".complete")) ? undefined : "needs scripts/debian-sources";
const NAMES = ["hello", "m4", "nano", "wget", "xz-utils"];
/** When this is about: keys of that time have expired since. */
const NOW = 1_800_000_000;

function filesOf(name: string) {
  const archive = readdirSync(SOURCES).find((file) => file.startsWith(`${name}_`) && !file.endsWith(".asc"))!;
  const read = (file: string) => readFileSync(join(SOURCES, file));
  return {
    archive,
    bytes: read(archive),
    signature: read(`${archive}.asc`),
    keys: join(SOURCES, `${name}.key.asc`),
  };
}

function wantedOf(archive: string, method: "flat" | "nar"): Wanted {
  const urls = [`https://example.org/${archive}`];
  return {
    title: archive,
    urls,
    names: [archive],
    method,
    hash: undefined,
    executable: false,
    revision: undefined,
  };
}

async function handedOff(name: string, method: "flat" | "nar", keysOf = name) {
  const { archive, bytes, signature } = filesOf(name);
  const { author } = readKeyFile(filesOf(keysOf).keys, "author");
  const wanted = wantedOf(archive, method);
  const source = await sourceFrom(wanted, bytes);
  const found = { over: "file" as const, url: `${archive}.asc`, bytes: signature };
  return { author, bytes, source, made: (await makeHandoff(wanted, source, found, author, NOW))! };
}

describe.skipIf(missing !== undefined)(`sources of Debian${missing ? `: ${missing}` : ""}`, () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "firstmile-gpg-"));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test.each(NAMES)("%s is handed on, and checked again by whoever reads the statement", async (name) => {
    const { author, bytes, made } = await handedOff(name, "flat");
    expect(made.check).toMatchObject({ ok: true, rests: "content" });
    const read = parseStatement(renderStatement(made.statement)) as HandoffStatement;
    expect(checkHandoff(read, author, NOW, { file: bytes }).ok).toBe(true);
    expect(checkHandoff(read, author, NOW)).toMatchObject({ ok: true, rests: "claim" });
  });

  test.each(NAMES)("%s: gpgv says the same", async (name) => {
    const { archive, keys } = filesOf(name);
    const keyring = join(home, `${name}.gpg`);
    await runOk("gpg", ["--homedir", home, "--batch", "--yes", "--dearmor", "-o", keyring, keys]);
    const args = ["--keyring", keyring, join(SOURCES, `${archive}.asc`), join(SOURCES, archive)];
    expect((await run("gpgv", args)).code).toBe(0);
  });

  test.each(NAMES)("%s with one bit turned is refused", async (name) => {
    const { author, bytes, made } = await handedOff(name, "flat");
    const turned = Buffer.from(bytes);
    turned[turned.length >> 1]! ^= 1;
    expect(checkHandoff(made.statement, author, NOW, { file: turned }).ok).toBe(false);
  });

  test.each(NAMES)("%s by the keys of another project is refused", async (name) => {
    const { made } = await handedOff(name, "flat", name === "nano" ? "wget" : "nano");
    expect(made.check).toMatchObject({ ok: false, code: "not-the-author" });
  });

  test.each(NAMES)("%s unpacked is the tree that tar and Nix make of it", async (name) => {
    const { archive, bytes } = filesOf(name);
    const dir = mkdtempSync(join(tmpdir(), "firstmile-unpacked-"));
    try {
      await runOk("tar", ["-xf", join(SOURCES, archive), "-C", dir, "--strip-components=1"]);
      const args = ["hash", "path", "--extra-experimental-features", "nix-command", dir];
      const expected = (await runOk("nix", args)).toString().trim();
      expect(sriHash((await unpack(bytes)).narHash)).toBe(expected);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
