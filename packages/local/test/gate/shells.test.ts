/** Shells: `nix develop` builds a derivation that no evaluation gives, with a script that Nix brings along. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const SHELL = `derivation { name = "shell"; system = "x86_64-linux"; builder = "/bin/bash"; args = [ "-c" "echo > $out" ]; tool = TOOL; GREETING = "hello"; outputs = [ "out" ]; }`;
const FILES = {
  "flake.nix": `{ outputs = _: let tool = ${derivationText("tool", "echo tool > $out")}; in { devShells.x86_64-linux.default = ${SHELL.replace("TOOL", "tool")}; }; }`,
  "default.nix": `rec { tool = ${derivationText("classictool", "echo tool > $out")}; shell = ${SHELL.replace("TOOL", "tool")}; }`,
};

describe.each(VERSIONS)("shells, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined).each([
    ["without ca-derivations", "nix-command flakes"],
    ["with ca-derivations", "nix-command flakes ca-derivations"],
  ])("%s", (_, features) => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES, conf: { "experimental-features": features } });
      world.nix.configure({ "experimental-features": features });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("nix print-dev-env is refused before, and works after admission", async () => {
      const before = await world.run("nix", ["print-dev-env"]);
      expect([before.code, before.stdout]).toEqual([1, ""]);
      const admitted = await world.firstmile("admit", ".");
      expect([admitted.code, admitted.stdout]).toEqual([1, expect.stringContaining("evaluation-failed")]);
      const developed = await world.firstmile("nix", "develop", "-c", "sh", "-c", "echo $GREETING");
      expect(developed.stderr).toContain("-env.drv");
      expect(developed.stdout).toBe("hello\n");
      const after = await world.run("nix", ["print-dev-env"]);
      expect(after.stdout).toContain("GREETING");
    });

    test("with a script that somebody changed it is refused", async () => {
      const drvs = await world.run("sh", ["-c", `ls ${world.nix.storeDir}/*-shell-env.drv`]);
      const made = drvs.stdout.trim().split("\n")[0]!;
      const script = /"(\/[^"]*-get-env\.sh)"/.exec(readFileSync(made, "utf8"))![1]!;
      const evil = join(world.nix.dir, "get-env.sh");
      await world.run("sh", ["-c", `{ cat ${script}; echo 'touch evil'; } > ${evil}`]);
      const added = (await world.run("nix-store", ["--add", evil])).stdout.trim();
      const tool = `(builtins.getFlake "git+file://${world.checkout}").devShells.x86_64-linux.default.tool`;
      const text = SHELL.replace('"shell"', '"shell-env"')
        .replace(/args = \[[^\]]*\]/, `args = [ (builtins.storePath "${added}") ]`)
        .replace("TOOL", tool);
      const ended = await world.run("nix", ["build", "--impure", "--no-link", "--expr", text]);
      expect(ended.stderr).toContain("not-admitted");
      expect(ended.code).toBe(1);
    });

    test("nix-shell of an admitted derivation works, and builds its inputs by the gate", async () => {
      const args = ["-A", "shell", "--run", "echo $GREETING"];
      const env = { NIX_BUILD_SHELL: "/bin/bash" };
      const before = await world.run("nix-shell", args, { env });
      expect(before.code).toBe(1);
      expect(before.stderr).toContain("not-admitted");
      const ended = await world.run(world.program, ["nix", "nix-shell", ...args], { env });
      expect(ended.stdout).toBe("hello\n");
    });
  });
});
