/**
 * Requests with odd words. The attacker is an ordinary user, who may ask the gate for anything, by its socket and by
 * the command line. What must hold: words of a request name things and are never options, paths or lines of a log; and
 * asking gives no right.
 */
import { createServer } from "node:net";
import { expect } from "vitest";
import { derivationText } from "../src/gate-world.ts";
import type { Attack, Theme } from "./attack.ts";
import { askAdmission, sendObjects } from "./gate-answers.ts";
import { loud, UserWorld } from "./user-world.ts";

/** What some reader of a log takes for the end of a line, or moves the cursor by. */
const LINE_ENDS = ["\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\t", "\b", "\x1b[1G"];

const FILES = {
  "default.nix": `{ greeting ? "hello" }: {
    hello = ${loud("hello", "", "echo \\${greeting} > $out")};
    ${Array.from({ length: 6 }, (_, i) => `many${i} = ${derivationText(`many${i}`, `echo ${i} > $out`)};`).join("\n    ")}
  }`,
  "shell.nix": loud("shell"),
  "flake.nix": `{ outputs = _: { packages.x86_64-linux.hello = (import ./default.nix { }).hello; }; }`,
  out: { mode: 0o120000, content: "/etc" },
};

async function status(world: UserWorld): Promise<{ derivations: number }> {
  return JSON.parse((await world.gate.ask("GET", "/status")).body);
}

/** No such request is allowed, and none adds a derivation. */
async function admitsNothing(
  world: UserWorld,
  requests: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const before = (await status(world)).derivations;
  for (const more of requests) {
    const how = more.kind === "flake" ? "flake" : "file";
    const answer = await askAdmission(world.gate, "hello", how, more);
    expect([more, answer.allowed]).toEqual([more, false]);
  }
  expect((await status(world)).derivations).toBe(before);
}

