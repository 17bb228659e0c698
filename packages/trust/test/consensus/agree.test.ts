/** When builders agree: every outcome, and what can never change one. */
import { createHash } from "node:crypto";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { narHashOf } from "@firstmile/formats/nix/hash";
import { renderNixPublicKey } from "@firstmile/formats/nix/key";
import { fingerprint, type NarInfo } from "@firstmile/formats/nix/narinfo";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builderKeys, judgeAgreement, type Testimony } from "../../src/consensus/agree.ts";
import { type Ed25519Signer, ed25519Signer } from "../../src/crypto/signing.ts";
import { loadPolicy } from "../../src/policy/load.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { Reason } from "../../src/verdict/verdict.ts";

const PATH = "/nix/store/00000000000000000000000000000000-x" as StorePath;
const OTHER = "/nix/store/11111111111111111111111111111111-y" as StorePath;
const sha = (text: string) => createHash("sha256").update(text).digest();
const signer = (name: string) => ed25519Signer(sha(name));

/** Builders a, b, c of their own operators; `twin` runs with a; `stranger` is in no role. */
const OPERATORS = { a: "one", b: "two", c: "three", twin: "one", stranger: "four" } as const;
type Name = keyof typeof OPERATORS;

function policy(any: number | undefined, of: readonly Name[] = ["a", "b", "c", "twin"]): Policy {
  const people = Object.entries(OPERATORS).map(([name, operator]) => {
    const key = renderNixPublicKey({ name: `${name}-1`, key: signer(name).publicKey });
    return `[principal.${name}]\noperator = "${operator}"\nkeys = ["nix:${key}"]`;
  });
  const output = any === undefined ? "" : '[output]\nbuilders = "builders"\ncaches = ["https://example.org"]';
  const role = any === undefined ? "" : `builders = { any = ${any}, of = ${JSON.stringify(of)} }`;
  const text = `format = 1\nname = "x"\nexpires = 2090-01-01T00:00:00Z\n[principal.root-person]\nkeys = ["keys/r.pub"]\n${people.join("\n")}\n[role]\nroot = { any = 1, of = ["root-person"] }\n${role}\n${output}\n`;
  const blob = Buffer.concat([
    Buffer.from("0000000b", "hex"),
    Buffer.from("ssh-ed25519"),
    Buffer.from("00000020", "hex"),
    signer("root").publicKey,
  ]);
  const files = new Map([
    ["firstmile.toml", Buffer.from(text)],
    ["keys/r.pub", Buffer.from(`ssh-ed25519 ${blob.toString("base64")} r\n`)],
  ]);
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  return loaded.policy;
}

interface Said {
  readonly by: readonly Name[];
  readonly content?: string;
  readonly path?: StorePath;
  /** Changes it after signing. */
  readonly change?: (info: NarInfo) => NarInfo;
}

function testimony({ by, content = "good", path = PATH, change = (info) => info }: Said): Testimony {
  const plain: NarInfo = {
    storePath: path,
    url: "nar/x",
    compression: "none",
    fileHash: undefined,
    fileSize: undefined,
    narHash: narHashOf(sha(content)),
    narSize: 8,
    references: [],
    deriver: undefined,
    signatures: [],
    ca: undefined,
  };
  const sign = (name: Name, key: Ed25519Signer) => ({
    name: `${name}-1`,
    signature: key.sign(encodeUtf8(fingerprint(plain))),
  });
  return {
    cache: `https://${by.join("-")}.example`,
    info: change({ ...plain, signatures: by.map((name) => sign(name, signer(name))) }),
  };
}

function judge(rules: Policy, said: readonly Said[]) {
  return judgeAgreement(rules, builderKeys(rules), PATH, said.map(testimony));
}

const TWO = policy(2);

