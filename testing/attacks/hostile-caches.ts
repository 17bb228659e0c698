/**
 * Caches and builders that lie. The attacker serves a cache that the rules name, or holds one builder's key where two
 * must agree. What must hold: nothing but what both builders signed gets into the store by the gate, and no file of the
 * machine comes out of it.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { parseContentAddress } from "@firstmile/formats/nix/content-address";
import { renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { hashPartOf } from "@firstmile/formats/nix/store-path";
import { expect } from "vitest";
import type { Offer } from "../src/gate-world-builders.ts";
import type { Attack, Theme } from "./attack.ts";
import { KeptWorld, THEIRS } from "./kept-world.ts";
import { Secret } from "./secret.ts";

const EVIL = "what an attacker made\n";

/** Whatever the user's Nix does now, the path holds what was built here, or nothing. */
async function neverTheirs(world: KeptWorld, name: string): Promise<void> {
  const out = world.path(name);
  const ended = await world.user(`nix-build -A ${name} --no-out-link`);
  const content = (await world.isValid(out)) ? readFileSync(out, "utf8") : "nothing";
  await world.forget(out);
  expect([ended.stderr, content]).toEqual([
    expect.any(String),
    expect.stringMatching(/^(?:built here\n|nothing)$/),
  ]);
}

async function reasonFor(world: KeptWorld, name: string): Promise<readonly [number, string]> {
  const answer = await world.narinfo(name);
  return [answer.status, answer.headers.get("x-firstmile-reason") ?? (await answer.text())];
}

const offer = (world: KeptWorld, name: string, more: Partial<Offer> = {}): Offer => ({
  path: world.path(name),
  content: THEIRS,
  compression: "none",
  ...more,
});

