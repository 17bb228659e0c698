import { expect, test } from "vitest";
import { settingText } from "../../src/nix-conf/gather-nix.ts";
import { nixConfLines, renderNixConf } from "../../src/nix-conf/lines.ts";
import { parseVersion } from "../../src/nix-conf/version.ts";

const GATE = {
  hookPath: "/var/lib/firstmile/gate/hook",
  url: "http://127.0.0.1:501/",
  publicKey: "gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
  trust: "place" as const,
};

test("an older Nix is not given settings that it would warn of", () => {
  const names = (minor: number) => new Set(nixConfLines(GATE, { major: 2, minor }).map(({ name }) => name));
  const added = [...names(34)].filter((name) => !names(8).has(name));
  expect(added).toEqual(["narinfo-cache-meta-ttl", "external-builders"]);
});

test("lines of a feature that is off are not printed, since 2.34 warns of them at every command", () => {
  const all = nixConfLines(GATE, { major: 2, minor: 34 });
  const few = nixConfLines(GATE, { major: 2, minor: 34 }, new Set(["nix-command"]));
  const gone = all.map(({ name }) => name).filter((name) => !few.some((line) => line.name === name));
  expect(gone).toEqual(["accept-flake-config", "flake-registry", "use-registries"]);
  expect(nixConfLines(GATE, { major: 2, minor: 34 }, new Set(["flakes", "ca-derivations"]))).toEqual(all);
  expect(few.find(({ name }) => name === "post-build-hook")?.value).toBe("");
});

test("every setting once, with its reason above it", () => {
  const lines = nixConfLines(GATE, { major: 2, minor: 34 });
  expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
  const text = renderNixConf(lines);
  expect(text).toContain(`\npre-build-hook = ${GATE.hookPath}\n`);
  expect(text).toContain("\nbuilders =\n");
  expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  for (const { why } of lines) expect(why).toMatch(/^[^\n]{10,90}$/);
});

test.each([
  ["nix (Nix) 2.8.0", { major: 2, minor: 8 }],
  ["nix (Nix) 2.34.8pre20260101_abc", { major: 2, minor: 34 }],
  ["nix (Determinate Nix 3.6.2) 2.29.0", { major: 2, minor: 29 }],
  ["git version 2.39.5", { major: 2, minor: 39 }],
  ["2.34", { major: 2, minor: 34 }],
  ["nix", undefined],
])("version of %j", (text, version) => expect(parseVersion(text)).toEqual(version));

test.each([
  [true, "true"],
  [null, ""],
  [0, "0"],
  [["a", "b"], "a b"],
  [{ "/bin/sh": { optional: false, source: "/usr/bin/bash" } }, "/bin/sh=/usr/bin/bash"],
  [[{ systems: ["x"] }], "systems=x"],
  [{}, ""],
])("%j in nix.conf's own form", (value, text) => expect(settingText(value)).toBe(text));