const attacks: readonly Attack<UserWorld>[] = [
  {
    number: 134,
    name: "attributes and files that look like options",
    held: "Attribute paths are parsed and written again; files are paths inside of the tree.",
    run: (world) =>
      admitsNothing(world, [
        ...["--version", "-E", "--option", "a;b", "$(id)", "..", '"', "hello --argstr x y"].map((attr) => ({
          attrs: [attr],
        })),
        ...["--version", "-", "-E", "--arg", "default.nix --eval"].map((file) => ({ file })),
      ]),
  },
  {
    number: 135,
    name: "files and directories that climb out of the source, or go through a link",
    held: "A path of a request stays inside of the tree, links on the way included.",
    run: (world) =>
      admitsNothing(world, [
        ...["../x.nix", "/etc/passwd", "a/../../x", "out/passwd", "out", "default.nix\0"].map((file) => ({
          file,
        })),
        ...["..", "a/b", ".", "", "-x/..", "a\nb", ".git"].map((directoryName) => ({ directoryName })),
        ...["..", "/etc", "a/../..", "out", "out/.."].map((dir) => ({ kind: "flake", dir })),
      ]),
  },
  {
    number: 136,
    name: "commits that are none: names, abbreviations, options, ranges, another hash's length",
    held: "A commit is 40 or 64 hex digits, and authentic.",
    run: (world) =>
      admitsNothing(
        world,
        [
          "HEAD",
          "main",
          "0".repeat(40),
          "f".repeat(64),
          "--upload-pack=x",
          "HEAD~1..HEAD",
          world.gate.source.tip().slice(0, 12),
          `${world.gate.source.tip()}\n`,
        ].map((commit) => ({ commit })),
      ),
  },
  {
    number: 137,
    name: "sources and addresses that are none of the rules', or run a program",
    held: "A source is one of the rules, found by its name or by its URLs.",
    async run(world) {
      await admitsNothing(
        world,
        ["other", "../../etc", "__proto__", "pkgs\0", "PKGS"].map((source) => ({ source })),
      );
      const before = (await status(world)).derivations;
      for (const url of [
        "ext::sh -c id",
        "file:///etc",
        "--upload-pack=x",
        "https://example.org/pkgs/../evil",
        "git+ssh://-oProxyCommand=id/x",
        "fd::17",
      ]) {
        const request = {
          kind: "remote flake",
          url,
          commit: world.gate.source.tip(),
          dir: "",
          attrs: ["hello"],
          verb: "build",
        };
        const answer = await world.gate.ask("POST", "/admit", JSON.stringify(request));
        expect([url, answer.status === 200 && JSON.parse(answer.body).verdict.allowed]).toEqual([url, false]);
      }
      expect((await status(world)).derivations).toBe(before);
    },
  },
  {
    number: 138,
    name: "a line of the gate's log made up by a word of a request",
    held: "One event is one line: what would begin another is spelt.",
    guard: "local/gate/gate.ts",
    async run(world) {
      const line = "2026-01-01T00:00:00.000Z allowed admit forged";
      const { commit, ...remote } = {
        kind: "remote flake",
        commit: world.gate.source.tip(),
        dir: "",
        verb: "build",
      };
      for (const end of LINE_ENDS) {
        const word = `x${end}${line}`;
        for (const more of [
          { source: word },
          { attrs: [word] },
          { file: word },
          { directoryName: word },
          { argstr: { x: word } },
          { argstr: { [word]: "x" } },
        ])
          await askAdmission(world.gate, "hello", "file", more);
        for (const more of [{ source: word }, { attrs: [word] }, { dir: word }])
          await askAdmission(world.gate, "hello", "flake", more);
        const asked = JSON.stringify({ ...remote, commit, url: `https://example.org/${word}`, attrs: ["x"] });
        await world.gate.ask("POST", "/admit", asked);
        await world.gate.ask("GET", `/build?derivation=${encodeURIComponent(word)}`);
        await fetch(`${world.gate.endpoint.url}/source/${encodeURIComponent(word)}/${commit}.tar`);
      }
      const lines = world.gate.gateLog().split(/\r\n|[\n\v\f\r\x85\u2028\u2029]/);
      expect(lines.filter((text) => text.startsWith(line))).toEqual([]);
      for (const text of lines) expect(text).toMatch(/^\P{Cc}*$/u);
    },
  },
  {
    number: 139,
    name: "text of an ordinary user's by --argstr, which ends in a builder's script",
    held: "Arguments of a user who is not root are refused, unless the rules of the source list them.",
    guard: "spec/policy.md",
    async run(world) {
      const evil = "x > $out; echo RAN$z-argument >&2; echo y";
      const asked = await world.gate.runAsUser(
        world.gate.program,
        ["nix", "nix-build", "-A", "hello", "--argstr", "greeting", evil, "--no-out-link"],
        { cwd: world.mine },
      );
      expect({ well: asked.code === 0, ran: world.ran("argument", asked) }).toEqual({
        well: false,
        ran: false,
      });
      expect(asked.stdout + asked.stderr).toContain("arguments-not-allowed");
    },
  },
  {
    number: 140,
    name: "expressions and inputs on the command line: -E, --expr, --arg, --impure, --override-input, -p",
    held: "The command line refuses unsigned code, and so does the hook.",
    guard: "local/asking/nix-command.ts",
    async run(world) {
      const evil =
        'derivation { name = "e"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo RAN$z-e >&2; echo > $out" ]; }';
      for (const args of [
        ["nix-build", "-E", evil],
        ["build", "--impure", "--expr", evil],
        ["nix-build", "-A", "hello", "--arg", "greeting", "1"],
        ["build", ".#hello", "--override-input", "x", "path:/etc"],
        ["nix-shell", "-p", "hello"],
        ["build", ".#hello", "--impure"],
        ["develop", "--impure", "."],
        ["profile", "install", ".#hello"],
        ["nix-build", "--expr=1"],
        ["nix-build", "-A", "hello", "-I", "x=/etc", "--argstr"],
      ]) {
        const ended = await world.gate.runAsUser(world.gate.program, ["nix", ...args], { cwd: world.mine });
        expect({ args, well: ended.code === 0, ran: world.ran("e", ended) }).toEqual({
          args,
          well: false,
          ran: false,
        });
      }
    },
  },
  {
    number: 141,
    name: "several users ask for one new commit at once, so that one's admission breaks another's",
    held: "All of them are admitted.",
    guard: "local/admission/admit.ts",
    async run(world) {
      await sendObjects(world.gate, await world.gate.commit({ README: "a new commit\n" }));
      const attrs = Array.from({ length: 6 }, (_, i) => `many${i}`);
      const answers = await Promise.all(attrs.map((attr) => askAdmission(world.gate, attr, "file")));
      expect(answers.map(({ allowed, codes }) => [allowed, ...codes])).toEqual(attrs.map(() => [true]));
    },
  },
  {
    number: 142,
    name: "the gate's port taken by another user before it starts",
    held: "It ends with an error and answers no request, so it cannot pass for a whole gate.",
    guard: "local/gate/gate.ts",
    async run(world) {
      const { port } = new URL(world.gate.endpoint.url);
      await world.gate.endGate();
      const taken = createServer().listen(Number(port), "127.0.0.1");
      await new Promise((done) => taken.once("listening", done));
      const ended = await world.gate.run(world.gate.program, ["gate", "--port", port], { timeoutMs: 8_000 });
      await new Promise((done) => taken.close(done));
      await world.gate.startGate();
      expect([ended.code, ended.stderr]).toEqual([
        expect.any(Number),
        expect.stringMatching(/EADDRINUSE|is taken|in use/),
      ]);
    },
  },
];

export const oddRequests: Theme<UserWorld> = {
  title: "Requests with odd words",
  by: "an ordinary user of the machine",
  guard: "local/admission/requests.ts",
  open: (version) => UserWorld.open(version, { files: FILES }),
  controls: [
    {
      name: "an ordinary user asks in usual words, is admitted, and builds",
      async run(world) {
        const args = ["nix", "nix-build", "-A", "hello", "--no-out-link"];
        const ended = await world.gate.runAsUser(world.gate.program, args, { cwd: world.mine });
        expect([ended.code, world.ran("hello", ended)]).toEqual([0, true]);
        expect((await askAdmission(world.gate, "hello", "file")).allowed).toBe(true);
        expect((await askAdmission(world.gate, "hello", "flake")).allowed).toBe(true);
        expect(world.gate.gateLog()).toContain("allowed admit pkgs");
      },
    },
  ],
  attacks,
};
