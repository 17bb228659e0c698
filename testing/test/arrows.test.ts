/** The architecture, read off the imports: formats <- trust <- local <- faces, and nothing pure touches the world. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

interface Import {
  /** File below packages/, such as `trust/src/root/follow.ts`. */
  readonly file: string;
  /** As written, with relative paths made absolute below packages/. */
  readonly target: string;
}

function sources(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => /\.(ts|mjs)$/.test(name)).map((name) => join(folder, name));
}

function importsOf(folder: string): Import[] {
  return sources(folder).flatMap((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    const statements = /^(?:import|export)\b(?:[^"=;]* from)? "([^"]+)";|\bimport\("([^"]+)"\)/gm;
    const targets = [...text.matchAll(statements)].map((match) => match[1] ?? match[2]!);
    return targets.map((target) => ({ file: relative("packages", path), target: absolute(path, target) }));
  });
}

function absolute(path: string, target: string): string {
  return target.startsWith(".") ? relative("packages", join(path, "..", target)) : target;
}

function offenders(imports: readonly Import[], allowed: readonly RegExp[]): string[] {
  const bad = imports.filter(({ target }) => !allowed.some((pattern) => pattern.test(target)));
  return bad.map(({ file, target }) => `${file} imports ${target}`);
}

describe("arrows", () => {
  const formats = importsOf("packages/formats/src");
  const trust = importsOf("packages/trust/src");
  const local = importsOf("packages/local/src");

  test("there is something to read", () => {
    expect(Math.min(formats.length, trust.length, local.length)).toBeGreaterThan(50);
  });

  test("formats depend on nothing but a hash function", () => {
    expect(offenders(formats, [/^formats\/src\//, /^node:crypto$/])).toEqual([]);
    const hashes = /import \{([^}]*)\} from "node:crypto"/g;
    const names = sources("packages/formats/src").flatMap((path) =>
      [...readFileSync(join(ROOT, path), "utf8").matchAll(hashes)].flatMap((match) => match[1]!.split(",")),
    );
    expect(names.map((name) => name.trim().split(" as ")[0]!)).toSatisfy((all: string[]) =>
      all.every((name) => ["createHash", "hash", "type Hash"].includes(name)),
    );
  });

  test("trust touches neither disk, network, clock nor children", () => {
    const allowed = [
      /^trust\/src\//,
      /^@firstmile\/formats\//,
      /^node:crypto$/,
      /^zod$/,
      /^toml-eslint-parser$/,
    ];
    // Checks chains and logs by node:crypto itself, and touches nothing else: DEPENDENCIES.md.
    const sigstore = (file: string) => file.startsWith("trust/src/sigstore/");
    const library = /^@sigstore\/(?:verify|protobuf-specs)$/;
    expect(
      offenders(
        trust.filter(({ file }) => !sigstore(file)),
        allowed,
      ),
    ).toEqual([]);
    expect(
      offenders(
        trust.filter(({ file }) => sigstore(file)),
        [...allowed, library],
      ),
    ).toEqual([]);
    const clocks = sources("packages/trust/src")
      .concat(sources("packages/formats/src"))
      .filter((path) => {
        const text = readFileSync(join(ROOT, path), "utf8");
        return /\bDate\.now\(|new Date\(\)|performance\.now\(|process\.(?:env|hrtime)|Math\.random\(|\bfetch\(/.test(
          text,
        );
      });
    expect(clocks).toEqual([]);
  });

  test("a signature primitive is called in one folder only", () => {
    const callers = trust.filter(
      ({ file, target }) => target === "node:crypto" && !file.startsWith("trust/src/crypto/"),
    );
    const primitives = callers.filter(({ file }) => {
      const text = readFileSync(join(ROOT, "packages", file), "utf8");
      return /import \{[^}]*\b(?:verify|sign|createVerify|createSign|createPublicKey|createPrivateKey)\b[^}]*\} from "node:crypto"/.test(
        text,
      );
    });
    expect(primitives.map(({ file }) => file)).toEqual([]);
  });

  test("nothing below the faces knows the command line", () => {
    const below = local.filter(({ file }) => !file.startsWith("local/src/cli/"));
    expect(below.filter(({ target }) => target.startsWith("local/src/cli/")).map(({ file }) => file)).toEqual(
      [],
    );
  });

  test("the product does not lean on its tests", () => {
    const all = [...formats, ...trust, ...local];
    expect(
      all.filter(({ target }) => /^@firstmile\/testing|vitest|fast-check|\/test\//.test(target)),
    ).toEqual([]);
  });
});
