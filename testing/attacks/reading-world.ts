/** A machine whose gate is asked to evaluate signed expressions, and a secret of root's beside it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { derivationText, GateWorld } from "../src/gate-world.ts";
import type { NixVersion } from "../src/nix-world.ts";
import { gitEnv } from "../src/world-repository.ts";
import { type Admission, askAdmission } from "./gate-answers.ts";
import { Secret } from "./secret.ts";

/** What an attacker's expression may know of the machine. */
export interface Target {
  /** A file of root's, mode 0600; its directory, 0700, is a flake too. */
  readonly file: string;
  readonly dir: string;
  /** A Git repository of root's with that file, and its commit. */
  readonly repository: string;
  readonly commit: string;
  /** An archive with that file. */
  readonly archive: string;
  /** A HTTP server on the loopback that counts who asks. */
  readonly server: string;
  /** The gate's own state, with its secret key. */
  readonly state: string;
  readonly checkout: string;
  readonly store: string;
}

export class ReadingWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  readonly secret: Secret;
  readonly target: Target;
  readonly asked: string[];
  private readonly server: Server;
  /** Where Nix without a guard has its stores: outside of all that is searched. */
  private readonly plain = mkdtempSync(join(tmpdir(), "plain-"));

  /** `write`: files of the source, given what there is to attack. `plant`: what lies on the machine beforehand. */
  static async open(
    version: NixVersion,
    write: (target: Target) => Readonly<Record<string, string | { mode: number; content: string }>>,
    conf: Readonly<Record<string, string>> = {},
  ): Promise<ReadingWorld> {
    const gate = await GateWorld.make({ version, files: { README: "x\n" }, conf });
    const secret = new Secret(join(gate.nix.dir, "secret"));
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end("x");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const world = new ReadingWorld(gate, secret, server, asked);
    await gate.source.commit({ by: gate.alice, files: write(world.target) });
    await gate.run("git", ["pull", "--quiet", "--ff-only"]);
    await gate.startGate();
    secret.add(join(gate.stateDir, "gate/key"));
    return world;
  }

  private constructor(gate: GateWorld, secret: Secret, server: Server, asked: string[]) {
    this.gate = gate;
    this.secret = secret;
    this.server = server;
    this.asked = asked;
    const repository = join(secret.dir, "repository");
    const archive = join(secret.dir, "archive.tar");
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", repository, ...args], { env: gitEnv(), encoding: "utf8" }).trim();
    execFileSync("git", ["init", "--quiet", "--template=", repository], { env: gitEnv() });
    execFileSync("cp", ["token", "flake.nix", "default.nix", "repository"], { cwd: secret.dir });
    git("add", "--all");
    git("commit", "--quiet", "-m", "secret");
    execFileSync("tar", ["cf", archive, "-C", repository, "token", "flake.nix"]);
    symlinkSync(secret.dir, join(gate.nix.dir, "way"));
    this.target = {
      file: secret.file,
      dir: secret.dir,
      repository,
      commit: git("rev-parse", "HEAD"),
      archive,
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      state: gate.stateDir,
      checkout: gate.checkout,
      store: gate.nix.storeDir,
    };
  }

  admit(
    attr: string,
    how: "file" | "flake",
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Admission> {
    return askAdmission(this.gate, attr, how, more);
  }

  /** Where the secret is met again: files of the machine, and these texts. */
  leaks(...texts: string[]): Promise<string[]> {
    return this.secret.found([this.gate.nix.dir, this.gate.people.dir], ...texts, this.gate.gateLog());
  }

  /** Names in the store, without locks and the database's links. */
  stored(): string[] {
    return readdirSync(this.gate.nix.storeDir)
      .filter((name) => name !== ".links" && !name.endsWith(".lock"))
      .sort();
  }

  /** Whether Nix without any guard, as root, meets the secret by an attribute. Its store is not searched for the secret. */
  async readsPlainly(attr: string): Promise<boolean> {
    const dir = join(this.plain, attr);
    const env = { NIX_STORE_DIR: join(dir, "store"), NIX_STATE_DIR: join(dir, "state"), HOME: dir };
    const features = ["--extra-experimental-features", "flakes fetch-tree fetch-closure"];
    const args = [
      "--eval",
      "--strict",
      "--read-write-mode",
      "--option",
      "substituters",
      "",
      "--option",
      "download-attempts",
      "1",
      ...features,
      "-A",
      `${attr}.what`,
    ];
    const ended = await this.gate.run("nix-instantiate", args, { env, timeoutMs: 20_000 });
    return (await this.secret.metIn(dir)) || this.secret.isIn(ended.stdout + ended.stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.gate[Symbol.asyncDispose]();
    rmSync(this.plain, { recursive: true, force: true });
  }
}

/** A derivation that holds what an expression comes to. */
export function probe(expression: string): string {
  return derivationText("probe", "echo $what > $out", `what = (${expression});`);
}
