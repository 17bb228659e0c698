/**
 * Builds without an admission. The attacker is an ordinary user of a machine with Nix's daemon, who writes expressions
 * and derivations of any form. What must hold: no builder runs, and no output gets valid, but of what the gate admitted.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Attack, Theme } from "./attack.ts";
import { forge } from "./forged-derivation.ts";
import { loud, UserWorld } from "./user-world.ts";

const CONTENT = "released\n";
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const FIXED = `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${SHA256}";`;

const FILES = {
  "default.nix": `{ who ? "nobody" }: rec {
    hello = ${loud("hello", "", "echo \\${who} > $out")};
    other = ${loud("other")};
    source = ${loud("source", FIXED, "echo released > $out")};
    shell = derivation { name = "shell"; system = "x86_64-linux"; builder = "/bin/bash"; args = [ "-c" "echo RAN$z-shell >&2; echo > $out" ]; outputs = [ "out" ]; };
  }`,
  "flake.nix": `{ outputs = { self }: let all = import ./default.nix { }; in {
    packages.x86_64-linux = { inherit (all) hello other; default = all.other; };
    devShells.x86_64-linux.default = all.shell;
    apps.x86_64-linux.default = { type = "app"; program = "\${all.other}"; };
    checks.x86_64-linux.other = all.other; }; }`,
};

/** Ended badly, for this reason, and the builder of this name did not run. */
async function refused(
  world: UserWorld,
  name: string,
  line: string,
  because = /not-admitted/,
): Promise<void> {
  const before = world.gate.nix.daemonLog().length;
  const ended = await world.user(line);
  const said = `${ended.stderr}${world.gate.nix.daemonLog().slice(before)}`;
  expect({ line, well: ended.code === 0, ran: said.includes(`RAN-${name}`) }).toEqual({
    line,
    well: false,
    ran: false,
  });
  expect([line, said]).toEqual([line, expect.stringMatching(because)]);
}

