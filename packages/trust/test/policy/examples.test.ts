/** The rules in `examples/` load as they stand, with a key of the right kind for each file that they name. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { makeWorld, type World } from "@firstmile/testing/world";
import { POLICY_FILE } from "@firstmile/trust/policy/defect";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { renderDefects } from "@firstmile/trust/policy/render";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const EXAMPLES = resolve(import.meta.dirname, "../../../../examples");
const names = readdirSync(EXAMPLES).filter((name) => name.endsWith(".toml"));

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** `…-fido.pub` is a token's key, another `.pub` an SSH key, and the rest are OpenPGP certificates. */
async function keyFor(file: string): Promise<Uint8Array> {
  const ssh = file.endsWith("-fido.pub") ? "fido" : "ssh-ed25519";
  const kind = file.endsWith(".pub") ? ssh : "openpgp-ed25519";
  const person = await world.person(file.replaceAll(/[^a-z0-9]/g, "-"), kind);
  return person.publicKey();
}

async function load(name: string, change: (text: string) => string = (text) => text) {
  const text = change(readFileSync(resolve(EXAMPLES, name), "utf8"));
  const files = new Map<string, Uint8Array>([[POLICY_FILE, encodeUtf8(text)]]);
  for (const [, file] of text.matchAll(/"(keys\/[^"]+)"/g)) files.set(file!, await keyFor(file!));
  return { files, result: loadPolicy(files) };
}

async function policyOf(name: string): Promise<Policy> {
  const { files, result } = await load(name);
  if (!result.ok) throw new Error(renderDefects(result.defects, files));
  return result.policy;
}

test("there are three", () => {
  expect(names.sort()).toEqual(["firstmile.toml", "imports.toml", "keyring.toml"]);
});

describe.each(names)("%s", (name) => {
  test("loads without a defect", async () => {
    expect((await policyOf(name)).roles.has("root" as never)).toBe(true);
  });

  test("and is refused with a key that the format does not have", async () => {
    const { result } = await load(name, (text) =>
      text.replace("format = 1\n", "format = 1\nreveiw = true\n"),
    );
    expect(result.ok || result.defects.map(({ code }) => code)).toEqual(["unknown-key"]);
  });
});

test("firstmile.toml shows reviews, a bump, downloads, the ends of keys, an authority, heads, mirrors and a goodlist", async () => {
  const { principals, sources, head, mirrors, upstreams } = await policyOf("firstmile.toml");
  const [source] = sources.values();
  const life = [...principals.values()].flatMap(({ keys }) =>
    keys.flatMap((key) => (key.kind === "nix" ? [] : key.life.map(({ kind }) => kind))),
  );
  expect(life).toEqual(["retired", "compromised"]);
  expect(principals.get("dora" as never)!.keys[0]).toMatchObject({
    kind: "ssh-authority",
    certifiedAs: ["dora"],
  });
  expect(source!.rules.map(({ review }) => review?.mergeIsReview)).toEqual([
    undefined,
    undefined,
    false,
    true,
    false,
  ]);
  expect(source!.rules.at(-1)!.review!.bump).toBe("upstream-signed");
  expect(upstreams.map((rule) => (rule.kind === "signed" ? rule.author : rule.kind))).toEqual([
    "pinned",
    "gnu-hello",
    "acme-tools",
  ]);
  expect([head?.maxAge, source!.head?.maxAge]).toEqual([30 * 86_400, 14 * 86_400]);
  expect([mirrors.length, source!.goodlist.size]).toEqual([1, 1]);
});

test("keyring.toml shows roles that are filled by certification", async () => {
  const { roles } = await policyOf("keyring.toml");
  const kinds = (role: string) => roles.get(role as never)!.of.map(({ kind }) => kind);
  expect([kinds("packager"), kinds("release")]).toEqual([["principal", "certified"], ["certified"]]);
});

test("imports.toml shows two imports, and a group of both", async () => {
  const { imports, roles } = await policyOf("imports.toml");
  expect([...imports.values()].map((one) => [one.name, one.roles, one.transitive])).toEqual([
    ["acme", ["packager", "reviewer"], false],
    ["distribution", ["packager"], false],
  ]);
  expect(roles.get("both" as never)!.of.map(({ kind }) => kind)).toEqual(["imported", "imported"]);
});
