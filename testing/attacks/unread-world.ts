/** An unsigned and unread source, and people who look at it: root, and an ordinary user. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "@firstmile/local/process/run";
import { GateWorld } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { NixVersion } from "../src/nix-world.ts";
import type { WorldRepository } from "../src/world.ts";
import { signingEnv } from "../src/world-people.ts";
import { gitEnv } from "../src/world-repository.ts";
import { lockOn } from "./lock-on.ts";
import { probe } from "./reading-world.ts";
import { Secret } from "./secret.ts";

/** What an unread file tries, for a secret of the person who looks. */
export const UNREAD = {
  tree: ({ dir }: Secret) => `(builtins.fetchTree { type = "path"; path = "${dir}"; }).outPath`,
  flake: ({ dir }: Secret) => `(builtins.getFlake "path:${dir}").words`,
  nested: () => `(builtins.getFlake "path:\${toString ./flk}").words`,
  made: ({ dir }: Secret) =>
    `(builtins.fetchTree { type = "path"; path = "${dir}"; rev = "${"0".repeat(40)}"; lastModified = 1; revCount = 1; }).outPath`,
  plain: ({ file }: Secret) => `builtins.readFile "${file}"`,
} as const;
export type Unread = keyof typeof UNREAD;
export const ALL = Object.keys(UNREAD) as Unread[];

export class UnreadWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  /** Root's, and the ordinary user's. */
  readonly secrets: { readonly root: Secret; readonly user: Secret };
  /** A checkout of a signed flake whose input is the source. */
  readonly flake: string;
  private readonly rules: string;
  private readonly mine: string;

  static async open(version: NixVersion): Promise<UnreadWorld> {
    const policy = { roles: { reader: ["bob"] } };
    const gate = await GateWorld.make({ version, multiUser: true, files: { README: "x\n" }, policy });
    const world = new UnreadWorld(gate);
    const introduction = gate.source.tip();
    await gate.source.commit({ files: world.files() });
    const own = await gate.people.repository("own");
    const first = await own.commit({
      by: gate.alice,
      files: { "flake.nix": flakeOn(), "flake.lock": await lockOn(gate.source, "pkgs") },
    });
    const rules = [{ paths: ["**"], review: "reader" }];
    const url = "https://github.com/example/pkgs";
    await gate.changeRules({
      sources: { pkgs: { introduction, authenticate: "slice", url, rules }, own: { introduction: first } },
    });
    await gate.run("git", ["pull", "--quiet", "--ff-only"]);
    await gate.startGate();
    await gate.nix.startDaemon();
    await world.arrange(own);
    return world;
  }

  private constructor(gate: GateWorld) {
    this.gate = gate;
    const at = (name: string) => join(gate.nix.dir, name);
    this.secrets = { root: new Secret(at("secret")), user: new Secret(at("mine"), gate.nix.user!.uid) };
    this.flake = at("own");
    this.rules = at("rules");
    this.mine = at("user/pkgs");
  }

  private files(): Record<string, string> {
    const attrs = Object.entries(this.secrets).flatMap(([who, secret]) =>
      Object.entries(UNREAD).map(([name, text]) => `  ${who}-${name} = ${probe(text(secret))};`),
    );
    const set = `{\n${attrs.join("\n")}\n  honest = ${probe("builtins.readFile ./words")};\n}`;
    return {
      words: "harmless words\n",
      "flk/flake.nix": `{ inputs.s = { url = "path:${this.secrets.root.dir}"; flake = false; }; outputs = { s, ... }: { words = builtins.readFile "\${s}/token"; }; }`,
      "default.nix": set,
      "flake.nix": `{ outputs = _: { packages.x86_64-linux = import ./default.nix; }; }`,
    };
  }

  /** Checkouts for both lookers, and the source as a user of the flake has it who fetched it before. */
  private async arrange(own: WorldRepository): Promise<void> {
    const { gate } = this;
    const clone = (from: string, to: string) =>
      runOk("git", ["clone", "--quiet", "--template=", from, to], { env: gitEnv() });
    await clone(own.dir, this.flake);
    await clone(gate.trust.dir, this.rules);
    mkdirSync(join(gate.nix.dir, "user"));
    await gate.clone(this.mine, gate.nix.user!.uid);
    const kept = join(gate.stateDir, "sources/pkgs.git");
    rmSync(kept, { recursive: true, force: true });
    cpSync(gate.source.dir, kept, { recursive: true });
  }

  looksAsRoot(args: readonly string[], cwd = this.gate.checkout): Promise<Ended> {
    const env = signingEnv(this.gate.bob, { "user.name": "bob", "user.email": "bob@example.org" });
    return this.gate.run(this.gate.program, args, { cwd, env });
  }

  /** By the same rules, with a state of the user's own. */
  looksAsUser(args: readonly string[]): Promise<Ended> {
    const env = { FIRSTMILE_STATE: join(this.gate.nix.dir, `home-${this.gate.nix.user!.uid}`, "fm") };
    return this.gate.runAsUser(this.gate.program, [...args, "--policy", this.rules], { cwd: this.mine, env });
  }

  leaks(who: "root" | "user", ...texts: string[]): Promise<string[]> {
    const { gate } = this;
    return this.secrets[who].found([gate.nix.dir, gate.people.dir], ...texts, gate.gateLog());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
  }
}

function flakeOn(): string {
  return `{ inputs.pkgs.url = "github:example/pkgs"; outputs = { self, pkgs }: { packages.x86_64-linux = pkgs.packages.x86_64-linux; }; }`;
}
