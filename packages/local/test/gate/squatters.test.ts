/**
 * The program that answers at the gate's port is believed without a signature. So: no user but root can answer there, with the
 * gate up or down, whatever address or namespace they use; and the gate runs whole or not at all.
 */

import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder } from "../../../../testing/src/gate-world-builders.ts";
import { listenLow } from "../../../../testing/src/low-port.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = {
  "default.nix": `{
    one = ${derivationText("one", "echo one > $out")};
    two = ${derivationText("two", "echo two > $out")};
  }`,
};

const NIX_PLACES = ["NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR", "NIX_CONF_DIR", "NIX_REMOTE"];

async function freeLowPort(): Promise<number> {
  const server = createServer();
  const port = await listenLow(server);
  await new Promise((done) => server.close(done));
  return port;
}

/** Serves whatever is asked from a directory, and says so; or says the code of the error. */
const SQUATTER = `
const [, , dir, port, host, reuse] = process.argv;
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
createServer((request, response) => {
  try { response.end(readFileSync(dir + new URL(request.url, "http://x").pathname)); }
  catch { response.writeHead(404).end(); }
}).once("error", ({ code }) => { console.log(code); process.exit(1); })
  .listen({ port: Number(port), host, reusePort: reuse === "reuse" }, () => console.log("listening"));
setTimeout(() => process.exit(0), 4000);
`;

describe.each(VERSIONS)("squatters, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("with the daemon", () => {
    let world: GateWorld;
    let evil: Builder;
    let dir: string;
    const outputs = new Map<string, StorePath>();
    const port = () => Number(new URL(world.endpoint.url).port);
    const program = () => join(world.nix.dir, "squatter.cjs");

    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        multiUser: true,
        files: FILES,
        conf: { "download-attempts": "1" },
      });
      await world.startGate();
      await world.nix.startDaemon();
      evil = await Builder.start("evil", "of-evil");
      for (const name of ["one", "two"]) {
        const drv = parseDerivation(readFileSync(await world.instantiate(name)), world.nix.storeDir);
        const output = drv.outputs.get("out")!;
        if ("path" in output) outputs.set(name, output.path);
        evil.offer({ path: outputs.get(name)!, content: "evil\n", compression: "none", signers: [] });
      }
      dir = join(world.nix.dir, "evil");
      await world.run("mkdir", ["-p", join(dir, "nar")]);
      writeFileSync(join(dir, "nix-cache-info"), `StoreDir: ${world.nix.storeDir}\nPriority: 1\n`);
      for (const [name, bytes] of evil.files) writeFileSync(join(dir, name), bytes);
      writeFileSync(program(), SQUATTER);
    });
    afterAll(async () => {
      await evil?.[Symbol.asyncDispose]();
      await world?.[Symbol.asyncDispose]();
    });

    const squat = (host: string, ...more: string[]) =>
      world.runAsUser(process.execPath, [program(), dir, String(port()), host, ...more]);

    test("control: the program that does answer there is believed, unsigned", async () => {
      await world.endGate();
      const server: Server = createServer((request, response) => {
        const bytes = request.url === "/nix-cache-info" ? "" : evil.files.get(request.url ?? "");
        if (request.url === "/nix-cache-info") response.end(`StoreDir: ${world.nix.storeDir}\n`);
        else if (bytes) response.end(bytes);
        else response.writeHead(404).end();
      });
      await new Promise<void>((done) => server.listen(port(), "127.0.0.1", done));
      const ended = await world.runAsUser("nix-store", ["-r", outputs.get("one")!]);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      expect([ended.stderr, readFileSync(outputs.get("one")!, "utf8")]).toEqual([
        expect.stringContaining("copying path"),
        "evil\n",
      ]);
      await world.startGate();
    });

    test.each(["127.0.0.1", "0.0.0.0", "::", "::1", "127.0.0.2"])(
      "another user cannot listen on %s at its port, with the gate up or down",
      async (host) => {
        for (const more of [[], ["reuse"]])
          expect((await squat(host, ...more)).stdout).toMatch(/EACCES|EADDR/);
        await world.endGate();
        for (const more of [[], ["reuse"]]) expect((await squat(host, ...more)).stdout).toMatch(/EACCES/);
        expect((await world.runAsUser("nix-store", ["-r", outputs.get("two")!])).code).not.toBe(0);
        await world.startGate();
      },
    );

    test("in a network namespace of their own they listen, and reach only themselves", async () => {
      await world.endGate();
      const inside = `
        echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
        "$1" "$2" "$3" "$4" 127.0.0.1 &
        sleep 1; nix-store -r "$5" 2>&1; echo "ended $?"; kill $!`;
      const args = [process.execPath, program(), dir, String(port()), outputs.get("two")!];
      const own = ["--user", "--map-root-user", "--net", "sh", "-c", inside, "sh", ...args];
      const ended = await world.runAsUser("unshare", own);
      expect(ended.stdout).toContain("listening");
      expect(ended.stdout).toMatch(/ended [1-9]/);
      expect(await world.isValid(outputs.get("two")!)).toBe(false);
      await world.startGate();
    });
  });
});

