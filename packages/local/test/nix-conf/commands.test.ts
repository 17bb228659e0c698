/** The two commands as a person runs them: what they print and how they end. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { doctor } from "../../src/cli/commands/doctor.ts";
import { nixConf } from "../../src/cli/commands/nix-conf.ts";
import { exitCodeOf } from "../../src/cli/failure.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { endpointFile } from "../../src/nix-conf/endpoint.ts";
import { nixVersion } from "../../src/nix-conf/gather-nix.ts";
import { machineCommands } from "../../src/nix-conf/machine-commands.ts";

const ENDPOINT = {
  hookPath: "/var/lib/firstmile/gate/hook",
  url: "http://127.0.0.1:1/",
  publicKey: "gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
  trust: "place",
};
const here = { env: process.env, cwd: "/" };
const noNix = (await nixVersion(machineCommands(here))) === undefined;
const dirs: string[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

function context(endpoint: unknown, env: NodeJS.ProcessEnv = process.env) {
  const stateDir = mkdtempSync(join(tmpdir(), "doctor-"));
  dirs.push(stateDir);
  mkdirSync(join(stateDir, "gate"));
  if (endpoint !== undefined) writeFileSync(endpointFile(stateDir), JSON.stringify(endpoint));
  const ended = { out: "", code: -1 };
  const terminal = new Terminal({ write: (text) => (ended.out += text) }, process.stderr, env);
  const exit = (code: number) => {
    ended.code = code;
  };
  return { ended, context: { process, terminal, env, cwd: "/", stateDir, now: 1_800_000_000, exit } };
}

test("nix-conf prints the gate's lines", async () => {
  const { ended, context: of } = context(ENDPOINT);
  await nixConf.call(of, { nixVersion: "2.34", json: false });
  expect(ended.code).toBe(0);
  expect(ended.out).toContain(`\npre-build-hook = ${ENDPOINT.hookPath}\n`);
  expect(ended.out).toContain(`\nsubstituters = ${ENDPOINT.url}?trusted=1\n`);
  expect(ended.out).toContain("\ntrusted-public-keys =\n");
});

test("nix-conf without a gate, or with a hostile one, prints nothing and ends with 3", async () => {
  for (const endpoint of [undefined, { ...ENDPOINT, hookPath: "/h\nsandbox = false" }]) {
    const { ended, context: of } = context(endpoint);
    const error = await nixConf
      .call(of, { nixVersion: "2.8", json: false })
      .catch((thrown: unknown) => thrown);
    expect(exitCodeOf(error)).toBe(3);
    expect(ended.out).toBe("");
  }
});

test.skipIf(noNix)("doctor puts what is open first, within 80 columns, and ends with 1", async () => {
  const { ended, context: of } = context({ ...ENDPOINT, hookPath: "/h\x1b[2J" });
  await doctor.call(of, { try: false, json: false });
  expect(ended.code).toBe(1);
  const lines = ended.out.split("\n");
  const states = lines.flatMap((line) => /^(open|unknown|closed) /.exec(line)?.[1] ?? []);
  expect(states[0]).toBe("open");
  expect(states).toEqual([...states].sort((a, b) => "ouc".indexOf(a[0]!) - "ouc".indexOf(b[0]!)));
  const long = lines
    .slice(1)
    .filter((line) => line.length > 80 && !/^ +\S*(?:add:|help:|\/|\S+$)/.test(line));
  expect(long).toEqual([]);
  expect(ended.out).not.toContain("\x1b");
  expect(ended.out).toContain("--store ~/x");
});

test.skipIf(noNix)("doctor --json has the same findings and what it cannot close", async () => {
  const { ended, context: of } = context(ENDPOINT);
  await doctor.call(of, { try: false, json: true });
  const answer = JSON.parse(ended.out);
  expect(answer.limits.length).toBeGreaterThan(0);
  expect(answer.findings).toContainEqual(expect.objectContaining({ setting: "hook file", state: "open" }));
});

test("doctor without Nix ends with 3", async () => {
  const { context: of } = context(ENDPOINT, { PATH: "/nonexistent" });
  const error = await doctor.call(of, { try: false, json: false }).catch((thrown: unknown) => thrown);
  expect(exitCodeOf(error)).toBe(3);
});
