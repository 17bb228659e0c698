/** `firstmile handoff -A`: every source below an attribute, files and tags, as Nix evaluates it. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hexHash } from "@firstmile/formats/nix/hash";
import { unpack } from "@firstmile/local/archives/unpack";
import { runOk } from "@firstmile/local/process/run";
import { Author } from "@firstmile/testing/release-author";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { type Person, signingEnv } from "../../../../testing/src/world-people.ts";
import { type Daemon, gitDaemon } from "../mirrors/git-daemon.ts";

const author = new Author("0102030405060708");
const SOURCE = Buffer.from("the source of hello\n");
const SHA256 = createHash("sha256").update(SOURCE).digest("hex");

describe.skipIf(missingForNixWorld("host") !== undefined)("an attribute's sources", () => {
  let world: GateWorld;
  let served: string;
  let rules: string;
  let env: Record<string, string>;
  let daemon: Daemon;

  beforeAll(async () => {
    world = await GateWorld.make({ version: "host", files: { "default.nix": "{ }" } });
    served = join(world.nix.dir, "served");
    mkdirSync(served);
    env = { GIT_CONFIG_GLOBAL: await signingConfig(), COLUMNS: "1000" };
    daemon = await gitDaemon(world.people.dir);
    rules = await rulesDir();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const at = (name: string) => pathToFileURL(join(served, name)).href;

  /** Bob signs what he hands on. */
  async function signingConfig(): Promise<string> {
    const key = join(world.nix.dir, "id");
    await runOk("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const config = join(world.nix.dir, "gitconfig");
    writeFileSync(config, `[gpg]\nformat = ssh\n[user]\nsigningkey = ${key}.pub\nname = a\nemail = a@b\n`);
    return config;
  }

  async function rulesDir(): Promise<string> {
    const dir = join(world.nix.dir, "rules");
    mkdirSync(join(dir, "keys"), { recursive: true });
    const key = await runOk("cat", [join(world.nix.dir, "id.pub")]);
    writeFileSync(join(dir, "keys/me.pub"), key);
    writeFileSync(join(dir, "keys/tagger.pub"), await world.alice.publicKey());
    const text = `format = 1
name = "t"
expires = 2097-01-01T00:00:00Z
[principal.me]
keys = ["keys/me.pub"]
[principal.hello]
keys = ["${author.listed("minisign")}"]
[principal.tagger]
keys = ["keys/tagger.pub"]
[role]
root = { any = 1, of = ["me"] }
[[upstream]]
urls = ["**"]
pinned = true
[[upstream]]
urls = ["mirror://hello/**"]
author = "hello"
handoff = "root"
[[upstream]]
urls = ["${daemon.url(world.people.dir)}/**"]
author = "tagger"
handoff = "root"
`;
    writeFileSync(join(dir, "firstmile.toml"), text);
    return dir;
  }

  async function handoff(files: Record<string, string>, ...args: string[]) {
    await world.commit(files);
    const all = ["handoff", "-f", "default.nix", "-A", "hello", "--policy", rules, "--yes", ...args];
    return world.run(world.program, all, { env });
  }

  const fixed = (hash: string, mode: string) =>
    `outputHashMode = "${mode}"; outputHashAlgo = "sha256"; outputHash = "${hash}";`;

  test("are found, fetched through the evaluation's own mirrors, and handed on; the pinned ones are told", async () => {
    writeFileSync(join(served, "hello-1.0.tar"), SOURCE);
    writeFileSync(join(served, "hello-1.0.tar.minisig"), author.minisig(SOURCE, "hello-1.0.tar"));
    const mirrors = derivationText("mirrors-list", "true", `hello = "http://127.0.0.1:1/ ${at("")}";`);
    const source = derivationText(
      "hello-1.0.tar",
      "exit 1",
      `${fixed(SHA256, "flat")} url = "mirror://hello/hello-1.0.tar"; mirrorsFile = ${mirrors};`,
    );
    const pinned = derivationText(
      "data",
      "exit 1",
      `${fixed("0".repeat(64), "flat")} url = "https://example.org/data";`,
    );
    const text = `{ hello = ${derivationText("hello", "true", `src = ${source}; data = ${pinned};`)}; }`;
    const ended = await handoff({ "default.nix": text });
    expect(ended.stderr + ended.stdout).toContain("1 new");
    expect(ended.stdout).toMatch(/pinned +data/);
    expect(ended.stdout).toContain("by its author hello");
    expect(ended.code).toBe(0);
    const again = await handoff({ "default.nix": `${text}\n` });
    expect(again.stdout).toMatch(/known +hello-1.0.tar/);
    expect(again.code).toBe(0);
  });

  test("of a repository are the tree of its signed tag, and of no other tree", async () => {
    const project = await world.people.repository("project");
    const commit = await project.commit({ files: { "hello.c": "int main;\n", "run.sh": "#!/bin/sh\n" } });
    const tag = (by: Person, how: string, name: string) =>
      runOk("git", ["-C", project.dir, "tag", how, name, "-m", name, commit], {
        env: { ...process.env, ...signingEnv(by, { "user.name": "a", "user.email": "a@example.org" }) },
      });
    await tag(world.alice, "-s", "v1.0");
    await tag(world.bob, "-s", "v1.1");
    await tag(world.bob, "-a", "v1.2");
    const archive = await runOk("git", ["-C", project.dir, "archive", "--prefix=x/", commit]);
    const hash = hexHash((await unpack(archive)).narHash).slice("sha256:".length);
    const url = daemon.url(project.dir);
    const source = (rev: string, own = hash) =>
      derivationText("source", "exit 1", `${fixed(own, "recursive")} url = "${url}"; rev = "${rev}";`);
    const text = (rev: string, own?: string) =>
      `{ hello = ${derivationText("hello", "true", `src = ${source(rev, own)};`)}; }`;
    const byName = await handoff({ "default.nix": text("refs/tags/v1.0") });
    expect(byName.stdout).toContain("over a tag whose tree is the source");
    expect(byName.code).toBe(0);
    const byId = await handoff({ "default.nix": text(commit) }, "--again");
    expect(byId.stdout).toContain("over a tag whose tree is the source");
    const byBob = await handoff({ "default.nix": text("v1.1") }, "--again");
    expect(byBob.stdout).toContain("not-the-author");
    const unsigned = await handoff({ "default.nix": text("v1.2") }, "--again");
    expect(unsigned.code).toBe(1);
    const other = await handoff({ "default.nix": text("v1.0", "1".repeat(64)) }, "--again");
    expect(other.code).toBe(1);
  });
});
