/** What must hold for every value. */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { decodeNix32, encodeNix32 } from "@firstmile/formats/nix/base32";
import { type Derivation, derivationStorePath, renderDerivation } from "@firstmile/formats/nix/derivation";
import { hashDerivations, MissingInput, wrongOutputs } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { downstreamPlaceholder, hashPlaceholder } from "@firstmile/formats/nix/derivation-resolve";
import { devShellDerivations } from "@firstmile/formats/nix/dev-shell";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { hexHash, narHashOf, nix32Hash, parseHash, parseNarHash, sriHash } from "@firstmile/formats/nix/hash";
import { parseStrictJson } from "@firstmile/formats/nix/json";
import { compareNarNames, type NarNode, NarWriter, narChunks, narDigest } from "@firstmile/formats/nix/nar";
import { diffNars, parseNar } from "@firstmile/formats/nix/nar-parse";
import {
  type DrvPath,
  drvNameOf,
  hashPartOf,
  nameOf,
  parseDrvPath,
  parseStorePath,
  sourceStorePath,
} from "@firstmile/formats/nix/store-path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";

describe("nix32", () => {
  test("examples of the manual", () => {
    // "Hello World" in SHA-1, as `nix hash to-base32` gives it.
    const digest = Buffer.from("800d59cfcd3c05e900cb4e214be48f6b886a08df", "hex");
    expect(encodeNix32(digest)).toBe("vw46m23bizj4n8afrc0fj19wrp7mj3c0");
  });
  test("every byte string has one spelling and comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(Buffer.from(decodeNix32(encodeNix32(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abcdfz"), maxLength: 60 }), (text) => {
        const decoded = attempt(() => decodeNix32(text));
        if (decoded) expect(encodeNix32(decoded)).toBe(text);
      }),
    );
  });
  test("stray bits, lengths and letters", () => {
    for (const text of ["z", "zz", "e0", "0e", "00\u0141", "A0", "000"]) {
      expect(() => decodeNix32(text), text).toThrow(FormatError);
    }
    expect(decodeNix32("").length).toBe(0);
    expect([...decodeNix32("7z")]).toEqual([255]);
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

describe("hashes", () => {
  test("all spellings of one hash are one value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        const hash = { algorithm: "sha256", digest } as const;
        for (const spell of [sriHash, nix32Hash, hexHash]) {
          expect(parseNarHash(spell(hash))).toBe(narHashOf(digest));
        }
      }),
    );
  });
  test.each([
    "sha256:",
    "sha256-",
    "crc32:00000000",
    "sha256",
    "SHA256:0000000000000000000000000000000000000000000000000000",
    "sha1-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=",
    "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=?x",
    "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgN=",
    "sha256-5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    " sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=",
  ])("refuses %s", (text) => {
    expect(() => parseHash(text)).toThrow(FormatError);
  });
});

describe("store paths", () => {
  const good = "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-konsole-18.12.3";
  test("parts", () => {
    const path = parseStorePath(good);
    expect([hashPartOf(path), nameOf(path)]).toEqual(["7h7qgvs4kgzsn8a6rb273saxyqh4jxlz", "konsole-18.12.3"]);
  });
  test.each([
    good.replace("/nix/store", "/nix/store/"),
    good.replace("/nix/store", "/gnu/store"),
    `${good}/bin`,
    `${good}\n`,
    `${good}é`,
    good.replace("7h7q", "7e7q"),
    good.replace("-", "x"),
    "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-",
    "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz",
    "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-.",
    "/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-..-x",
    `/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-${"a".repeat(212)}`,
    "/nix/store",
    "",
  ])("refuses %s", (text) => {
    expect(() => parseStorePath(text)).toThrow(FormatError);
  });
  test.each([".drv", "x.drv.chroot", "x"])("%s is no derivation", (name) => {
    expect(() => parseDrvPath(`/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-${name}`)).toThrow(FormatError);
  });
  test.each(["gcc-wrapper-.drv", "a.drv"])("%s is one, whatever its name ends in", (name) => {
    const path = `/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-${name}`;
    expect(drvNameOf(parseDrvPath(path))).toBe(name.slice(0, -4));
  });
  test("references and self references change the path", () => {
    const hash = narHashOf(new Uint8Array(32));
    const reference = parseStorePath(good);
    const paths = [
      sourceStorePath(hash, "a"),
      sourceStorePath(hash, "a", [reference]),
      sourceStorePath(hash, "a", [], true),
      sourceStorePath(hash, "b"),
      sourceStorePath(hash, "a", [], false, "/gnu/store"),
    ];
    expect(new Set(paths.map(hashPartOf)).size).toBe(5);
  });
});

