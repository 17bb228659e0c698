import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether stock Nix is on PATH; tests against it are skipped where it is not. */
export const nixVersion = /[0-9]+\.[0-9]+/.exec(
  spawnSync("nix-store", ["--version"], { encoding: "utf8" }).stdout ?? "",
)?.[0];

/** Stock Nix with a store of its own in a temporary directory, no sandbox, no network. */
export class StockNix {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), "firstmile-nix-")));
  readonly storeDir = join(this.dir, "store");
  private readonly features: string;

  constructor(features = "nix-command ca-derivations") {
    this.features = features;
    mkdirSync(join(this.dir, "home"));
  }

  private env(features: string): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: join(this.dir, "home"),
      NIX_STORE_DIR: this.storeDir,
      NIX_STATE_DIR: join(this.dir, "var"),
      NIX_LOG_DIR: join(this.dir, "log"),
      NIX_CONF_DIR: join(this.dir, "etc"),
      NIX_REMOTE: "local",
      NIX_CONFIG: `sandbox = false\nbuild-users-group =\nsubstituters =\nexperimental-features = ${features}`,
    };
  }

  /** Standard output as bytes. Throws where the command fails. */
  bytes(command: string, ...args: string[]): Buffer {
    return execFileSync(command, args, {
      env: this.env(this.features),
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 28,
    });
  }

  run(command: string, ...args: string[]): string {
    return this.bytes(command, ...args)
      .toString("utf8")
      .trim();
  }

  /** Runs a command that may fail; the result is what it leaves in the store. */
  attempt(features: string, command: string, ...args: string[]): string {
    const { stderr } = spawnSync(command, args, { env: this.env(features), encoding: "utf8" });
    return stderr;
  }

  /** The .drv files in the store, by path. */
  derivations(): Map<string, Buffer> {
    const names = readdirSync(this.storeDir).filter((name) => name.endsWith(".drv"));
    return new Map(names.map((name) => [join(this.storeDir, name), readFileSync(join(this.storeDir, name))]));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
