import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { readGateEndpoint } from "../../src/nix-conf/endpoint.ts";
import { examine } from "../../src/nix-conf/examine.ts";
import type { Finding } from "../../src/nix-conf/facts.ts";
import { gatherFacts } from "../../src/nix-conf/gather.ts";
import { EnforcedWorld, VERSIONS } from "./enforced-world.ts";

async function examined(enforced: EnforcedWorld, tryBuild = false): Promise<Finding[]> {
  const { commands: run, env, stateDir } = enforced;
  const facts = await gatherFacts({ env, stateDir, now: 1_800_000_000, uid: 0, tryBuild, run });
  // Which services of this machine may bind low ports is not the world's.
  return examine(facts!).filter(({ setting }) => setting !== "low ports");
}

function open(findings: readonly Finding[]): string[] {
  return findings.filter(({ state }) => state === "open").map(({ setting }) => setting);
}

function stateOf(findings: readonly Finding[], setting: string): string | undefined {
  return findings.find((finding) => finding.setting === setting)?.state;
}

/** The world's builds take their shell from the machine, and nobody runs a gate or pins rules here. */
const OF_THE_WORLD = ["sandbox-paths", "gate socket", "trust repository"];

describe.each(VERSIONS)("%s", (version) => {
  const missing = missingForNixWorld(version);

  test.skipIf(missing)("one user: the generated lines leave open what needs the gate", async () => {
    await using enforced = await EnforcedWorld.make(version, false);
    const findings = await examined(enforced, true);
    expect(open(findings)).toEqual(OF_THE_WORLD);
    expect(findings.filter(({ state }) => state === "unknown")).toEqual([]);
    expect(stateOf(findings, "a build that nobody admitted")).toBe("closed");
    expect(enforced.asked()).toHaveLength(1);
  });

  test.skipIf(missing)("Nix knows every setting that is printed for its version", async () => {
    await using enforced = await EnforcedWorld.make(version, false);
    const ended = await enforced.world.run("nix-instantiate", ["--eval", "-E", "1"]);
    expect(ended).toMatchObject({ code: 0, stdout: "1\n", stderr: "" });
  });

  test.skipIf(missing)("lines before the generated ones lose, extra- lines after them are seen", async () => {
    await using enforced = await EnforcedWorld.make(version, false);
    const { confPath } = enforced.world;
    const conf = readFileSync(confPath, "utf8");
    const before =
      "extra-substituters = http://evil.example\nextra-trusted-users = alice\nsandbox = relaxed\n";
    writeFileSync(confPath, before + conf);
    expect(open(await examined(enforced))).toEqual(OF_THE_WORLD);
    writeFileSync(join(enforced.world.dir, "more.conf"), before);
    writeFileSync(confPath, `${conf}\ninclude ${enforced.world.dir}/more.conf\n`);
    expect(open(await examined(enforced))).toEqual([
      "substituters",
      "sandbox",
      "trusted-users",
      ...OF_THE_WORLD,
    ]);
  });

  test.skipIf(missing)("without sandbox, --try builds, and says so", async () => {
    await using enforced = await EnforcedWorld.make(version, false);
    enforced.configure({ sandbox: "false" });
    const findings = await examined(enforced, true);
    expect(open(findings)).toEqual(["sandbox", ...OF_THE_WORLD, "a build that nobody admitted"]);
    expect(enforced.asked()).toEqual([]);
  });

  test.skipIf(missing)("daemon: its own configuration is read, and root's besides", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    await enforced.world.startDaemon();
    const findings = await examined(enforced);
    expect(open(findings)).toEqual(["sandbox-paths", ...OF_THE_WORLD]);
    expect(stateOf(findings, "nix-daemon")).toBe("closed");

    const home = join(enforced.world.dir, "home/.config/nix");
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "nix.conf"), "sandbox = false\n");
    const after = await examined(enforced);
    expect(after.find(({ setting }) => setting === "sandbox")?.found).toContain("this user's settings");
  });

  test.skipIf(missing)("daemon: a proxy in its environment answers in place of the gate", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    const { world } = enforced;
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(404).end();
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    const http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const path = join(world.storeDir, "0c2ch3lgczzbzrcnvkgrjawarcs4h9nb-x");
    const realise = () => world.runAs(world.user!.uid, "nix-store", ["-r", path]);
    try {
      await world.startDaemon({ http_proxy });
      await realise();
      expect(asked.length).toBeGreaterThan(0);
      expect(open(await examined(enforced))).toContain("way to the gate");
      await world.stop();
      asked.length = 0;
      await world.startDaemon({ http_proxy, no_proxy: "127.0.0.1" });
      await realise();
      expect(asked).toEqual([]);
      expect(stateOf(await examined(enforced), "way to the gate")).toBe("closed");
    } finally {
      proxy.close();
    }
  });

  test.skipIf(missing)("daemon: one whose store asks for no signatures", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    await enforced.world.startDaemon({ NIX_REMOTE: "local?require-sigs=false" });
    expect(open(await examined(enforced))).toContain("store");
  });

  test.skipIf(missing)(
    "lines of before, with the gate's key trusted, are open with the new ones",
    async () => {
      await using enforced = await EnforcedWorld.make(version, false);
      const { url, publicKey } = readGateEndpoint(enforced.stateDir)!;
      enforced.configure({ substituters: url, "trusted-public-keys": publicKey });
      const lines = (await examined(enforced))
        .filter(({ state }) => state === "open")
        .map(({ line }) => line);
      expect(lines).toContain(`substituters = ${url}?trusted=1`);
      expect(lines).toContain("trusted-public-keys =");
    },
  );

  test.skipIf(missing)("daemon: one that is older than nix.conf still has the old one", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    await enforced.world.startDaemon();
    const later = Date.now() / 1000 + 60;
    utimesSync(enforced.world.confPath, later, later);
    expect(open(await examined(enforced))).toContain("nix-daemon");
  });
});

test.skipIf(missingForNixWorld("sid"))(
  "an external builder builds without the hook, and doctor says so",
  async () => {
    await using enforced = await EnforcedWorld.make("sid", false);
    const program = join(enforced.world.dir, "builder");
    const script = `printf '\\002\\n' >&2; echo unasked > "$(sed 's/.*"outputs":{"out":"\\([^"]*\\)".*/\\1/' "$1")"`;
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    enforced.configure({
      "experimental-features": "nix-command flakes external-builders",
      "external-builders": JSON.stringify([{ systems: ["x86_64-linux"], program, args: [] }]),
    });
    const built = await enforced.world.run("nix-build", ["--no-out-link", enforced.expression("external")]);
    expect(built.stderr).not.toContain("error");
    expect(readFileSync(built.stdout.trim(), "utf8")).toBe("unasked\n");
    expect(enforced.asked()).toEqual([]);
    expect(open(await examined(enforced))).toEqual([
      "external-builders",
      "sandbox-paths",
      "experimental-features",
      ...OF_THE_WORLD.slice(1),
    ]);
  },
);