describe("builders' agreement", () => {
  test.each<[string, readonly Said[], string]>([
    ["nobody answers", [], "no-builder-answered"],
    ["one of two", [{ by: ["a"] }], "too-few-builders"],
    ["two of two", [{ by: ["a"] }, { by: ["b"] }], "agreed"],
    ["two in one cache", [{ by: ["a", "b"] }], "agreed"],
    ["three", [{ by: ["a"] }, { by: ["b"] }, { by: ["c"] }], "agreed"],
    ["the same twice", [{ by: ["a"] }, { by: ["a"] }], "too-few-builders"],
    ["one operator twice", [{ by: ["a"] }, { by: ["twin"] }], "too-few-builders"],
    ["one operator twice, and another", [{ by: ["a"] }, { by: ["twin"] }, { by: ["c"] }], "agreed"],
    ["one and a stranger", [{ by: ["a"] }, { by: ["stranger"] }], "too-few-builders"],
    ["a stranger alone", [{ by: ["stranger"] }], "too-few-builders"],
    ["disagreement", [{ by: ["a"] }, { by: ["b"], content: "bad" }], "too-few-builders"],
    ["two against one", [{ by: ["a"] }, { by: ["b"] }, { by: ["c"], content: "bad" }], "agreed"],
    ["one that says both", [{ by: ["a"] }, { by: ["b"] }, { by: ["a"], content: "bad" }], "too-few-builders"],
    [
      "two without the one that says both",
      [{ by: ["a"] }, { by: ["b"] }, { by: ["c"] }, { by: ["a"], content: "bad" }],
      "agreed",
    ],
    ["another path only", [{ by: ["a", "b"], path: OTHER }], "no-builder-answered"],
    [
      "a signature of another path",
      [{ by: ["a", "b"], path: OTHER, change: (info) => ({ ...info, storePath: PATH }) }],
      "no-builder-answered",
    ],
    [
      "other references",
      [{ by: ["a", "b"], change: (info) => ({ ...info, references: [OTHER] }) }],
      "no-builder-answered",
    ],
    [
      "another size",
      [{ by: ["a", "b"], change: (info) => ({ ...info, narSize: 9 }) }],
      "no-builder-answered",
    ],
    [
      "another hash",
      [{ by: ["a", "b"], change: (info) => ({ ...info, narHash: narHashOf(sha("bad")) }) }],
      "no-builder-answered",
    ],
    ["no signature", [{ by: [] }], "no-builder-answered"],
    [
      "a name for another's signature",
      [
        {
          by: ["a"],
          change: (info) => ({
            ...info,
            signatures: info.signatures.map((each) => ({ ...each, name: "b-1" })),
          }),
        },
      ],
      "no-builder-answered",
    ],
    [
      "a signature cut short",
      [
        {
          by: ["a", "b"],
          change: (info) => ({
            ...info,
            signatures: info.signatures.map(({ name, signature }) => ({
              name,
              signature: signature.subarray(1),
            })),
          }),
        },
      ],
      "no-builder-answered",
    ],
  ])("%s", (_, said, code) => {
    const { reason, agreed } = judge(TWO, said);
    expect(reason.code).toBe(code);
    expect(reason.ok).toBe(code === "agreed");
    expect(agreed.length > 0).toBe(reason.ok);
    for (const { info } of agreed) expect(info.narHash).toBe(narHashOf(sha("good")));
  });

  test("enough for one content and enough for another is a conflict", () => {
    const rules = policy(1);
    expect(judge(rules, [{ by: ["a"] }]).reason.code).toBe("agreed");
    const { reason, agreed } = judge(rules, [{ by: ["a"] }, { by: ["b"], content: "bad" }]);
    expect([reason.ok, reason.code, agreed]).toEqual([false, "builders-conflict", []]);
  });

  test("rules without [output] trust no builder", () => {
    expect(judge(policy(undefined), [{ by: ["a", "b", "c"] }]).reason).toMatchObject({
      ok: false,
      code: "too-few-builders",
    });
  });

  test("a refusal names who said what, and what would help", () => {
    const { reason } = judge(TWO, [{ by: ["a"] }, { by: ["b"], content: "bad" }]);
    const words = JSON.stringify(reason);
    for (const part of ["a built", "b built", "https://a.example", "build it here"])
      expect(words).toContain(part);
  });
});

const NAMES = Object.keys(OPERATORS) as Name[];
type Content = "good" | "bad" | "worse";
const saying = fc.record({
  by: fc.subarray(NAMES, { minLength: 1 }),
  content: fc.constantFrom("good", "bad", "worse"),
});
const sayings = fc.array(saying, { maxLength: 6 });
const outcome = ({ reason, agreed }: { reason: Reason; agreed: readonly Testimony[] }) => [
  reason.ok,
  agreed[0]?.info.narHash,
];