describe.skipIf(missingForNixWorld("host") !== undefined)("the gate's start", () => {
  let world: GateWorld;
  beforeAll(async () => {
    world = await GateWorld.make({ version: "host", files: FILES });
    await world.startGate();
    await world.endGate();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const port = () => Number(new URL(world.endpoint.url).port);
  const start = (...args: string[]) => world.run(world.program, ["gate", ...args], { timeoutMs: 10_000 });
  /** In a network namespace of its own, after a line of shell there. */
  const startAlone = (line: string, ...args: string[]) =>
    world.run("unshare", [
      "--net",
      "sh",
      "-c",
      `${line}; exec timeout 8 "$@"`,
      "sh",
      world.program,
      "gate",
      ...args,
    ]);

  test("a port that is taken ends it with 3, and leaves nothing that answers", async () => {
    const before = readFileSync(join(world.stateDir, "gate/endpoint.json"), "utf8");
    const taken = createServer().listen(port(), "127.0.0.1");
    await sleep(50);
    const ended = await start();
    await new Promise((done) => taken.close(done));
    expect([ended.code, ended.stdout]).toEqual([3, ""]);
    expect(ended.stderr).toContain(`127.0.0.1:${port()} is taken by a program of user 0`);
    expect(existsSync(world.socket)).toBe(false);
    expect(readFileSync(join(world.stateDir, "gate/endpoint.json"), "utf8")).toBe(before);
  });

  test("where its endpoint cannot be written it ends too, with nothing that answers", async () => {
    const inTheWay = join(world.stateDir, "gate/endpoint.json.new");
    mkdirSync(inTheWay);
    const ended = await start();
    rmdirSync(inTheWay);
    expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining("EISDIR")]);
    expect(existsSync(world.socket)).toBe(false);
  });

  test("a port that every user can bind is refused before anything listens", async () => {
    const ended = await start("--port", "17339");
    expect([ended.code, ended.stderr]).toEqual([
      3,
      expect.stringContaining("every user can listen on port 17339"),
    ]);
    expect(existsSync(world.socket)).toBe(false);
  });

  test("where users may bind low ports too, the limit is named", async () => {
    const ended = await startAlone("echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start", "--port", "339");
    expect([ended.code, ended.stderr]).toEqual([
      3,
      expect.stringContaining("ip_unprivileged_port_start is 0"),
    ]);
    expect(ended.stderr).toContain("sysctl -w");
  });

  test("what an older gate left is no reason to stay on its port", async () => {
    const { hookPath, publicKey } = world.endpoint;
    const file = join(world.stateDir, "gate/endpoint.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, JSON.stringify({ hookPath, url: "http://127.0.0.1:17339", publicKey }));
    const ended = await startAlone("true", "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({ url: "http://127.0.0.1:339", trust: "place" });
    expect(ended.stderr).toContain("that of an older gate before: print the lines of nix.conf anew");
    writeFileSync(file, text);
  });

  test("by its key it takes any port, and says so", async () => {
    const ended = await startAlone("true", "--trust", "key", "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({ url: "http://127.0.0.1:17339", trust: "key" });
    expect(ended.stderr).toContain("print the lines of nix.conf anew");
    await startAlone("true", "--port", String(port()));
  });

  test("an ordinary user's gate is trusted by its key, and cannot be by its place", async () => {
    await using own = await GateWorld.make({ version: "host", multiUser: true, files: FILES });
    const { uid } = own.nix.user!;
    const home = join(own.nix.dir, "own");
    mkdirSync(home);
    chownSync(home, uid, uid);
    const env = {
      USER: "worlduser",
      FIRSTMILE_STATE: join(home, "state"),
      NIX_STORE_DIR: join(home, "store"),
      NIX_STATE_DIR: join(home, "var"),
      NIX_LOG_DIR: join(home, "log"),
    };
    const gate = (...args: string[]) =>
      own.runAsUser("timeout", ["12", own.program, "gate", ...args], { env });
    const byKey = await gate("--port", "0", "--json");
    expect(JSON.parse(byKey.stdout)).toMatchObject({ trust: "key" });
    const byPlace = await gate("--trust", "place");
    expect([byPlace.code, byPlace.stderr]).toEqual([3, expect.stringContaining("only root's gate")]);
  });

  describe.skipIf(!existsSync("/usr/bin/systemd-socket-activate"))(
    "with a socket that is handed over",
    () => {
      /** systemd's own program listens, and starts the gate at the first connection. */
      async function activated(listen: readonly string[]) {
        const keep = [...NIX_PLACES, "FIRSTMILE_STATE", "PATH"].flatMap((name) => ["-E", name]);
        const args = [
          ...listen.flatMap((address) => ["-l", address]),
          ...keep,
          world.program,
          "gate",
          "--json",
        ];
        const ending = world.run("timeout", ["8", "systemd-socket-activate", ...args]);
        await sleep(500);
        const [host, port] = listen[0]!.split(":");
        const said = await fetch(`http://${host}:${port}/nix-cache-info`).then(
          (answer) => answer.text(),
          () => "",
        );
        const status = await world.ask("GET", "/status").then(
          ({ body }) => JSON.parse(body),
          () => undefined,
        );
        return { said, status, ended: await ending };
      }

      test("it answers there, whatever port it had before", async () => {
        const at = await freeLowPort();
        const { said, status, ended } = await activated([`127.0.0.1:${at}`]);
        expect(said).toContain(`StoreDir: ${world.nix.storeDir}`);
        expect(status).toMatchObject({ url: `http://127.0.0.1:${at}`, heldBy: "service manager" });
        expect(ended.stderr).toContain("print the lines of nix.conf anew");
      });

      test.each([
        ["on another address", (at: number) => [`127.0.0.2:${at}`], "listens on 127.0.0.2"],
        ["on every address", (at: number) => [`0.0.0.0:${at}`], "listens on 0.0.0.0"],
        ["on a port of every user", () => ["127.0.0.1:17349"], "every user can listen on port 17349"],
        ["beside another", (at: number) => [`127.0.0.1:${at}`, `127.0.0.2:${at}`], "handed over 2 sockets"],
      ])("%s it is refused, and nothing answers", async (_, listen, problem) => {
        const { ended, status } = await activated(listen(await freeLowPort()));
        expect([ended.code, ended.stderr, status]).toEqual([3, expect.stringContaining(problem), undefined]);
      });
    },
  );
});
