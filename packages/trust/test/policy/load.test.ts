import { encodeUtf8, latin1 } from "@firstmile/formats/bytes/text";
import { type Defect, MAX_DEFECTS, POLICY_FILE } from "@firstmile/trust/policy/defect";
import { MAX_POLICY_BYTES } from "@firstmile/trust/policy/document";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { renderDefects } from "@firstmile/trust/policy/render";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";

const vectors = readVectors("policy");
const valid = vectors.find((vector) => vector.file === "policy/valid.txt")!;

function tree({ blocks }: Vector): Map<string, Uint8Array> {
  return new Map([...blocks].filter(([name]) => name !== "defects"));
}

function withPolicy(text: string): Map<string, Uint8Array> {
  return tree(valid).set(POLICY_FILE, encodeUtf8(text));
}

const text = latin1(tree(valid).get(POLICY_FILE)!);

function defectsOf(files: ReadonlyMap<string, Uint8Array>): readonly Defect[] {
  const result = loadPolicy(files);
  return result.ok ? [] : result.defects;
}

function policyOf(files: ReadonlyMap<string, Uint8Array>) {
  const result = loadPolicy(files);
  if (!result.ok) throw new Error(renderDefects(result.defects, files));
  return result.policy;
}

describe("vectors", () => {
  test.each(vectors)("$file", (vector) => {
    const found = defectsOf(tree(vector));
    const lines = found.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}\n`);
    expect(lines.join("")).toBe(latin1(vector.blocks.get("defects")!));
    expect(vector.expect).toBe(found[0]?.code ?? "valid");
    for (const { message, help } of found) expect(message && help).not.toBe("");
  });

  test("provoke every code", () => {
    const provoked = new Set(vectors.flatMap((vector) => defectsOf(tree(vector)).map(({ code }) => code)));
    provoked.add(defectsOf(withPolicy(`${text}#${"x".repeat(MAX_POLICY_BYTES)}`))[0]!.code);
    // Beside the union in defect.ts: the type checker refuses a code that is missing here or there.
    const codes: Record<Defect["code"], true> = {
      "missing-file": true,
      "too-large": true,
      "not-utf8": true,
      "malformed-toml": true,
      "too-deep": true,
      "unknown-key": true,
      "missing-key": true,
      "wrong-type": true,
      "bad-value": true,
      unsupported: true,
      "bad-name": true,
      "name-clash": true,
      "bad-date": true,
      "missing-role": true,
      "unknown-member": true,
      "unknown-role": true,
      "duplicate-member": true,
      "empty-group": true,
      "bad-threshold": true,
      "threshold-too-high": true,
      "role-cycle": true,
      "group-too-complex": true,
      "never-met": true,
      "never-met-without-keys": true,
      "principal-without-keys": true,
      "ambiguous-operator": true,
      "path-outside-keys": true,
      "missing-key-file": true,
      "malformed-key": true,
      "private-key": true,
      "duplicate-key": true,
      "duplicate-key-name": true,
      "impossible-demand": true,
      "bad-url": true,
      "duplicate-url": true,
      "bad-commit": true,
      "bad-glob": true,
      "source-without-rules": true,
      "bad-duration": true,
      "unknown-author": true,
      "bad-signature-url": true,
      "duplicate-email": true,
      "impossible-key": true,
      "unknown-import": true,
      "role-not-imported": true,
      "root-imported": true,
    };
    expect([...provoked].sort()).toEqual(Object.keys(codes).sort());
  });
});

describe("a policy", () => {
  test("holds what the file says", () => {
    const policy = policyOf(tree(valid));
    expect(policy).toMatchObject({ name: "acme", mode: "enforce", expires: Date.UTC(2027, 5, 1) / 1000 });
    expect([...policy.principals.keys()]).toEqual(["alice", "bob", "carol", "hydra"]);
    const [alice, bob, carol, hydra] = [...policy.principals.values()];
    expect(alice!.keys[0]).toMatchObject({ kind: "openpgp", file: "keys/alice.asc" });
    expect(bob!.emails).toEqual(["bob@example.org", "bob@example.com"]);
    expect(bob!.keys[0]).toMatchObject({ kind: "ssh", touch: false, pin: false });
    expect(carol!.keys[0]).toMatchObject({ kind: "ssh", touch: true, pin: true });
    expect(hydra).toMatchObject({
      operator: "nixos.org",
      keys: [{ kind: "nix", name: "cache.nixos.org-1" }],
    });
    expect(alice!.operator).toBe("alice");
    const [source] = [...policy.sources.values()];
    expect(source).toMatchObject({ name: "nixpkgs", authenticate: "every-commit" });
    expect(source!.rules.map(({ role, line }) => [role, line])).toEqual([
      ["packager", 30],
      [undefined, 34],
    ]);
    expect(policy.output).toMatchObject({ builders: "builder", localBuilds: true, level: "path" });
  });

  test("keeps its digest whatever else is in the tree, and changes it with any byte that it rests on", () => {
    const files = tree(valid);
    const digest = policyOf(files).digest;
    expect(digest).toBe("9fed6f6eaeb2cecb523f3ca5bb46ec5b2b0779fe1232ea920f88b2b6e426319a");
    expect(policyOf(new Map([...files].reverse()).set("README", encodeUtf8("x"))).digest).toBe(digest);
    expect(policyOf(withPolicy(`${text}# comment\n`)).digest).not.toBe(digest);
    const longer = tree(valid);
    longer.set("keys/bob.pub", Buffer.concat([longer.get("keys/bob.pub")!, encodeUtf8("\n")]));
    expect(policyOf(longer).digest).not.toBe(digest);
  });
});

