/**
 * The same ways out, through the commands that evaluate: by signed code at the gate, and by code without a reader, in
 * front of a person who looks at it, as root and as an ordinary user.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GateWorld, VERSIONS } from "@firstmile/testing/gate-world";
import type { Ended } from "@firstmile/testing/nix-process";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attempt, attempts } from "./escape-attempts.ts";
import { described, MARKER, makeOutside } from "./outside.ts";

/** Every way out, through every command: some 400 commands for each version and user, of half a second each. */
const ALL = process.env.FIRSTMILE_ALL_ESCAPES === "yes";
/** Otherwise: what gave a person's files away before there was a seal, and one of each other kind. */
const LOOKED_AT = [
  "getFlake path",
  "getFlake git",
  "fetchTree path",
  "fetchTree of a string",
  "readFile",
  "exec of cat",
];
const IN_TURN = 3;

const EVALUATED =
  /outside-access|evaluation-failed|import-from-derivation|outside of the authenticated trees|cannot evaluate/;

/** The commands that a person looks with. */
function looking(name: string, base: string): string[][] {
  const attr = attributeOf(name);
  const slice = ["slice", ".", "-A", attr];
  if (!ALL && LOOKED_AT.indexOf(name) > 1) return [slice];
  return [slice, ["review", ".", "-A", attr, "--list"], ["check", `${base}..HEAD`, "-A", attr]];
}

describe.each(VERSIONS)("commands that evaluate, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("on code that names something outside", () => {
    let dir: string;
    let world: GateWorld;
    let server: Server;
    let reached = 0;
    let names: string[];
    let planted: readonly string[];

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), "esc-"));
      chmodSync(dir, 0o755);
      makeOutside(join(dir, "outside"));
      world = await GateWorld.make({ version, multiUser: true, files: { "default.nix": "{ }" } });
      const added = await world.nix.run("nix-store", ["--add", join(dir, "outside/source")]);
      server = createServer((_, response) => response.end(MARKER)).on("connection", () => reached++);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const outside = described(join(dir, "outside"), { storePath: added.stdout.trim(), tree: "./." });
      const { port } = server.address() as AddressInfo;
      const all = Object.entries(attempts({ ...outside, port }));
      names = all.map(([name]) => name);
      await world.commit({ "default.nix": `{\n${all.map(attribute).join("\n")}\n}\n`, "tree/x": "" });
      planted = marked(world.nix.dir);
      await world.startGate();
      await world.nix.startDaemon();
    });
    afterAll(async () => {
      server?.close();
      await world?.[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    });

    /** Nothing was reached, and no file of the machine has the marker that had not before. */
    const unharmed = () => {
      expect(reached).toBe(0);
      expect(marked(world.nix.dir)).toEqual(planted);
      expect(existsSync(world.stateDir)).toBe(true);
    };

    test("admit denies all of them, or they come to nothing", async () => {
      const before = await valid(world);
      const open = [...names];
      const admitted: string[] = [];
      const worker = async () => {
        for (let name = open.shift(); name !== undefined; name = open.shift()) {
          const { status, body } = await admit(world, name);
          expect([name, status]).toEqual([name, 200]);
          expect([name, body.includes(MARKER)]).toEqual([name, false]);
          if ((JSON.parse(body) as { verdict: { allowed: boolean } }).verdict.allowed) admitted.push(name);
        }
      };
      await Promise.all(Array.from({ length: IN_TURN }, worker));
      expect(names.length).toBeGreaterThan(130);
      expect(admitted.length).toBeLessThan(15);
      // What was denied left nothing in the store; what was admitted is an empty answer.
      expect((await valid(world)).length).toBeLessThanOrEqual(before.length + 3 * admitted.length);
      unharmed();
    });

    test.each(["root", "user"])(
      "slice, review --list and check, as %s",
      async (who) => {
        const introduction = world.source.tip();
        const rules = [{ paths: ["**"], review: "reader" }];
        await world.changeRules({
          roles: { reader: ["bob"] },
          sources: { pkgs: { introduction, authenticate: "slice", rules } },
        });
        const base = world.source.tip();
        await world.commit({ README: who }, undefined);
        const before = await valid(world);
        const checkout = join(world.nix.dir, `checkout-${who}`);
        await world.clone(checkout, who === "root" ? undefined : world.nix.user!.uid);
        const run = (...args: string[]): Promise<Ended> => {
          const options = {
            cwd: checkout,
            env: { FIRSTMILE_SECRET: MARKER, NIX_PATH: `outside=${join(dir, "outside")}` },
          };
          return who === "root"
            ? world.run(world.program, args, options)
            : world.runAsUser(world.program, args, options);
        };
        const open = (ALL ? names : LOOKED_AT).flatMap((name) => looking(name, base));
        const harmless: string[] = [];
        const worker = async () => {
          for (let words = open.shift(); words !== undefined; words = open.shift()) {
            const { code, stdout, stderr } = await run(...words);
            expect([words, (stdout + stderr).includes(MARKER)]).toEqual([words, false]);
            // It was the evaluation that failed, and not the command line; or it came to nothing.
            if (EVALUATED.test(stdout + stderr)) expect([words, code]).not.toEqual([words, 0]);
            else harmless.push(words.join(" "));
          }
        };
        await Promise.all(Array.from({ length: IN_TURN }, worker));
        expect(ALL ? harmless.length < names.length / 2 : harmless).toEqual(ALL ? true : []);
        expect(await valid(world)).toEqual(before);
        unharmed();
      },
      ALL ? 3_600_000 : 1_200_000,
    );
  });
});

function attributeOf(name: string): string {
  return `a-${name.replace(/[^A-Za-z0-9]+/g, "-")}`;
}

/** A derivation with the value of an attempt in its arguments, or as its source. */
function attribute([name, { how, expression }]: [string, Attempt]): string {
  const value =
    how === "write"
      ? expression
      : `derivation { name = "x"; system = "s"; builder = "b"; args = [ (let v = ${expression}; in if builtins.isString v then v else builtins.toJSON v) ]; }`;
  return `  ${attributeOf(name)} = ${value};`;
}

function admit(world: GateWorld, name: string) {
  const request = {
    kind: "file",
    source: "pkgs",
    commit: world.source.tip(),
    directoryName: "pkgs",
    file: "default.nix",
    attrs: [attributeOf(name)],
    argstr: {},
  };
  return world.ask("POST", "/admit", JSON.stringify(request));
}

async function valid(world: GateWorld): Promise<string[]> {
  const told = await world.nix.run("nix", [
    "--extra-experimental-features",
    "nix-command",
    "path-info",
    "--all",
  ]);
  expect(told.code, told.stderr).toBe(0);
  return told.stdout.trim().split("\n").sort();
}

/** Files, links and names below that have the marker. */
function marked(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const own = path.slice(path.lastIndexOf("/")).includes(MARKER) ? [path] : [];
  if (stat?.isSymbolicLink()) return readlinkSync(path).includes(MARKER) ? [path] : own;
  if (stat?.isFile()) return readFileSync(path).includes(MARKER) ? [path] : own;
  if (!stat?.isDirectory()) return own;
  return [
    ...own,
    ...readdirSync(path)
      .sort()
      .flatMap((name) => marked(join(path, name))),
  ];
}
