/**
 * What an ordinary user keeps of what the gate once served, as a binary cache of their own, and every route by which
 * they could bring it into the machine's store later. All through Nix's daemon, as that user.
 */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { type NarNode, narChunks } from "@firstmile/formats/nix/nar";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import type { GateWorld } from "../../../../testing/src/gate-world.ts";
import type { Ended } from "../../../../testing/src/nix-process.ts";

export class Kept {
  readonly dir: string;
  private readonly world: GateWorld;

  constructor(world: GateWorld) {
    this.world = world;
    this.dir = join(world.nix.dir, "kept");
    this.write("nix-cache-info", `StoreDir: ${world.nix.storeDir}\nWantMassQuery: 1\nPriority: 1\n`);
  }

  get url(): string {
    return `file://${this.dir}`;
  }

  /** Asks the gate for the narinfo and the NAR, as any user can, and keeps both. */
  async keep(path: StorePath): Promise<void> {
    const { url } = this.world.endpoint;
    const name = `${hashPartOf(path)}.narinfo`;
    const narinfo = await fetch(`${url}/${name}`);
    const text = await narinfo.text();
    if (narinfo.status !== 200) throw new Error(`the gate does not serve ${path}: ${text}`);
    this.write(name, text);
    const nar = /^URL: (.*)$/m.exec(text)![1]!;
    const answer = await fetch(`${url}/${nar}`);
    if (answer.status !== 200) throw new Error(`the gate does not serve ${nar}`);
    this.write(nar, new Uint8Array(await answer.arrayBuffer()));
  }

  private write(name: string, content: string | Uint8Array): void {
    const file = join(this.dir, name);
    const { uid } = this.world.nix.user!;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    // 2.8 writes into a cache that it reads.
    for (const each of [this.dir, dirname(file), file]) chownSync(each, uid, uid);
  }

