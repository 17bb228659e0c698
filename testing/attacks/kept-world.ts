/**
 * A machine whose gate substitutes what two builders agree on; and an ordinary user who keeps what the gate hands out
 * while it is allowed, for the day on which it is not.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { Builder, outputRules } from "../src/gate-world-builders.ts";
import type { Ended } from "../src/nix-process.ts";
import type { NixVersion } from "../src/nix-world.ts";
import { distrustOf, signedBy, storeTarget } from "../src/world-statements.ts";
import { loud, UserWorld } from "./user-world.ts";

export const THEIRS = "what both builders made\n";
const NAMES = ["kept", "rules", "fine", "swapped", "claimed", "apart", "named", "outside", "linked", "long"];

export interface Kept {
  readonly out: StorePath;
  readonly drv: string;
  /** As the gate gave them out. */
  readonly narinfo: string;
  readonly nar: Buffer;
  readonly narUrl: string;
}

export class KeptWorld implements AsyncDisposable {
  readonly machine: UserWorld;
  readonly builders: readonly Builder[];
  /** A cache in a directory, which its owner fills as they like. */
  readonly folder: string;
  readonly paths = new Map<string, { readonly out: StorePath; readonly drv: string }>();
  kept!: Kept;

  static async open(version: NixVersion): Promise<KeptWorld> {
    const builders = await Promise.all([Builder.start("b1", "one"), Builder.start("b2", "two")]);
    const roles = { builders: { any: 2, of: ["b1", "b2"] }, warden: ["bob"] };
    const all = NAMES.map((name) => `${name} = ${loud(name, "", "echo built here > $out")};`).join("\n");
    const machine = await UserWorld.open(version, {
      files: { "default.nix": `rec { ${all} all = [ ${NAMES.join(" ")} ]; }` },
      policy: { roles, more: outputRules(builders) },
    });
    const world = new KeptWorld(machine, builders);
    await machine.gate.changeRules({ more: withFolder(outputRules(builders), world.folder) });
    await machine.gate.admit("all");
    for (const name of NAMES) world.paths.set(name, await machine.outputOf(name));
    return world;
  }

  private constructor(machine: UserWorld, builders: readonly Builder[]) {
    this.machine = machine;
    this.builders = builders;
    this.folder = join(machine.gate.nix.dir, "folder");
    mkdirSync(this.folder);
  }

  offerAll(name: string): void {
    for (const builder of this.builders)
      builder.offer({ path: this.path(name), content: THEIRS, compression: "none" });
  }

  path(name: string): StorePath {
    return this.paths.get(name)!.out;
  }

  narinfo(name: string): Promise<Response> {
    return fetch(`${this.machine.gate.endpoint.url}/${hashPartOf(this.path(name))}.narinfo`);
  }

  /** Takes what the gate gives out now, and lays it down as caches of the user's own. */
  async keep(name: string): Promise<Kept> {
    const { out, drv } = this.paths.get(name)!;
    const narinfo = await (await this.narinfo(name)).text();
    const narUrl = /^URL: (.*)$/m.exec(narinfo)![1]!;
    const answer = await fetch(`${this.machine.gate.endpoint.url}/${narUrl}`);
    const nar = Buffer.from(await answer.arrayBuffer());
    this.machine.write("kept/nix-cache-info", this.cacheInfo);
    this.machine.write(`kept/${hashPartOf(out)}.narinfo`, narinfo);
    this.machine.write(`kept/${narUrl}`, nar);
    return { out, drv, narinfo, nar, narUrl };
  }

  get cacheInfo(): string {
    return `StoreDir: ${this.machine.gate.nix.storeDir}\nWantMassQuery: 1\nPriority: 1\n`;
  }

  /** A warden speaks against an output. */
  async distrust(name: string): Promise<void> {
    const { gate } = this.machine;
    const words = distrustOf({
      targets: [storeTarget(this.path(name))],
      because: "it was made by another person",
    });
    await gate.carry(await signedBy(words, [gate.bob]));
  }

  isValid(path: string): Promise<boolean> {
    return this.machine.gate.isValid(path);
  }

  /** Root takes a path out of the store again. */
  async forget(path: string): Promise<void> {
    if (await this.isValid(path)) {
      const ended = await this.machine.gate.run("nix-store", ["--delete", path]);
      if (ended.code !== 0) throw new Error(ended.stderr);
    }
  }

  user(script: string): Promise<Ended> {
    return this.machine.user(script);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
    for (const builder of this.builders) await builder[Symbol.asyncDispose]();
  }
}

function withFolder(rules: string, folder: string): string {
  return rules.replace("caches = [", `caches = ["file://${folder}", `);
}