const narName = fc
  .uint8Array({ minLength: 1, maxLength: 4 })
  .map((bytes) => bytes.map((b) => (b === 0 || b === 0x2f || b === 0x2e ? 0x61 : b)));
const narNode: fc.Arbitrary<NarNode> = fc.letrec<{ node: NarNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.record({ executable: fc.boolean(), bytes: fc.uint8Array({ maxLength: 40 }) }).map(
      ({ executable, bytes }): NarNode => ({
        kind: "regular",
        executable,
        size: bytes.length,
        content: [bytes],
      }),
    ),
    narName.map((target): NarNode => ({ kind: "symlink", target })),
    fc
      .uniqueArray(fc.record({ name: narName, node: tie("node") }), {
        maxLength: 5,
        selector: ({ name }) => latin1(name),
      })
      .map((entries): NarNode => {
        return { kind: "directory", entries: entries.sort((a, b) => compareNarNames(a.name, b.name)) };
      }),
  ),
})).node;

describe("nar", () => {
  test("trees come back", () => {
    fc.assert(
      fc.property(narNode, (node) => {
        const nar = Buffer.concat([...narChunks(node)]);
        expect(diffNars(parseNar(nar), node)).toEqual([]);
        expect(narDigest(node).narSize).toBe(nar.length);
      }),
    );
  });
  test("holds no more than a chunk", () => {
    const piece = new Uint8Array(1 << 20);
    let largest = 0;
    let size = 0;
    const count = 64;
    const content = {
      *[Symbol.iterator]() {
        for (let i = 0; i < count; i++) yield piece;
      },
    };
    for (const chunk of narChunks({ kind: "regular", executable: false, size: count << 20, content })) {
      largest = Math.max(largest, chunk.length);
      size += chunk.length;
    }
    expect(largest).toBe(1 << 20);
    expect(size).toBe((count << 20) + 112);
  });
  const name = (text: string) => Buffer.from(text);
  test.each<[string, (writer: NarWriter) => void]>([
    [
      "names out of order",
      (w) => {
        w.directory();
        w.entry(name("b"));
        w.symlink(name("x"));
        w.entry(name("a"));
      },
    ],
    [
      "a name twice",
      (w) => {
        w.directory();
        w.entry(name("a"));
        w.symlink(name("x"));
        w.entry(name("a"));
      },
    ],
    [
      "a name that climbs",
      (w) => {
        w.directory();
        w.entry(name(".."));
      },
    ],
    [
      "too much content",
      (w) => {
        w.regular(1, false);
        w.content(name("ab"));
      },
    ],
    [
      "too little content",
      (w) => {
        w.regular(2, false);
        w.content(name("a"));
        w.endRegular();
      },
    ],
    ["no root", (w) => w.end()],
    [
      "two roots",
      (w) => {
        w.symlink(name("x"));
        w.symlink(name("x"));
      },
    ],
    [
      "an open directory",
      (w) => {
        w.directory();
        w.end();
      },
    ],
    [
      "a node without a name",
      (w) => {
        w.directory();
        w.symlink(name("x"));
      },
    ],
    ["a size that is none", (w) => w.regular(-1, false)],
  ])("the writer refuses %s", (_, events) => {
    expect(() => events(new NarWriter(() => {}))).toThrow(FormatError);
  });
  test("differences are named by path", () => {
    const tree = (text: string, executable: boolean): NarNode => ({
      kind: "directory",
      entries: [
        { name: name("a"), node: { kind: "regular", executable, size: text.length, content: [name(text)] } },
        { name: name(text), node: { kind: "symlink", target: name("t") } },
      ],
    });
    expect(diffNars(tree("b", false), tree("c", false))).toEqual([
      { path: "a", problem: "content" },
      { path: "b", problem: "only in the first" },
      { path: "c", problem: "only in the second" },
    ]);
    expect(diffNars(tree("b", false), tree("b", true))).toEqual([{ path: "a", problem: "executable" }]);
  });
});

