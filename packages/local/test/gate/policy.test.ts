/** Rules that change, run out or cannot be read, while the gate runs: nothing that rested on them holds. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { Gate } from "../../src/gate/gate.ts";
import { gateSocket } from "../../src/gate/socket.ts";

const FILES = {
  "default.nix": `{
    first = ${derivationText("first", "echo first > $out")};
    second = ${derivationText("second", "echo second > $out")};
    fixed = ${derivationText("fixed", "echo fixed > $out", 'outputHashAlgo = "sha256"; outputHash = "sha256-wLUZG/QFSiObxDQYGiCLWUn9k6F0WHJgk/Vf1DLqQr0=";')};
  }`,
};

describe.each(VERSIONS)("rules that change, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("without restart", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES });
      await world.startGate();
      await world.admit("first");
      await world.admit("second");
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("an admission whose signer the rules no longer know is refused; with the signer back it holds", async () => {
      await world.changeRules({ roles: { writer: [world.bob] } });
      const refused = await world.build("first");
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("introduction-not-vouched");
      await world.changeRules({ roles: { writer: [world.alice] } });
      expect((await world.build("first")).code).toBe(0);
    });

    test("rules that cannot be read deny everything, until they can", async () => {
      const pin = join(world.stateDir, "trust/pin.json");
      const text = readFileSync(pin, "utf8");
      for (const broken of [undefined, "", "{", text.replace(/"followed": *"./, '"followed": "!')]) {
        if (broken === undefined) renameSync(pin, `${pin}.away`);
        else writeFileSync(pin, broken);
        const refused = await world.build("second");
        expect([broken, refused.code]).toEqual([broken, 1]);
        expect(refused.stderr).toMatch(/no-policy|policy-invalid/);
        expect((await world.firstmile("admit", "-f", "default.nix", "-A", "first")).code).not.toBe(0);
        if (broken === undefined) renameSync(`${pin}.away`, pin);
        else writeFileSync(pin, text);
      }
      const again = await world.build("second");
      expect(again.stderr).not.toContain("denied");
      expect(again.code).toBe(0);
    });
  });
});

describe.skipIf(missingForNixWorld("host") !== undefined)("time", () => {
  const EXPIRES = 2_000_000_000;
  let world: GateWorld;
  let gate: Gate;
  let now = Math.floor(Date.now() / 1000);

  beforeAll(async () => {
    world = await GateWorld.make({ version: "host", files: FILES, policy: { expires: EXPIRES } });
    await world.startGate();
    await world.admit("first");
    await world.endGate();
    const { storeDir, stateDir, confPath } = world.nix;
    const env = {
      PATH: process.env.PATH,
      NIX_STORE_DIR: storeDir,
      NIX_STATE_DIR: stateDir,
      NIX_LOG_DIR: join(stateDir, "log"),
      NIX_CONF_DIR: dirname(confPath),
      NIX_REMOTE: "local",
    };
    gate = await Gate.create({
      stateDir: world.stateDir,
      port: undefined,
      env,
      clock: () => now,
      log: () => {},
    });
    await gate.start();
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  async function decide(): Promise<string> {
    const drv = await world.instantiate("first");
    return new Promise((resolve, reject) => {
      const asking = request(
        { socketPath: gateSocket(world.stateDir), path: `/build?derivation=${drv}` },
        (response) => {
          let text = "";
          response
            .on("data", (chunk) => (text += chunk))
            .on("end", () => {
              const { allowed, reasons } = JSON.parse(text);
              resolve(allowed ? "allowed" : reasons.find((reason: { ok: boolean }) => !reason.ok).code);
            });
        },
      );
      asking.on("error", reject).end();
    });
  }

  /** What a person reads who asks for an admission: never that the rules lack the source. */
  async function admit(): Promise<string> {
    const { code, stdout } = await world.firstmile("admit", "-f", "default.nix", "-A", "first");
    expect(code).toBe(1);
    expect(stdout).not.toContain("unknown-source");
    return stdout;
  }

  test("from the second that the rules expire nothing is built, and a clock put back does not help", async () => {
    expect(await decide()).toBe("allowed");
    now = EXPIRES - 1;
    expect(await decide()).toBe("allowed");
    now = EXPIRES;
    expect(await decide()).toBe("policy-expired");
    expect(await admit()).toContain("policy-expired");
    now = EXPIRES - 1_000_000;
    const behind = await decide();
    expect(behind).not.toBe("allowed");
    expect(await admit()).toContain(behind);
    expect(existsSync(gateSocket(world.stateDir))).toBe(true);
  });

  test("its endpoint stays the same after a restart, key and port", async () => {
    const before = world.endpoint;
    expect(before.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await gate.stop();
    await world.startGate();
    expect(world.endpoint).toEqual(before);
  });
});

describe.skipIf(missingForNixWorld("host") !== undefined)("local_builds = false", () => {
  test("what is admitted waits for the builders, and fixed outputs do not", async () => {
    await using world = await GateWorld.make({
      version: "host",
      files: FILES,
      policy: {
        roles: { builders: ["b1"] },
        more: `[principal.b1]\nkeys = ["nix:b1-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]\n[output]\nbuilders = "builders"\nlocal_builds = false\n`,
      },
    });
    await world.startGate();
    await world.admit("first");
    await world.admit("fixed");
    const refused = await world.build("first");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("local-builds-off");
    expect((await world.build("fixed")).stderr).not.toContain("local-builds-off");
  });
});
