import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import {
  EndpointError,
  endpointFile,
  type GateEndpoint,
  parseGateEndpoint,
  readGateEndpoint,
} from "../../src/nix-conf/endpoint.ts";
import { nixConfLines, renderNixConf } from "../../src/nix-conf/lines.ts";

const KEY = "gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
const GOOD: GateEndpoint = {
  hookPath: "/var/lib/firstmile/gate/hook",
  url: "http://127.0.0.1:501/",
  publicKey: KEY,
  trust: "place",
};
const dirs: string[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

function parse(value: unknown): GateEndpoint {
  return parseGateEndpoint(Buffer.from(JSON.stringify(value)), "endpoint.json");
}

function stateWith(content: string | undefined): string {
  const dir = mkdtempSync(join(tmpdir(), "endpoint-"));
  dirs.push(dir);
  mkdirSync(join(dir, "gate"));
  if (content !== undefined) writeFileSync(endpointFile(dir), content);
  return dir;
}

test("what a gate writes is read; no file is no gate", () => {
  expect(readGateEndpoint(stateWith(JSON.stringify(GOOD)))).toEqual(GOOD);
  expect(readGateEndpoint(stateWith(undefined))).toBeUndefined();
  const byKey = { ...GOOD, trust: "key", url: "http://127.0.0.1:65535/p/0a1b" };
  expect(parse(byKey)).toEqual(byKey);
});

test("a directory in the file's place is an error, not an absent gate", () => {
  const dir = stateWith(undefined);
  mkdirSync(endpointFile(dir));
  expect(() => readGateEndpoint(dir)).toThrow(EndpointError);
});

const HOSTILE: Record<string, unknown> = {
  "a line feed adds a setting": { ...GOOD, hookPath: "/hook\nsandbox = false" },
  "a line feed at the end": { ...GOOD, hookPath: "/hook\n" },
  "a carriage return": { ...GOOD, hookPath: "/hook\rsandbox = false" },
  "a comment hides the rest": { ...GOOD, hookPath: "/hook#" },
  "a space ends the path": { ...GOOD, hookPath: "/hook /other" },
  "a path from the working directory": { ...GOOD, hookPath: "hook" },
  "a path with ..": { ...GOOD, hookPath: "/var/../tmp/hook" },
  "a path that ends with ..": { ...GOOD, hookPath: "/var/.." },
  "no path": { ...GOOD, hookPath: "" },
  "a NUL": { ...GOOD, hookPath: "/hook\0" },
  "a terminal's escape": { ...GOOD, hookPath: "/hook\x1b[2J" },
  "a second substituter": { ...GOOD, url: "http://127.0.0.1:501/ https://evil.example" },
  "a line feed in the URL": { ...GOOD, url: "http://127.0.0.1:501/\nrequire-sigs = false" },
  "?trusted=1": { ...GOOD, url: "http://127.0.0.1:501/?trusted=1" },
  "another machine": { ...GOOD, url: "http://10.0.0.1:5001/" },
  "another machine after @": { ...GOOD, url: "http://127.0.0.1:501@evil.example/" },
  "a name that begins like this machine": { ...GOOD, url: "http://127.0.0.1.evil.example:80/" },
  "no port": { ...GOOD, url: "http://127.0.0.1/" },
  "port 0": { ...GOOD, url: "http://127.0.0.1:0/" },
  "port 65536": { ...GOOD, url: "http://127.0.0.1:65536/" },
  "another scheme": { ...GOOD, url: "file:///cache" },
  "a second key": { ...GOOD, publicKey: `${KEY} ${KEY}` },
  "a line feed in the key": { ...GOOD, publicKey: `${KEY}\nsandbox = false` },
  "a comment in the key's name": { ...GOOD, publicKey: `#${KEY}` },
  "a key without name": { ...GOOD, publicKey: KEY.slice(6) },
  "a short key": { ...GOOD, publicKey: "gate-1:AAAA" },
  "a secret key": { ...GOOD, publicKey: `gate-1:${"A".repeat(86)}==` },
  "a port that every user can bind": { ...GOOD, url: "http://127.0.0.1:1024/" },
  "another name of this machine, which users can bind beside the gate": { ...GOOD, url: "http://[::1]:80" },
  "another way of trust": { ...GOOD, trust: "none" },
  "an older gate's": { hookPath: GOOD.hookPath, url: GOOD.url, publicKey: KEY },
  "a field more": { ...GOOD, extra: "x" },
  "a field less": { url: GOOD.url, publicKey: KEY, trust: "place" },
  "no text": { ...GOOD, url: 501 },
  "a list": [GOOD],
  null: null,
};

test.each(Object.entries(HOSTILE))("refused: %s", (_, value) => {
  expect(() => parse(value)).toThrow(EndpointError);
});

test("bytes that are no JSON, no UTF-8 or too many are refused", () => {
  const bad = [
    Buffer.from("{"),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from(JSON.stringify(GOOD).padEnd(16_385)),
  ];
  for (const bytes of bad) expect(() => parseGateEndpoint(bytes, "f")).toThrow(EndpointError);
});

test("fuzz: what is accepted gives one line a setting and no other", () => {
  fuzz("endpoint.json", [Buffer.from(JSON.stringify(GOOD))], (bytes) => {
    const endpoint = parsedOrRefused(bytes);
    if (!endpoint) return;
    const lines = nixConfLines(endpoint, { major: 2, minor: 34 });
    const settings = renderNixConf(lines)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(settings).toHaveLength(lines.length);
    expect(settings.filter((line) => /[\r#\0]/.test(line))).toEqual([]);
  });
});

function parsedOrRefused(bytes: Uint8Array): GateEndpoint | undefined {
  try {
    return parseGateEndpoint(bytes, "f");
  } catch (error) {
    if (error instanceof EndpointError) return undefined;
    throw error;
  }
}
