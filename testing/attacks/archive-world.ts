/** An author who signs archives and serves them, and bob, who hands them on by the command line. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { encodeNix32 } from "@firstmile/formats/nix/base32";
import { GateWorld } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { NixVersion } from "../src/nix-world.ts";
import { Author } from "../src/release-author.ts";
import { signingEnv } from "../src/world-people.ts";

export class ArchiveWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  private readonly author = new Author("0102030405060708");
  private readonly served = new Map<string, Buffer>();
  private readonly server: Server;
  private base = "";

  static async open(version: NixVersion): Promise<ArchiveWorld> {
    const files = { "default.nix": "{ }" };
    const gate = await GateWorld.make({ version, files, policy: { roles: { packager: ["bob"] } } });
    const world = new ArchiveWorld(gate);
    await new Promise<void>((done) => world.server.listen(0, "127.0.0.1", done));
    world.base = `http://127.0.0.1:${(world.server.address() as AddressInfo).port}`;
    await gate.changeRules({ more: world.rules() });
    return world;
  }

  private constructor(gate: GateWorld) {
    this.gate = gate;
    this.server = createServer((request, response) => {
      const file = this.served.get(request.url ?? "");
      if (file) response.end(file);
      else response.writeHead(404).end();
    });
  }

  private rules(): string {
    const listed = this.author.listed("minisign");
    return `[principal.press]\nkeys = ["${listed}"]\n[[upstream]]\nurls = ["${this.base}/**"]\nauthor = "press"\nhandoff = "packager"\n`;
  }

  /** The author releases an archive, with a good signature. */
  private release(name: string, archive: Buffer): string {
    this.served.set(`/${name}`, archive);
    this.served.set(`/${name}.minisig`, this.author.minisig(archive, name));
    return `${this.base}/${name}`;
  }

  /** `firstmile handoff --unpack` of it; how it ended, and how many statements were made. */
  async handOn(name: string, archive: Buffer): Promise<Ended & { statements: number }> {
    const url = this.release(name, archive);
    const out = join(this.gate.nix.dir, `handed-${name}`);
    const env = signingEnv(this.gate.bob, { "user.name": "bob", "user.email": "bob@example.org" });
    const args = ["handoff", url, "--unpack", "--yes", "--to", out];
    const ended = await this.gate.run(this.gate.program, args, { env: { ...env, COLUMNS: "1000" } });
    const statements = existsSync(out)
      ? readdirSync(out, { recursive: true }).filter((file) => `${file}`.endsWith(".json"))
      : [];
    return { ...ended, statements: statements.length };
  }

  /** The tree that Nix unpacks, as it pins it; or that it does not. */
  async readByNix(name: string, archive: Buffer): Promise<string> {
    const args = ["--unpack", "--type", "sha256", "--name", "source", this.release(name, archive)];
    const ended = await this.gate.run("nix-prefetch-url", args, { timeoutMs: 20_000 });
    return ended.code === 0 ? ended.stdout.trim() : "unreadable";
  }

  /** The tree that GNU tar unpacks, by the same hash. */
  readByGnuTar(archive: Buffer): string {
    const dir = mkdtempSync(join(this.gate.nix.dir, "untar-"));
    writeFileSync(join(dir, "it.tar"), archive);
    mkdirSync(join(dir, "tree"));
    try {
      execFileSync("tar", ["xf", "it.tar", "-C", "tree"], { cwd: dir, stdio: "ignore" });
      const tree = join(dir, "tree", readdirSync(join(dir, "tree"))[0]!);
      const hex = execFileSync("nix-hash", ["--type", "sha256", tree], { encoding: "utf8" }).trim();
      return encodeNix32(Buffer.from(hex, "hex"));
    } catch {
      return "unreadable";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.gate[Symbol.asyncDispose]();
  }
}
