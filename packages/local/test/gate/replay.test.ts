/**
 * A user keeps what the gate served while it was allowed. Later it is not: nothing of what they can do brings it into
 * the store. The first test shows that what was kept is good, and that a trusted key would have let it in.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { distrustOf, signedBy, storeTarget } from "../../../../testing/src/world-statements.ts";
import { Kept } from "./kept.ts";

const NAMES = ["control", "honest", "distrusted", "outvoted", "expired"] as const;
const FILES = {
  "default.nix": `rec {
    ${NAMES.map((name) => `${name} = ${derivationText(name, `echo ${name} built here > $out`)};`).join("\n")}
    all = [ ${NAMES.join(" ")} ];
  }`,
};

/** Routes that a trusted key opens. The others fail in any case, or give another path. */
const BY_A_TRUSTED_KEY = [
  "nix copy",
  "nix copy, trusted=1",
  "nix copy, no-check-sigs",
  "nix copy, both",
  "nix copy, require-sigs false",
  "nix copy, the gate's key",
  "nix copy, the gate's key too",
  "nix copy over HTTP",
  "nix copy to the daemon, trusted=1",
  "fetchClosure over HTTP",
];
/** 2.8 does not know the argument. */
const SINCE_2_34 = ["fetchClosure over HTTP, input-addressed"];

