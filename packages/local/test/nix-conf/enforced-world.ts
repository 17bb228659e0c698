/** A Nix world under the configuration that `nix-conf` prints, with a hook that refuses and a substituter that has nothing. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { listenLow } from "../../../../testing/src/low-port.ts";
import { makeNixWorld, type NixVersion, type NixWorld } from "../../../../testing/src/nix-world.ts";
import {
  builtHookBeside,
  endpointFile,
  type GateEndpoint,
  readGateEndpoint,
} from "../../src/nix-conf/endpoint.ts";
import type { Commands } from "../../src/nix-conf/gather-nix.ts";
import { nixConfLines } from "../../src/nix-conf/lines.ts";
import { machineCommands } from "../../src/nix-conf/machine-commands.ts";

export const VERSIONS: readonly NixVersion[] = ["host", "sid"];
const KEY = "gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

export class EnforcedWorld {
  readonly world: NixWorld;
  readonly endpoint: GateEndpoint;
  readonly stateDir: string;
  private readonly servers: Server[] = [];

  static async make(version: NixVersion, multiUser: boolean): Promise<EnforcedWorld> {
    const dir = mkdtempSync(join(tmpdir(), "conf-"));
    chmodSync(dir, 0o755);
    const enforced = new EnforcedWorld(
      makeNixWorld({ dir, version, multiUser, conf: { "experimental-features": "nix-command flakes" } }),
    );
    const url = await enforced.serve(undefined);
    enforced.enforce(url);
    return enforced;
  }

  private constructor(world: NixWorld) {
    this.world = world;
    this.stateDir = join(world.dir, "firstmile");
    this.endpoint = { hookPath: join(this.stateDir, "gate/hook"), url: "", publicKey: KEY, trust: "place" };
  }

  private enforce(url: string): void {
    const { hookPath } = this.endpoint;
    mkdirSync(dirname(hookPath), { recursive: true, mode: 0o755 });
    writeFileSync(hookPath, `#!/bin/sh\necho "$1" >>${this.world.dir}/asked\nexit 1\n`);
    chmodSync(hookPath, 0o755);
    // Nix ends a build whose post-build hook cannot be run.
    const builtHook = builtHookBeside(hookPath);
    writeFileSync(builtHook, "#!/bin/sh\nexit 0\n");
    chmodSync(builtHook, 0o755);
    writeFileSync(endpointFile(this.stateDir), JSON.stringify({ ...this.endpoint, url }));
    this.configure({});
  }

  /** The generated lines, and then others. */
  configure(more: Readonly<Record<string, string | undefined>>): void {
    const version = { major: 2, minor: this.world.version === "sid" ? 34 : 8 };
    const lines = nixConfLines(readGateEndpoint(this.stateDir)!, version);
    this.world.configure({ ...Object.fromEntries(lines.map(({ name, value }) => [name, value])), ...more });
  }

  /** A loopback cache over a directory; without one it has no path at all. */
  async serve(directory: string | undefined): Promise<string> {
    const server = createServer((request, response) => {
      const file = directory === undefined ? undefined : join(directory, request.url ?? "/");
      if (request.url === "/nix-cache-info")
        response.end(`StoreDir: ${this.world.storeDir}\nWantMassQuery: 1\nPriority: 1\n`);
      else if (file !== undefined && extname(file) !== "" && existsSync(file))
        response.end(readFileSync(file));
      else response.writeHead(404).end();
    });
    this.servers.push(server);
    return `http://127.0.0.1:${await listenLow(server)}/`;
  }

  /** Derivations that the hook has been asked for so far. */
  asked(): string[] {
    const file = join(this.world.dir, "asked");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  /** Writes an expression that no other has the name of. */
  expression(name: string, more = ""): string {
    const file = join(this.world.dir, `${name}.nix`);
    const args = 'args = [ "-c" "echo built > $out" ];';
    writeFileSync(
      file,
      `derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; ${args} ${more} }`,
    );
    return file;
  }

  /** What doctor takes for this machine: the world's Nix, and the machine's own git, xz and unshare. */
  readonly commands: Commands = (command, args, env = {}) =>
    command.startsWith("nix")
      ? this.world.run(command, args, { env })
      : machineCommands({ env: process.env, cwd: "/" })(command, args, env);

  get env(): NodeJS.ProcessEnv {
    return {
      NIX_STORE_DIR: this.world.storeDir,
      NIX_STATE_DIR: this.world.stateDir,
      NIX_CONF_DIR: dirname(this.world.confPath),
      HOME: join(this.world.dir, "home"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    await this.world[Symbol.asyncDispose]();
  }
}
