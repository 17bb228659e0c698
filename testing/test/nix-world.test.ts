import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeNixWorld, missingForNixWorld, type NixVersion, type NixWorld } from "../src/nix-world.ts";

const HELLO = `derivation {
  name = "hello"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo hello > $out" ];
}`;
const VERSIONS: readonly NixVersion[] = ["host", "sid"];

/** A world whose hook writes its argument and the derivation at that path, then ends with `code`. */
function hooked(version: NixVersion, code: number, multiUser: boolean): NixWorld {
  const dir = mkdtempSync(join(tmpdir(), "world-"));
  chmodSync(dir, 0o755);
  const hook = join(dir, "hook");
  writeFileSync(
    hook,
    `#!/bin/sh\necho "$1" >>${dir}/asked\ncat "$1" >>${dir}/read\necho refused >&2\nexit ${code}\n`,
  );
  chmodSync(hook, 0o755);
  writeFileSync(join(dir, "hello.nix"), HELLO);
  return makeNixWorld({ dir, version, multiUser, conf: { "pre-build-hook": hook } });
}

const BUILD = ["--no-out-link", "hello.nix"];

describe.each(VERSIONS)("%s", (version) => {
  const missing = missingForNixWorld(version);

  test.skipIf(missing)(
    "one user: a build runs in the sandbox after the hook has read its derivation",
    async () => {
      await using world = hooked(version, 0, false);
      const built = await world.run("nix-build", BUILD, { cwd: world.dir });
      expect(built.stderr).toContain("refused");
      expect(built.code).toBe(0);
      expect(readFileSync(built.stdout.trim(), "utf8")).toBe("hello\n");
      expect(built.stdout).toContain(world.storeDir);
      expect(readFileSync(join(world.dir, "asked"), "utf8")).toMatch(/-hello\.drv\n$/);
      expect(readFileSync(join(world.dir, "read"), "utf8")).toMatch(/^Derive\(/);
    },
  );

  test.skipIf(missing)("one user: a hook that ends with 1 stops the build", async () => {
    await using world = hooked(version, 1, false);
    const built = await world.run("nix-build", BUILD, { cwd: world.dir });
    expect(built.code).toBe(1);
    expect(built.stderr).toMatch(/program .*hook. failed with exit code 1/);
  });

  test.skipIf(missing)("daemon: an ordinary user builds and cannot do without the hook", async () => {
    await using world = hooked(version, 1, true);
    await world.startDaemon();
    const uid = world.user!.uid;
    const without = ["--option", "pre-build-hook", "", "--option", "sandbox", "false", ...BUILD];
    const refused = await world.runAs(uid, "nix-build", without, { cwd: world.dir });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/program .*hook. failed with exit code 1/);
    expect(refused.stderr).not.toContain("refused\n");
    expect(world.daemonLog()).toContain("refused");

    await world.stop();
    world.configure({ "pre-build-hook": undefined });
    await world.startDaemon();
    const built = await world.runAs(uid, "nix-build", BUILD, { cwd: world.dir });
    expect(built.stderr).toContain("building");
    expect(built.code).toBe(0);
  });

  test.skipIf(missing)("a command over its time is ended, and only it", async () => {
    await using world = hooked(version, 0, false);
    const slow = await world.run("sleep", ["60"], { timeoutMs: 300 });
    expect(slow.code).toBeNull();
    expect((await world.run("nix", ["--version"])).code).toBe(0);
  });
});