const commands = (...lines: readonly string[]) =>
  async function run(world: UserWorld): Promise<void> {
    // 2.8 does not know DRV^out: it asks no hook, since it builds nothing.
    for (const line of lines) await refused(world, "other", line, /not-admitted|\^out' is not a valid URL/);
    expect(await world.gate.isValid((await world.outputOf("other")).out)).toBe(false);
  };

const attacks: readonly Attack<UserWorld>[] = [
  {
    number: 63,
    name: "the classic commands: nix-build, nix-env, nix-shell, nix-store, of a file and of words",
    held: "The hook is asked before every build, whichever command wants it.",
    run: commands(
      "nix-build -A other --no-out-link",
      "nix-env -f default.nix -iA other",
      "nix-store --realise $(nix-instantiate -A other)",
      "nix-shell -A shell --run true 2>&1; nix-build -A other",
      "nix-build --no-out-link -E '(import ./default.nix { }).other'",
    ),
  },
  {
    number: 64,
    name: "the new commands: build, run, shell, develop, profile, flake check, bundle's way by --expr",
    held: "The hook is asked before every build, whichever command wants it.",
    run: commands(
      "nix build --no-link .#other",
      "nix build --no-link -f default.nix other",
      "nix build --no-link --impure --expr '(import ./default.nix { }).other'",
      "nix run .#other",
      "nix run",
      "nix shell .#other -c true",
      "nix profile install --profile $E/profile .#other",
      "nix flake check",
    ),
  },
  {
    number: 65,
    name: "the .drv itself: nix build DRV^out, nix-build DRV, nix-store --realise DRV and DRV!out",
    held: "The hook is given the derivation's path, and no admission has it.",
    run: commands(
      // Without ^out, 2.34 takes the file itself for what is wanted, and builds nothing.
      'nix build --no-link "$(nix-instantiate -A other)^out"',
      "nix-build --no-out-link $(nix-instantiate -A other)",
      "nix-store --realise $(nix-instantiate -A other)",
      'nix-store --realise "$(nix-instantiate -A other)!out"',
    ),
  },
  {
    number: 66,
    name: "an admitted expression with another argument",
    held: "It is another derivation, and no admission has it.",
    async run(world) {
      await refused(world, "hello", "nix-build -A hello --argstr who mallory --no-out-link");
      await refused(world, "hello", "nix-build -A hello --arg who '\"x; wget evil\"' --no-out-link");
    },
  },
  {
    number: 67,
    name: "another builder for an admitted download: the same name, hash and output path",
    held: "The derivation is another; its output path alone proves nothing.",
    async run(world) {
      const { out } = await world.outputOf("source");
      const evil = loud("source", `${FIXED} evil = "1";`, "echo RAN$z-evil >&2; echo released > $out");
      const file = world.write("fixed.nix", evil);
      const drv = (await world.user(`nix-instantiate ${file}`)).stdout.trim();
      const claimed = await world.user(`nix-store --query --outputs ${drv}`);
      expect(claimed.stdout.trim()).toBe(out);
      await refused(world, "evil", `nix-store --realise ${drv}`);
      expect(await world.gate.isValid(out)).toBe(false);
    },
  },
  {
    number: 68,
    name: "a derivation that names the output path of an admitted one as its own",
    held: "Nix computes output paths itself and refuses the derivation; the gate knows it by its own path.",
    async run(world) {
      const { drv, out } = await world.outputOf("hello");
      const forged = await forge(world, drv, (text) => text.replace("-hello >&2", "-forged >&2"));
      const copied = await world.user(`nix copy --derivation --from ${forged.url} ${forged.path}`);
      const built = await world.user(`nix-store --realise ${forged.path}`);
      await forged.end();
      expect(forged.path).not.toBe(drv);
      expect([copied.code === 0, copied.stderr]).toEqual([
        false,
        expect.stringMatching(/incorrect output|should be/),
      ]);
      expect([built.code === 0, world.ran("forged", built)]).toEqual([false, false]);
      expect(await world.gate.isValid(out)).toBe(false);
    },
  },
  {
    number: 69,
    name: "a derivation dressed up as the development shell of an admitted one",
    held: "The shell is made again from the admitted derivation and a script that Nix ships, and compared.",
    guard: "local/gate/origins.ts",
    async run(world) {
      await world.gate.admit("shell");
      const text = `derivation { name = "shell-env"; system = "x86_64-linux"; builder = "/bin/bash"; args = [ (builtins.toFile "get-env.sh" "echo RAN$z-dressed >&2; echo > $out") ]; outputs = [ "out" ]; }`;
      await refused(world, "dressed", `nix-build --no-out-link ${world.write("env.nix", text)}`);
    },
  },
  {
    number: 70,
    name: "builtin builders without an admission: builtin:fetchurl and builtin:buildenv",
    held: "The hook is asked for these too.",
    async run(world) {
      const fetch = `derivation { name = "fetched"; system = "builtin"; builder = "builtin:fetchurl"; url = "file://${world.home}/x"; ${FIXED} }`;
      world.write("x", CONTENT);
      for (const text of [
        fetch,
        fetch.replace("builtin:fetchurl", "builtin:buildenv").replace(FIXED, "derivations = [];"),
        `import <nix/fetchurl.nix> { url = "file://${world.home}/x"; sha256 = "${SHA256}"; }`,
      ]) {
        await refused(world, "builtin", `nix-build --no-out-link ${world.write("builtin.nix", text)}`);
      }
    },
  },
  {
    number: 71,
    name: "an import from a derivation, so that a build happens while the user evaluates",
    held: "The hook is asked for builds of an evaluation too.",
    async run(world) {
      const text = `import (${loud("imported", "", "echo '1' > $out")})`;
      await refused(
        world,
        "imported",
        `nix-instantiate --eval --read-write-mode ${world.write("ifd.nix", text)}`,
      );
    },
  },
  {
    number: 72,
    name: "checks and repairs: --check of what was never built, --repair, --repair-path",
    held: "The hook is asked, and the daemon repairs for root alone.",
    async run(world) {
      for (const line of [
        "nix-build -A other --check --no-out-link",
        "nix-build -A other --repair --no-out-link",
        "nix build --rebuild --no-link .#other",
        "nix-store --realise --repair $(nix-instantiate -A other)",
      ])
        await refused(
          world,
          "other",
          line,
          /not-admitted|are not valid, so checking is not possible|repairing is not allowed/,
        );
    },
  },
  {
    number: 73,
    name: "__noChroot, host paths and variables asked for by the derivation",
    held: "Refused as any other; sandbox = true refuses __noChroot besides.",
    async run(world) {
      for (const more of [
        "__noChroot = true;",
        `__impureHostDeps = [ "${world.home}" ];`,
        'impureEnvVars = [ "HOME" ];',
        "preferLocalBuild = true; allowSubstitutes = false;",
        '__sandboxProfile = "(allow default)";',
      ]) {
        const file = world.write("chroot.nix", loud("escaped", more));
        await refused(
          world,
          "escaped",
          `nix-build --no-out-link --option sandbox relaxed ${file}`,
          /not-admitted|__noChroot|allowed-impure-host-deps/,
        );
      }
    },
  },
  {
    number: 74,
    name: "another system, so that a remote builder or an emulator would build it",
    held: "The machine has no other builder, and takes none from a user.",
    async run(world) {
      const file = world.write("arm.nix", loud("arm").replace("x86_64-linux", "aarch64-linux"));
      const builders =
        "--option builders 'ssh://127.0.0.1 aarch64-linux' --option extra-platforms aarch64-linux";
      await refused(
        world,
        "arm",
        `nix-build --no-out-link ${builders} ${file}`,
        /not-admitted|aarch64-linux/,
      );
    },
  },
];

export const unadmittedBuilds: Theme<UserWorld> = {
  title: "Builds without an admission",
  by: "an ordinary user of the machine",
  guard: "local/gate/decide-build.ts",
  open: (version) => UserWorld.open(version, { files: FILES }),
  controls: [
    {
      name: "what is admitted is built for the user, by old and by new commands",
      async run(world) {
        await world.gate.admit("hello");
        expect((await world.user("nix-build -A hello --no-out-link")).code).toBe(0);
        expect((await world.user("nix build --no-link -f default.nix hello")).code).toBe(0);
        const { out } = await world.outputOf("hello");
        expect(await world.gate.isValid(out)).toBe(true);
        expect(
          world.gate.nix.daemonLog() + (await world.user(`nix-store --read-log ${out}`)).stdout,
        ).toContain("RAN-hello");
        expect((await world.gate.run("nix-store", ["--delete", out])).code).toBe(0);
      },
    },
  ],
  attacks,
};