const attacks: readonly Attack<KeptWorld>[] = [
  {
    number: 86,
    name: "one builder of two signs another content",
    held: "Two operators have to agree on hash, size and references.",
    guard: "trust/consensus",
    async run(world) {
      world.builders[0]!.offer(offer(world, "apart"));
      world.builders[1]!.offer(offer(world, "apart", { content: EVIL }));
      const [status, reason] = await reasonFor(world, "apart");
      expect([status, reason]).toEqual([404, expect.stringMatching(/builders-conflict|too-few-builders/)]);
      await neverTheirs(world, "apart");
    },
  },
  {
    number: 87,
    name: "one builder calls its content content-addressed, so that Nix would want no signature",
    held: "The gate gives out a narinfo of its own, without that word.",
    async run(world) {
      const ca = (hash: string) => parseContentAddress(`fixed:r:${hash}`);
      world.builders[0]!.offer(
        offer(world, "claimed", { change: (info) => ({ ...info, ca: ca(info.narHash) }) }),
      );
      expect((await reasonFor(world, "claimed"))[0]).toBe(404);
      await neverTheirs(world, "claimed");
      world.builders[1]!.offer(
        offer(world, "claimed", { change: (info) => ({ ...info, ca: ca(info.narHash) }) }),
      );
      expect((await reasonFor(world, "claimed"))[1]).not.toMatch(/^CA:/m);
    },
  },
  {
    number: 88,
    name: "other bytes behind a narinfo that both builders signed",
    held: "The file's hash is checked while it streams, and Nix checks the NAR's.",
    guard: "local/gate/http/narstream.ts",
    async run(world) {
      const bytes = (nar: Buffer) => Buffer.from(nar.toString("latin1").replace("both", "evil"), "latin1");
      for (const builder of world.builders) builder.offer(offer(world, "swapped", { bytes }));
      expect((await reasonFor(world, "swapped"))[0]).toBe(200);
      await neverTheirs(world, "swapped");
      for (const builder of world.builders) {
        const { url } = builder.offer(offer(world, "swapped"));
        builder.files.set(`/${url}`, Buffer.from("something else"));
      }
      await neverTheirs(world, "swapped");
    },
  },
  {
    number: 89,
    name: "a NAR that goes on for ever, and one that ends too early",
    held: "No more is read than was signed, and what is short is broken off.",
    guard: "local/gate/http/narstream.ts",
    async run(world) {
      for (const builder of world.builders) {
        builder.offer(offer(world, "long"));
        builder.behaviour = (request, response) => {
          if (!request.url?.endsWith(".nar")) return false;
          response.writeHead(200, { "Content-Length": 1 << 30 });
          response.write(Buffer.alloc(1 << 20));
          setTimeout(() => response.destroy(), 500);
          return true;
        };
      }
      await neverTheirs(world, "long");
      for (const builder of world.builders) builder.behaviour = () => false;
    },
  },
  {
    number: 90,
    name: "a narinfo that names another path, or a file outside of its cache",
    held: "A narinfo is read strictly: its path is the one asked for, and its URL stays in the cache.",
    guard: "formats/nix/narinfo.ts",
    async run(world) {
      const key = `/${hashPartOf(world.path("named"))}.narinfo`;
      for (const change of [
        (text: string) => text.replaceAll(/^StorePath: .*$/gm, `StorePath: ${world.path("fine")}`),
        (text: string) => text.replace(/^URL: .*$/m, "URL: ../../gate/key"),
        (text: string) => text.replace(/^URL: .*$/m, "URL: file:///etc/passwd"),
        (text: string) => text.replace(/^URL: .*$/m, "URL: http://127.0.0.1:1/x.nar"),
        (text: string) => `${text}StorePath: ${world.path("fine")}\n`,
      ]) {
        for (const builder of world.builders) {
          const info = builder.offer(offer(world, "named"));
          builder.files.set(key, Buffer.from(change(renderNarInfo(info))));
        }
        const [status, reason] = await reasonFor(world, "named");
        expect([status, reason]).toEqual([
          404,
          expect.stringMatching(/narinfo-invalid|no-builder-answered|too-few-builders/),
        ]);
      }
      await neverTheirs(world, "named");
    },
  },
  {
    number: 91,
    name: "a cache that sends the gate on to a file, or to another service of this machine",
    held: "Redirects lead to http and https alone, and the bytes must be those of the hash.",
    guard: "local/gate/http/outgoing.ts",
    async run(world) {
      const secret = new Secret(join(world.machine.gate.nix.dir, "passwords"));
      for (const location of [`file://${secret.file}`, `${world.machine.gate.endpoint.url}/nix-cache-info`]) {
        for (const builder of world.builders) {
          builder.offer(offer(world, "outside"));
          builder.behaviour = (request, response) =>
            request.url?.endsWith(".nar") === true &&
            response.writeHead(302, { Location: location }).end() !== undefined;
        }
        await neverTheirs(world, "outside");
      }
      for (const builder of world.builders) builder.behaviour = () => false;
      expect(await secret.found([world.machine.gate.nix.dir], world.machine.gate.gateLog())).toEqual([]);
    },
  },
  {
    number: 92,
    name: "a link in a cache's directory that leads to a file of root's",
    by: "a user who may write a directory that the rules name as a cache",
    held: "No link is followed out of the directory, so that nothing of the file is handed out.",
    guard: "local/gate/http/outgoing.ts",
    async run(world) {
      const secret = new Secret(join(world.machine.gate.nix.dir, "linked"));
      const [one, two] = world.builders;
      const info = one!.offer(
        offer(world, "linked", { content: randomBytes(4 << 20), compression: "xz", signers: [one!, two!] }),
      );
      one!.files.clear();
      const { fileHash: _, fileSize: __, ...open } = info;
      const shown = { ...open, url: "nar/it.nar", fileHash: undefined, fileSize: undefined };
      const put = (name: string, text: string) => writeFileSync(join(world.folder, name), text);
      put("nix-cache-info", world.cacheInfo);
      put(`${hashPartOf(info.storePath)}.narinfo`, renderNarInfo(shown));
      symlinkSync(secret.dir, join(world.folder, "nar"));
      // Large, so that the gate has to hand it on before it has seen the whole.
      writeFileSync(join(secret.dir, "it.nar"), secret.marker.repeat(150_000), { mode: 0o600 });
      const answer = await world.narinfo("linked");
      const url = /^URL: (.*)$/m.exec(await answer.text())?.[1];
      expect([answer.status, url]).toEqual([200, expect.any(String)]);
      const body = await world.user(`curl --silent ${world.machine.gate.endpoint.url}/${url} || true`);
      expect(secret.isIn(body.stdout)).toBe(false);
      expect(await secret.found([world.machine.gate.nix.dir], body.stdout.slice(0, 1000))).toEqual([]);
    },
  },
  {
    number: 93,
    name: "addresses of the gate's own server that climb out of it",
    by: "an ordinary user of the machine",
    held: "It answers addresses of one form, and reads no file by an address.",
    guard: "local/gate/http",
    async run(world) {
      const { gate } = world.machine;
      const key = readFileSync(join(gate.stateDir, "gate/key"), "utf8").trim();
      const { port } = new URL(gate.endpoint.url);
      for (const path of [
        "/../key",
        "/nar/../../key",
        "/nar/%2e%2e/%2e%2e/key",
        "/source/pkgs/../../../key.tar.gz",
        "/source/..%2f..%2fkey/channel.tar.gz",
        `//${gate.stateDir}/gate/key`,
        `file://${gate.stateDir}/gate/key`,
        "/realisations/../key",
        "/log/../key",
      ]) {
        const said = await raw(
          Number(port),
          `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
        );
        expect([path, said.slice(9, 12), said.includes(key)]).toEqual([
          path,
          expect.stringMatching(/40\d/),
          false,
        ]);
      }
    },
  },
];

/** Bytes to a port of the loopback; what comes back until it is closed. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket
      .on("data", (chunk) => (said += chunk))
      .on("close", () => resolve(said))
      .on("error", () => {});
  });
}

export const hostileCaches: Theme<KeptWorld> = {
  title: "Caches and builders that lie",
  by: "a binary cache of the rules, or fewer builders than must agree",
  guard: "local/gate/decide-output.ts",
  open: (version) => KeptWorld.open(version),
  controls: [
    {
      name: "what both builders signed and serve is substituted",
      async run(world) {
        world.offerAll("fine");
        const ended = await world.user("nix-build -A fine --no-out-link");
        expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("copying path")]);
        expect(readFileSync(world.path("fine"), "utf8")).toBe(THEIRS);
      },
    },
  ],
  attacks,
};