describe.each(VERSIONS)("what a user kept, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("with the daemon", () => {
    let world: GateWorld;
    let builders: Builder[];
    let kept: Kept;
    let served: Server;
    const byATrustedKey = version === "sid" ? [...BY_A_TRUSTED_KEY, ...SINCE_2_34] : BY_A_TRUSTED_KEY;
    /** What Nix said to each route, the last time it was walked. */
    const said = new Map<string, string>();
    const outputs = new Map<string, StorePath>();
    const content = (name: string) => `${name} of the builders\n`;
    const out = (name: string) => outputs.get(name)!;
    const address = () => `http://127.0.0.1:${(served.address() as AddressInfo).port}`;

    async function restartDaemon(conf: Record<string, string>): Promise<void> {
      await world.nix.stop();
      world.nix.configure(conf);
      await world.nix.startDaemon();
    }

    beforeAll(async () => {
      builders = await Promise.all(["b1", "b2", "b3"].map((name) => Builder.start(name, `of-${name}`)));
      const roles = { builders: { any: 2, of: ["b1", "b2", "b3"] }, warden: ["bob"] };
      const policy = { roles, more: outputRules(builders) };
      const conf = { "download-attempts": "1" };
      world = await GateWorld.make({ version, multiUser: true, files: FILES, policy, conf });
      await world.startGate();
      for (const name of NAMES) {
        const drv = parseDerivation(readFileSync(await world.instantiate(name)), world.nix.storeDir);
        const output = drv.outputs.get("out")!;
        if ("path" in output) outputs.set(name, output.path);
        for (const builder of builders.slice(0, 2))
          builder.offer({ path: out(name), content: content(name) });
      }
      await world.admit("all");
      kept = new Kept(world);
      for (const name of NAMES) await kept.keep(out(name));
      served = createServer((request, response) => {
        try {
          response.end(readFileSync(join(kept.dir, new URL(request.url!, "http://x").pathname)));
        } catch {
          response.writeHead(404).end();
        }
      });
      await new Promise<void>((done) => served.listen(0, "127.0.0.1", done));
      await world.nix.startDaemon();
    }, 120_000);
    afterAll(async () => {
      served?.close();
      await world?.[Symbol.asyncDispose]();
      for (const builder of builders ?? []) await builder[Symbol.asyncDispose]();
    });

    /** Walks every route; gives those that made the path valid, or printed it. */
    async function routesIn(name: string): Promise<string[]> {
      const came: string[] = [];
      for (const [route, walk] of kept.routes(out(name), content(name), address())) {
        const { stdout, stderr } = await walk();
        said.set(route, stderr);
        if ((await world.isValid(out(name))) || stdout.trim() === out(name)) came.push(route);
        if (await world.isValid(out(name))) await world.run("nix-store", ["--delete", out(name)]);
      }
      return came;
    }

    const keepsOut = async (name: string) => expect(await routesIn(name)).toEqual([]);

    async function distrust(name: string): Promise<void> {
      const words = distrustOf({ targets: [storeTarget(out(name))], because: "it was broken into" });
      await world.carry(await signedBy(words, [world.bob]));
    }

    test("control: with the gate's key trusted, what it now refuses comes in", async () => {
      const { url, publicKey } = world.endpoint;
      await distrust("control");
      await restartDaemon({ substituters: url, "trusted-public-keys": publicKey });
      const came = await routesIn("control");
      await restartDaemon({ substituters: `${url}?trusted=1`, "trusted-public-keys": "" });
      expect(came).toEqual(byATrustedKey);
    });

    test("what is allowed is substituted from the gate, and decided again at the NAR", async () => {
      const ended = await world.runAsUser("nix-store", ["-r", out("honest")]);
      expect(ended.stderr).toContain(`copying path '${out("honest")}' from '${world.endpoint.url}`);
      expect([ended.code, readFileSync(out("honest"), "utf8")]).toEqual([0, content("honest")]);
      expect(world.gateLog()).toContain(`nar     ${out("honest")}: served`);
    });

    test("nix store verify: untrusted here, good without trust, and good for who trusts the gate's key", async () => {
      const verify = (...more: string[]) => world.run("nix", ["store", "verify", out("honest"), ...more]);
      const untrusted = await verify();
      expect([untrusted.code, untrusted.stderr]).toEqual([2, expect.stringContaining("untrusted")]);
      expect((await verify("--no-trust")).code).toBe(0);
      expect((await verify("--option", "trusted-public-keys", world.endpoint.publicKey)).code).toBe(0);
    });

    test("another machine that trusts the gate's key takes it; one that does not refuses it", async () => {
      const to = `file://${world.nix.dir}/carried`;
      expect((await world.run("nix", ["copy", "--to", to, out("honest")])).code).toBe(0);
      const other = (...more: string[]) =>
        world.run("nix", [
          "copy",
          "--from",
          to,
          out("honest"),
          "--to",
          join(world.nix.dir, "other"),
          ...more,
        ]);
      expect((await other()).stderr).toMatch(/lacks a (?:valid signature|signature by)/);
      const trusted = await other("--option", "trusted-public-keys", world.endpoint.publicKey);
      expect([trusted.stderr, trusted.code]).toEqual([expect.not.stringContaining("lacks"), 0]);
    });

    test("after a distrust, and after gate and daemon were started anew", async () => {
      await distrust("distrusted");
      await keepsOut("distrusted");
      for (const route of byATrustedKey)
        expect(said.get(route), route).toMatch(/lacks a (?:valid signature|signature by a trusted key)/);
      await world.endGate();
      await world.startGate();
      await restartDaemon({});
      await keepsOut("distrusted");
    });

    test("after a change of rules", async () => {
      await world.changeRules({ roles: { builders: { any: 2, of: ["b2", "b3"] } } });
      await keepsOut("outvoted");
    });

    test("while the gate is down", async () => {
      await world.endGate();
      await keepsOut("expired");
      await world.startGate();
    });

    test("after the rules expired", async () => {
      const expires = Math.floor(Date.now() / 1000) + 4;
      await world.changeRules({ roles: { builders: { any: 2, of: ["b1", "b2", "b3"] } }, expires });
      await sleep(5000);
      await keepsOut("expired");
      expect((await world.runAsUser("nix-store", ["-r", out("expired")])).code).not.toBe(0);
    });
  });

  test.skipIf(missingForNixWorld(version))(
    "without a daemon: root's store takes it only by root's own word",
    async () => {
      const builders = await Promise.all(["b1", "b2"].map((name) => Builder.start(name, `of-${name}`)));
      const roles = { builders: { any: 2, of: ["b1", "b2"] } };
      const policy = { roles, more: outputRules(builders) };
      await using world = await GateWorld.make({ version, multiUser: true, files: FILES, policy });
      await world.startGate();
      const drv = parseDerivation(readFileSync(await world.instantiate("honest")), world.nix.storeDir);
      const output = drv.outputs.get("out")!;
      if (!("path" in output)) throw new Error("no path");
      for (const builder of builders) builder.offer({ path: output.path, content: "theirs\n" });
      await world.admit("honest");
      const kept = new Kept(world);
      await kept.keep(output.path);
      await world.changeRules({ roles: { writer: [world.bob] } });
      const copy = ["copy", "--from", kept.url, output.path];
      for (const run of [world.run.bind(world), world.runAsUser.bind(world)]) {
        expect((await run("nix", copy)).code).not.toBe(0);
        expect((await run("nix-store", ["-r", output.path])).code).not.toBe(0);
      }
      expect((await world.runAsUser("nix", [...copy, "--no-check-sigs"])).code).not.toBe(0);
      expect(await world.isValid(output.path)).toBe(false);
      expect((await world.run("nix", [...copy, "--no-check-sigs"])).code).toBe(0);
      for (const builder of builders) await builder[Symbol.asyncDispose]();
    },
  );
});
