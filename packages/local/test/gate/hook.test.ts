/** The pre-build hook on stock Nix, one user: nothing is built that was not admitted, whatever happens to the gate. */
import { existsSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = {
  "default.nix": `{
    hello = ${derivationText("hello", "echo hello > $out")};
    other = ${derivationText("other", "echo other > $out")};
    later = ${derivationText("later", "echo later > $out")};
    asked = ${derivationText("asked", "echo asked > $out")};
    many = builtins.genList (i: derivation { name = "many-\${toString i}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo \${toString i} > $out" ]; }) 200;
  }`,
};

describe.each(VERSIONS)("hook, one user, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("what was not admitted is not built, and the refusal says what to do", async () => {
      const ended = await world.build("hello");
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("not-admitted");
      expect(ended.stderr).toContain("firstmile why");
      expect(ended.stdout).toBe("");
      expect((await world.firstmile("why", "--last")).stdout).toContain("no admitted evaluation gives");
    });

    test("admitted, it is built; its neighbour in the same file is not", async () => {
      await world.admit("hello");
      const ended = await world.build("hello");
      expect(ended.stderr).toContain("building");
      expect(ended.code).toBe(0);
      expect((await world.build("other")).code).toBe(1);
    });

    test("an environment that has Node.js load something does not answer for the gate", async () => {
      const preload = join(world.nix.dir, "yes.cjs");
      await world.run("sh", ["-c", `echo 'process.exit(0)' > ${preload}`]);
      const env = { NODE_OPTIONS: `--require=${preload}` };
      const ended = await world.run("nix-build", ["-A", "other", "--no-out-link"], { env });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("not-admitted");
    });

    test("of a changed file nothing is admitted", async () => {
      await world.run("sh", ["-c", "echo '# more' >> default.nix"]);
      const ended = await world.firstmile("admit", "-f", "default.nix", "-A", "hello");
      await world.run("git", ["checkout", "-q", "default.nix"]);
      expect(ended.code).toBe(1);
      expect(ended.stdout).toContain("dirty-tree");
    });

    test("a commit that a stranger signed is not admitted, and neither is what it gives", async () => {
      const text = `{ hello = ${derivationText("hello", "echo changed > $out")}; }`;
      const before = world.source.tip();
      await world.commit({ "default.nix": text }, world.bob);
      const ended = await world.firstmile("admit", "-f", "default.nix", "-A", "hello");
      expect(ended.code).toBe(1);
      expect(ended.stdout).toContain("bob");
      expect((await world.build("hello")).code).toBe(1);
      world.source.move("main", before);
      await world.run("git", ["reset", "-q", "--hard", before]);
    });

    test("without the gate nothing is built, with it again what was admitted is", async () => {
      await world.admit("later");
      const { url, publicKey } = world.endpoint;
      await world.endGate();
      const without = await world.build("later", "--option", "substitute", "false");
      expect(without.code).toBe(1);
      expect(without.stderr).toContain("nothing is built without it");
      await world.startGate();
      expect(world.endpoint).toMatchObject({ url, publicKey });
      expect((await world.build("later")).code).toBe(0);
    });

    test("killed, it takes over its stale socket and still knows what it confirmed", async () => {
      await world.admit("other");
      await world.endGate("SIGKILL");
      expect(existsSync(world.socket)).toBe(true);
      await world.startGate();
      expect((await world.build("other")).code).toBe(0);
    });

    test("killed while it admits, it confirmed all of an admission or nothing of it", async () => {
      const asking = world.firstmile("admit", "-f", "default.nix", "-A", "many");
      const before = (await world.ask("GET", "/status")).body;
      await sleep(400);
      await world.endGate("SIGKILL");
      const { code } = await asking;
      await world.startGate();
      const { derivations: known } = JSON.parse((await world.ask("GET", "/status")).body);
      expect(known - JSON.parse(before).derivations).toBe(code === 0 ? 200 : 0);
    });

    test("stopped while the hook waits, and then killed: no build", async () => {
      process.kill(world.pid, "SIGSTOP");
      await world.run("sh", ["-c", "true"]);
      const building = world.build("asked", "--option", "substitute", "false");
      await sleep(700);
      await world.endGate("SIGKILL");
      const { code, stdout } = await building;
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      await world.startGate();
    });

    test("a second gate on the same state is refused, and does the first no harm", async () => {
      const second = await world.secondGate();
      expect(second.code).toBe(3);
      expect(second.stderr).toContain("running already");
      expect((await world.build("other")).code).toBe(0);
      expect(JSON.parse((await world.ask("GET", "/status")).body).publicKey).toBe(world.endpoint.publicKey);
    });

    test("nonsense for the hook is refused", async () => {
      const link = join(world.nix.dir, "store/0c2ch3lgczzbzrcnvkgrjawarcs4h9nb-link.drv");
      const admitted = await world.instantiate("hello");
      symlinkSync(admitted, link);
      const asked = [
        [],
        [""],
        ["nonsense"],
        ["/etc/passwd"],
        ["/etc/passwd.drv"],
        [`${world.nix.storeDir}/../store/${admitted.split("/").at(-1)}`],
        [`${admitted}/`],
        [`${admitted}\n`],
        [`${admitted}&derivation=x`],
        [admitted.replace(world.nix.storeDir, "/nix/store")],
        [`${world.nix.storeDir}/0c2ch3lgczzbzrcnvkgrjawarcs4h9nb-gone.drv`],
        [`${world.nix.storeDir}/0c2ch3lgczzbzrcnvkgrjawarcs4h9nb-gone`],
        [link],
        ["--help"],
        ["x".repeat(100_000)],
      ];
      for (const args of asked)
        expect([args, (await world.run(world.endpoint.hookPath, args)).code]).toEqual([args, 1]);
      expect((await world.run(world.endpoint.hookPath, [admitted, "/somewhere"])).code).toBe(0);
      rmSync(link);
    });

    test("its key is its own, and its endpoint everybody's", () => {
      const dir = join(world.stateDir, "gate");
      expect(statSync(join(dir, "key")).mode & 0o777).toBe(0o600);
      expect(statSync(join(dir, "endpoint.json")).mode & 0o777).toBe(0o644);
      expect(readFileSync(join(dir, "endpoint.json"), "utf8")).not.toContain(
        readFileSync(join(dir, "key"), "utf8").trim(),
      );
    });
  });
});