  /** By name: what the user runs to bring `path` in. `served`: an address at which the user serves the same files. */
  routes(path: StorePath, content: string, served: string): Map<string, () => Promise<Ended>> {
    const { world, url } = this;
    const { publicKey, url: gate } = world.endpoint;
    const daemon = `unix://${world.nix.socketPath}?trusted=1`;
    const nix =
      (...args: string[]) =>
      () =>
        world.runAsUser("nix", args);
    const store =
      (...args: string[]) =>
      () =>
        world.runAsUser("nix-store", args);
    const copy = (...args: string[]) => nix("copy", ...args, path);
    const realise = (...args: string[]) => store("-r", path, ...args);
    const option = (name: string, value: string) => ["--option", name, value];
    const substituters = (at: string) => option("substituters", at);
    const closure = (from: string, more: string) =>
      `builtins.fetchClosure { fromStore = "${from}"; fromPath = "${path}"; ${more} }`;
    const evaluate = (from: string, more = "") =>
      nix(
        "eval",
        "--impure",
        "--extra-experimental-features",
        "fetch-closure",
        "--expr",
        closure(from, more),
      );
    const everything = [
      `substituters = ${served}?trusted=1 ${url}?trusted=1`,
      `extra-substituters = ${served}?trusted=1`,
      `trusted-substituters = ${served} ${url}`,
      `trusted-public-keys = ${publicKey}`,
      `extra-trusted-public-keys = ${publicKey}`,
      "require-sigs = false",
      "trusted-users = *",
      "fallback = true",
      "narinfo-cache-positive-ttl = 99999",
    ].join("\n");
    const configured = join(world.nix.dir, `user-${hashPartOf(path)}.conf`);
    writeFileSync(configured, everything);
    return new Map([
      ["nix copy", copy("--from", url)],
      ["nix copy, trusted=1", copy("--from", `${url}?trusted=1`)],
      ["nix copy, no-check-sigs", copy("--from", url, "--no-check-sigs")],
      ["nix copy, both", copy("--from", `${url}?trusted=1`, "--no-check-sigs")],
      ["nix copy, require-sigs false", copy("--from", url, ...option("require-sigs", "false"))],
      ["nix copy, the gate's key", copy("--from", url, ...option("trusted-public-keys", publicKey))],
      [
        "nix copy, the gate's key too",
        copy("--from", url, ...option("extra-trusted-public-keys", publicKey)),
      ],
      ["nix copy over HTTP", copy("--from", `${served}?trusted=1`, "--no-check-sigs")],
      ["nix copy from the gate", copy("--from", gate)],
      ["nix copy from the gate, trusted=1", copy("--from", `${gate}?trusted=1`, "--no-check-sigs")],
      ["nix copy to the daemon, trusted=1", copy("--from", url, "--to", daemon, "--no-check-sigs")],
      ["nix copy to the store itself", copy("--from", url, "--to", "local", "--no-check-sigs")],
      ["substituters", realise(...substituters(url))],
      ["substituters, trusted=1", realise(...substituters(`${url}?trusted=1`))],
      ["substituters over HTTP", realise(...substituters(`${served}?trusted=1`))],
      ["the gate and another", realise(...substituters(`${gate}?trusted=1 ${served}?trusted=1`))],
      ["extra-substituters", realise(...option("extra-substituters", `${served}?trusted=1&priority=1`))],
      ["trusted-substituters", realise(...option("trusted-substituters", url), ...substituters(url))],
      ["require-sigs false", realise(...substituters(url), ...option("require-sigs", "false"))],
      ["nix build", nix("build", "--no-link", ...substituters(`${url}?trusted=1`), path)],
      ["a remembered answer", realise(...option("narinfo-cache-positive-ttl", "99999"))],
      ["NIX_CONFIG", () => world.runAsUser("nix-store", ["-r", path], { env: { NIX_CONFIG: everything } })],
      [
        "nix.conf",
        () => world.runAsUser("nix-store", ["-r", path], { env: { NIX_USER_CONF_FILES: configured } }),
      ],
      [
        "NIX_REMOTE, trusted=1",
        () => world.runAsUser("nix-store", ["-r", path], { env: { NIX_REMOTE: daemon } }),
      ],
      ["no daemon", () => world.runAsUser("nix-store", ["-r", path], { env: { NIX_REMOTE: "local" } })],
      [
        "nix-store --import",
        () => world.runAsUser("nix-store", ["--import"], { input: exportOf(path, content) }),
      ],
      ["nix-store --load-db", () => world.runAsUser("nix-store", ["--load-db"], { input: record(path) })],
      [
        "nix-store --register-validity",
        () => world.runAsUser("nix-store", ["--register-validity"], { input: `${path}\n\n0\n` }),
      ],
      ["nix store add-file", () => this.added("add-file", path, content)],
      ["nix-store --add", () => this.added("--add", path, content)],
      ["fetchClosure", evaluate(url)],
      ["fetchClosure, trusted=1", evaluate(`${url}?trusted=1`)],
      ["fetchClosure over HTTP", evaluate(served)],
      ["fetchClosure over HTTP, trusted=1", evaluate(`${served}?trusted=1`)],
      ["fetchClosure over HTTP, input-addressed", evaluate(served, "inputAddressed = true;")],
      ["fetchClosure over HTTP, to another path", evaluate(served, 'toPath = "";')],
      ["fetchClosure from the gate", evaluate(`${gate}?trusted=1`)],
    ]);
  }

  /** Under the name that it has. Ends well, with a path of its own. */
  private added(how: "add-file" | "--add", path: StorePath, content: string): Promise<Ended> {
    const name = path.slice(path.lastIndexOf("/") + 34);
    const file = join(this.dir, name);
    this.write(name, content);
    if (how === "--add") return this.world.runAsUser("nix-store", ["--add", file]);
    return this.world.runAsUser("nix", ["store", "add-file", file]);
  }
}

/** One record of `nix-store --load-db`; the hash does not matter to who may not write it. */
function record(path: string): string {
  return `${path}\nsha256:${"0".repeat(64)}\n120\n\n0\n`;
}

/** nix-store --export of one path that is a file, as Nix's `Store::exportPath` writes it. */
function exportOf(path: StorePath, content: string): Buffer {
  const bytes = Buffer.from(content);
  const node: NarNode = { kind: "regular", executable: false, size: bytes.length, content: [bytes] };
  const number = (value: number) => {
    const eight = Buffer.alloc(8);
    eight.writeUInt32LE(value);
    return eight;
  };
  const text = (value: string) => {
    const coded = encodeUtf8(value);
    return Buffer.concat([number(coded.length), coded, Buffer.alloc((8 - (coded.length % 8)) % 8)]);
  };
  const EXPORT_MAGIC = 0x4558494e;
  return Buffer.concat([
    number(1),
    ...narChunks(node),
    number(EXPORT_MAGIC),
    text(path),
    number(0),
    text(""),
    number(0),
    number(0),
  ]);
}