describe("whatever is said", () => {
  test("order makes no difference", () => {
    fc.assert(
      fc.property(
        sayings.chain((said) =>
          fc.tuple(fc.constant(said), fc.shuffledSubarray(said, { minLength: said.length })),
        ),
        ([said, shuffled]) => {
          expect(outcome(judge(TWO, shuffled))).toEqual(outcome(judge(TWO, said)));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a builder outside the role changes nothing", () => {
    const strange = fc.array(
      fc.record({ by: fc.constant<Name[]>(["stranger"]), content: fc.constantFrom("good", "bad", "worse") }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(sayings, strange, (said, more) => {
        expect(outcome(judge(TWO, [...said, ...more]))).toEqual(outcome(judge(TWO, said)));
      }),
      { numRuns: 200 },
    );
  });

  test("one operator alone is never two", () => {
    const mine = fc.array(
      fc.record({
        by: fc.subarray<Name>(["a", "twin", "stranger"], { minLength: 1 }),
        content: fc.constantFrom("good", "bad"),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(mine, (said) => {
        expect(judge(TWO, said).reason.ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test("what is agreed on was signed for it by two operators who signed nothing else", () => {
    fc.assert(
      fc.property(sayings, (said) => {
        const { reason, agreed } = judge(TWO, said);
        const contents = (name: Name) =>
          new Set(said.filter(({ by }) => by.includes(name)).map(({ content }) => content));
        const steady = (content: Content) =>
          NAMES.filter(
            (name) => name !== "stranger" && contents(name).size === 1 && contents(name).has(content),
          );
        const met = (["good", "bad", "worse"] as const).filter(
          (content) => new Set(steady(content).map((name) => OPERATORS[name])).size >= 2,
        );
        expect(reason.ok).toBe(met.length === 1);
        if (reason.ok) expect(agreed[0]!.info.narHash).toBe(narHashOf(sha(met[0]!)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("builders' keys that a warden distrusts", () => {
  const fingerprintOf = (name: Name) =>
    `nix:${renderNixPublicKey({ name: `${name}-1`, key: signer(name).publicKey })}`;
  const against = (...names: readonly Name[]) => ({
    ofKey: (key: string) =>
      names.some((name) => fingerprintOf(name) === key)
        ? { by: ["carol" as never], because: "it was broken into", statement: "" }
        : undefined,
  });
  const ask = (names: readonly Name[], said: readonly Said[], rules = TWO) =>
    judgeAgreement(rules, builderKeys(rules, against(...names)), PATH, said.map(testimony));
  const told = (reason: Reason) => (reason.because ?? []).filter(({ code }) => code === "distrusted");

  test("do not vote, and whoever asks hears why", () => {
    const { reason, agreed } = ask(["b"], [{ by: ["a"] }, { by: ["b"] }]);
    expect([reason.code, agreed]).toEqual(["too-few-builders", []]);
    expect(told(reason).map(({ message }) => message)).toEqual([
      "b signed it with b-1, which carol distrusts: it was broken into",
    ]);
  });

  test("all of them: nobody vouches", () => {
    const { reason } = ask(["a", "b"], [{ by: ["a"] }, { by: ["b"] }]);
    expect([reason.code, told(reason).length]).toEqual(["no-builder-answered", 2]);
  });

  test("cannot contradict anybody either, nor be brought against somebody by others' bytes", () => {
    expect(ask(["c"], [{ by: ["a"] }, { by: ["b"] }, { by: ["c"], content: "bad" }]).reason.ok).toBe(true);
    const forged = (info: NarInfo) => ({ ...info, narSize: info.narSize + 1 });
    expect(told(ask(["b"], [{ by: ["a"] }, { by: ["b"], change: forged }]).reason)).toEqual([]);
  });
});

describe("what too few vouch for", () => {
  const undisputed = (said: readonly Said[]) => judge(TWO, said).undisputed.length;

  test("is told where it is the only content", () => {
    expect(undisputed([{ by: ["a"] }])).toBe(1);
    expect(undisputed([{ by: ["a"] }, { by: ["twin"] }])).toBe(2);
  });

  test.each<[string, readonly Said[]]>([
    ["enough agree", [{ by: ["a"] }, { by: ["b"] }]],
    ["nobody vouches", [{ by: [] }]],
    ["only a stranger does", [{ by: ["stranger"] }]],
    ["builders differ", [{ by: ["a"] }, { by: ["b"], content: "bad" }]],
    ["one says both", [{ by: ["a"] }, { by: ["a"], content: "bad" }]],
  ])("is not told where %s", (_, said) => expect(undisputed(said)).toBe(0));
});