describe("derivations", () => {
  const byteString = fc.uint8Array({ maxLength: 20 }).map((bytes) => latin1(bytes.map((b) => b || 1)));
  test("any strings come back", () => {
    const output = { kind: "deferred" } as const;
    fc.assert(
      fc.property(
        byteString,
        fc.array(byteString),
        fc.dictionary(byteString, byteString),
        (builder, args, env) => {
          const drv: Derivation = {
            outputs: new Map([["out", output]]),
            inputDrvs: new Map(),
            inputSrcs: [],
            system: "x",
            builder,
            args,
            env: new Map(Object.entries(env)),
          };
          const parsed = parseDerivation(renderDerivation(drv));
          expect(parsed.env).toEqual(drv.env);
          expect({ ...parsed, env: 0 }).toEqual({ ...drv, env: 0 });
        },
      ),
    );
  });

  const plain = parseDerivation(
    readVectors("nix/derivation")
      .find((v) => v.file.endsWith("/plain.txt"))!
      .blocks.get("derivation")!,
  );

  test("a long chain neither overflows nor slows down", () => {
    const drvs = new Map<DrvPath, Derivation>();
    let last: DrvPath | undefined;
    for (let i = 0; i < 20_000; i++) {
      const inputDrvs = new Map(last === undefined ? [] : [[last, ["out"]] as const]);
      const drv: Derivation = { ...plain, inputDrvs, inputSrcs: [], args: [String(i)] };
      last = derivationStorePath(drv, "chain");
      drvs.set(last, drv);
    }
    expect(hashDerivations([last!], (path) => drvs.get(path)!).size).toBe(20_000);
  });
  test("a cycle and a missing input are said", () => {
    const [a, b] = [...plain.inputDrvs.keys()] as [DrvPath, DrvPath];
    const cyclic = (path: DrvPath): Derivation => ({
      ...plain,
      inputDrvs: new Map([[path === a ? b : a, ["out"]]]),
    });
    expect(() => hashDerivations([a], cyclic)).toThrow(MissingInput);
    expect(() => wrongOutputs(plain, "x", () => undefined)).toThrow(MissingInput);
  });
  test("placeholders as Nix has them", () => {
    expect(hashPlaceholder("out")).toBe("/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9");
    const path = parseDrvPath("/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv");
    expect(downstreamPlaceholder(path, "out")).toBe("/0c6rn30q4frawknapgwq386zq358m8r6msvywcvc89n6m5p2dgbz");
  });
  test("there is no shell of what bash does not build", () => {
    expect(devShellDerivations(plain, "x", () => ({ kind: "regular", outputs: new Map() }))).toEqual([]);
  });
});

describe("flake.lock", () => {
  const lockOf = (file: string) =>
    parseFlakeLock(
      readVectors("nix/flake-lock")
        .find((v) => v.file.endsWith(file))!
        .blocks.get("lock")!,
    );
  const inputsOf = (file: string, node: string) => {
    const found = [...lockOf(file).nodes.values()].find(({ name }) => name === node)!;
    return Object.fromEntries(found.inputs);
  };
  test("follows come to nodes", () => {
    expect(inputsOf("/follows.txt", "root")).toEqual({ a: "a", n: "n", m: "n" });
    expect(inputsOf("/follows.txt", "a")).toEqual({ n: "n" });
    expect(inputsOf("/follows-nothing.txt", "a")).toEqual({ n: undefined });
  });
  test("fields that are not known are kept", () => {
    const [node] = [...lockOf("/unknown-field.txt").nodes.values()];
    expect(node!.locked!.fields.future).toEqual([1]);
    expect(node!.locked!.narHash).toBe(parseNarHash("sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="));
  });
  test("JSON is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = attempt(() => parseStrictJson(text, "flake.lock"));
        if (value !== undefined) expect(value).toEqual(JSON.parse(text));
      }),
    );
  });
});
