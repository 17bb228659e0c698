/** A machine with Nix's daemon that a gate holds, and an ordinary user of it who attacks. */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { derivationText, GateWorld, type GateWorldOptions } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { NixVersion } from "../src/nix-world.ts";

/** A derivation whose builder says that it ran: in words that its own text does not have, which errors show. */
export function loud(name: string, more = "", script = "echo done > $out"): string {
  return derivationText(name, `echo RAN$z-${name} >&2; ${script}`, more);
}

export class UserWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  /** The user's own directory, and a checkout of the source in it. */
  readonly home: string;
  readonly mine: string;

  static async open(
    version: NixVersion,
    options: Omit<GateWorldOptions, "version" | "multiUser">,
  ): Promise<UserWorld> {
    const gate = await GateWorld.make({ ...options, version, multiUser: true });
    await gate.startGate();
    const world = new UserWorld(gate);
    await gate.clone(world.mine, gate.nix.user!.uid);
    await world.throughDaemon();
    return world;
  }

  private constructor(gate: GateWorld) {
    this.gate = gate;
    this.home = join(gate.nix.dir, "evil");
    this.mine = join(this.home, "pkgs");
    mkdirSync(this.home);
    chownSync(this.home, gate.nix.user!.uid, gate.nix.user!.uid);
  }

  /** The gate asks Nix through the daemon from now on, as on every such machine. */
  private async throughDaemon(): Promise<void> {
    await this.gate.nix.startDaemon();
    await this.gate.endGate();
    await this.gate.startGate();
  }

  /** A script of the user's, in the user's checkout; `$E` is the user's own directory. */
  user(script: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const options = { cwd: this.mine, env: { E: this.home, HOME: this.home, ...env } };
    return this.gate.runAsUser("sh", ["-c", script], options);
  }

  /** A file of the user's. */
  write(name: string, text: string | Uint8Array): string {
    const file = join(this.home, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
    const { uid } = this.gate.nix.user!;
    chownSync(file, uid, uid);
    chownSync(join(file, ".."), uid, uid);
    return file;
  }

  /** Where an attribute's output would be, without building it. */
  async outputOf(attr: string): Promise<{ drv: string; out: StorePath }> {
    const drv = await this.gate.instantiate(attr);
    const output = parseDerivation(readFileSync(drv), this.gate.nix.storeDir).outputs.get("out")!;
    if (!("path" in output)) throw new Error(`${attr} has no path before it is built`);
    return { drv, out: output.path };
  }

  /** Whether a builder with this name has run, as far as anybody was told. */
  ran(name: string, ended: Ended): boolean {
    return [ended.stdout, ended.stderr, this.gate.nix.daemonLog()].some((text) =>
      text.includes(`RAN-${name}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
  }
}
