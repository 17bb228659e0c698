/** Names that policies take are written as keys that stand for the same name. */
import { parseTOML } from "toml-eslint-parser";
import { expect, test } from "vitest";
import { tomlKey } from "../../src/policy/toml-key.ts";

test.each(["alice", "cache.nixos.org-1", "a_b-c", "0", "1.2"])("%s", (name) => {
  const [table] = parseTOML(`[principal.${tomlKey(name)}]\n`).body[0].body;
  expect(table?.type === "TOMLTable" ? table.resolvedKey.slice(0, 2) : undefined).toEqual([
    "principal",
    name,
  ]);
});