describe("hostile text", () => {
  test("is refused before the parser where it is too large or too deep", () => {
    const large = defectsOf(withPolicy(`${text}#${"x".repeat(MAX_POLICY_BYTES)}`));
    expect(large.map(({ code }) => code)).toEqual(["too-large"]);
    expect(defectsOf(withPolicy(`a = ${"[".repeat(60_000)}`))[0]!.code).toBe("too-deep");
    expect(defectsOf(withPolicy(`a = ${"{a = ".repeat(20_000)}`))[0]!.code).toBe("too-deep");
  });

  test.each([
    ["tables", (i: number) => `[principal.p${i}]\nkeys = []\n`],
    ["arrays of tables", () => "[[a]]\n"],
    ["dotted keys", (i: number) => `role.r${i}.any = 1\n`],
    ["roles in a chain", (i: number) => `role.r${i} = { any = 1, of = ["r${i + 1}"] }\n`],
    ["unknown keys", (i: number) => `k${i} = 1\n`],
    ["globs", (i: number) => `${i ? "" : "source.a.rule = [{paths = ["}"${"**/a*?".repeat(20)}",`],
  ])("%s without number end soon, with a bounded list of defects", (_, line) => {
    let hostile = "";
    for (let i = 0; hostile.length < MAX_POLICY_BYTES - 200; i++) hostile += line(i);
    const start = performance.now();
    const found = defectsOf(new Map([[POLICY_FILE, encodeUtf8(hostile)]]));
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(MAX_DEFECTS);
  });

  test("of groups that nobody can meet, each in many ways, ends soon", () => {
    const people = Array.from({ length: 40 }, (_, i) => {
      const key = Buffer.alloc(32, i + 1).toString("base64");
      return `principal.p${i}.keys = ["nix:k${i}:${key}"]\n`;
    });
    const teams = Array.from({ length: 15 }, (_, t) => {
      const members = Array.from({ length: 31 }, (_, i) => `"p${(t + i * 7) % 40}"`);
      return `role.t${t} = { any = 30, of = [${members.join(",")}] }\n`;
    });
    const pairs = Array.from({ length: 400 }, (_, r) => {
      return `role.r${r} = { any = 2, of = [${teams.map((_, t) => `"t${t}"`).join(",")}] }\n`;
    });
    const files = new Map([[POLICY_FILE, encodeUtf8([people, teams, pairs].flat().join(""))]]);
    const start = performance.now();
    expect(defectsOf(files).some(({ code }) => code === "never-met")).toBe(true);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test("names no cursor movement in what is printed", () => {
    const files = withPolicy(
      text.replace('"alice", "bob", "carol"]', '"\u001b[2J\u202e", "bob"] # \u202e\u009b'),
    );
    expect(renderDefects(defectsOf(files), files)).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
  });

  test("of any kind gives a policy or defects, and never throws", () => {
    const seeds = vectors.filter(({ file }) => !/complex|deep/.test(file)).map((vector) => tree(vector));
    const texts = seeds.map((files) => files.get(POLICY_FILE)).filter((bytes) => bytes !== undefined);
    fuzz("policy", texts, (bytes) => loadPolicy(tree(valid).set(POLICY_FILE, bytes)));
  });

  test("in key files gives a policy or defects, and never throws", () => {
    const keys = [...tree(valid)].filter(([name]) => name !== POLICY_FILE).map(([, bytes]) => bytes);
    const small = encodeUtf8(
      'format = 1\nname = "x"\nexpires = 2027-06-01T00:00:00Z\nprincipal.a.keys = ["keys/a"]\nrole.root = { any = 1, of = ["a"] }\n',
    );
    const files = (bytes: Uint8Array) =>
      new Map([
        [POLICY_FILE, small],
        ["keys/a", bytes],
      ]);
    expect(keys.map((key) => loadPolicy(files(key)).ok)).toEqual([true, true, true]);
    fuzz("policy key files", keys, (bytes) => loadPolicy(files(bytes)));
  });
});

test("a defect is shown with its line and a caret under its place", () => {
  const files = withPolicy(text.replace('"alice", "bob", "carol"]', '"alice", "bbo", "carol"]'));
  expect(renderDefects(defectsOf(files), files)).toBe(
    `firstmile.toml:21:34: there is no principal or role "bbo" [unknown-member]
   21 | root = { any = 2, of = ["alice", "bbo", "carol"] }
      |                                  ^
  help: did you mean "bob"? known: "alice", "bob", "builder", "carol", "hydra", "packager", "root"
`,
  );
});
