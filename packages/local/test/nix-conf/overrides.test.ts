/**
 * An ordinary user of a daemon under the generated configuration tries each way round, with real builds. The hook
 * refuses everything: a way round is a build that ends well, or one that the hook was not asked for.
 */
import { chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { EnforcedWorld, VERSIONS } from "./enforced-world.ts";

const KEY = "evil-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
const OPTIONS: readonly (readonly [name: string, value: string])[] = [
  ["pre-build-hook", ""],
  ["pre-build-hook", "/bin/true"],
  ["sandbox", "false"],
  ["sandbox", "relaxed"],
  ["build-use-sandbox", "false"],
  ["sandbox-fallback", "true"],
  ["build-hook", "/bin/true"],
  ["builders", "ssh://127.0.0.1 x86_64-linux"],
  ["require-sigs", "false"],
  ["trusted-public-keys", KEY],
  ["trusted-users", "*"],
  ["post-build-hook", "/bin/true"],
  ["secret-key-files", "/nonexistent"],
  ["accept-flake-config", "true"],
  ["extra-experimental-features", "daemon-trust-override"],
];

describe.each(VERSIONS)("%s", (version) => {
  const missing = missingForNixWorld(version);

  test.skipIf(missing)("no option of an ordinary user keeps the hook from being asked", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    await enforced.world.startDaemon();
    const uid = enforced.world.user!.uid;
    for (const [i, [name, value]] of OPTIONS.entries()) {
      const file = enforced.expression(`option-${i}`);
      const built = await enforced.world.runAs(uid, "nix-build", [
        "--no-out-link",
        "--option",
        name,
        value,
        file,
      ]);
      expect(built, `${name} = ${value}`).toMatchObject({ code: 1, stdout: "" });
      expect(enforced.asked().at(-1), `${name} = ${value}`).toContain(`option-${i}.drv`);
    }
    const all = OPTIONS.filter(([name]) => name !== "plugin-files").map(
      ([name, value]) => `${name} = ${value}\n`,
    );
    const env = { NIX_CONFIG: all.join("") };
    const file = enforced.expression("by-variable");
    const built = await enforced.world.runAs(uid, "nix-build", ["--no-out-link", file], { env });
    expect(built).toMatchObject({ code: 1, stdout: "" });
    expect(enforced.asked().at(-1)).toContain("by-variable.drv");
  });

  test.skipIf(missing)(
    "__noChroot and __impure do not escape, whatever features the user names",
    async () => {
      await using enforced = await EnforcedWorld.make(version, true);
      await enforced.world.startDaemon();
      const uid = enforced.world.user!.uid;
      for (const attribute of ["__noChroot", "__impure"]) {
        const file = enforced.expression(`with-${attribute.slice(2)}`, `${attribute} = true;`);
        const options = [
          "--option",
          "sandbox",
          "relaxed",
          "--option",
          "extra-experimental-features",
          "impure-derivations",
        ];
        const built = await enforced.world.runAs(uid, "nix-build", ["--no-out-link", ...options, file]);
        expect(built).toMatchObject({ stdout: "" });
        expect(built.code).not.toBe(0);
        expect(built.stderr).toMatch(/not allowed|impure-derivations. is disabled|failed with exit code 1/);
      }
    },
  );

  test.skipIf(missing)(
    "a cache beside the gate gives an ordinary user nothing, and root everything",
    async () => {
      await using enforced = await EnforcedWorld.make(version, true);
      const { world } = enforced;
      const path = await makeCache(enforced);
      const url = await enforced.serve(join(world.dir, "cache"));
      await world.startDaemon();
      for (const at of [url, `${url}?trusted=1`]) {
        for (const setting of ["substituters", "extra-substituters"]) {
          const options = ["--option", setting, at, "--option", "require-sigs", "false"];
          const got = await world.runAs(world.user!.uid, "nix-store", ["-r", path, ...options]);
          expect(got.code, `${setting} ${at}`).not.toBe(0);
        }
        const copied = await world.runAs(world.user!.uid, "nix", [
          "copy",
          "--no-check-sigs",
          "--from",
          at,
          path,
        ]);
        expect(copied.code, at).not.toBe(0);
        expect(copied.stderr).toMatch(/lacks a (?:valid signature|signature by a trusted key)/);
      }
      expect(existsSync(path)).toBe(false);
      const trusted = await world.run("nix-store", [
        "-r",
        path,
        "--option",
        "substituters",
        `${url}?trusted=1`,
      ]);
      expect(trusted.code).toBe(0);
      expect(existsSync(path)).toBe(true);
    },
  );

  test.skipIf(missing)("what stays open: a store of the user's own", async () => {
    await using enforced = await EnforcedWorld.make(version, true);
    await enforced.world.startDaemon();
    const home = join(enforced.world.dir, "own");
    mkdirSync(home);
    const { uid } = enforced.world.user!;
    chownSync(home, uid, uid);
    const unset = ["NIX_REMOTE", "NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR"].flatMap((name) => [
      "-u",
      name,
    ]);
    // Where 2.34 unpacks: the world's own place is root's.
    const place = version === "sid" ? ["--option", "build-dir", join(home, "b")] : [];
    const options = ["--option", "pre-build-hook", "", "--option", "build-users-group", "", ...place];
    const args = ["--no-out-link", "--store", join(home, "root"), ...options, enforced.expression("own")];
    const env = { USER: "worlduser" };
    const built = await enforced.world.runAs(uid, "env", [...unset, "nix-build", ...args], { env });
    expect(built.stderr).toContain("building");
    expect(built.code).toBe(0);
    expect(enforced.asked()).toEqual([]);
  });
});

/** Builds a path as root without the hook, copies it unsigned into a file cache, and deletes it from the store. */
async function makeCache(enforced: EnforcedWorld): Promise<string> {
  const { world } = enforced;
  enforced.configure({ "pre-build-hook": "" });
  const built = await world.run("nix-build", ["--no-out-link", enforced.expression("cached")]);
  expect(built.code).toBe(0);
  const path = built.stdout.trim();
  const copied = await world.run("nix", ["copy", "--to", `file://${world.dir}/cache`, path]);
  expect(copied.code).toBe(0);
  expect((await world.run("nix-store", ["--delete", path])).code).toBe(0);
  enforced.configure({});
  return path;
}
