/**
 * Content-addressed derivations: the hook is asked about resolved ones, which no evaluation gives. Each is traced to
 * an admitted derivation or refused; and what anybody may write into Nix's records does not help.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashDerivationModulo } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, FLOATING, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const chain = (tag: string) => `
  ${tag}1 = ${derivationText(`${tag}1`, `echo one ${tag} > $out`, FLOATING)};
  ${tag}2 = ${derivationText(`${tag}2`, `read line < \${${tag}1}; echo two $line > $out`, FLOATING)};
  ${tag}3 = ${derivationText(`${tag}3`, `read line < \${${tag}2}; echo three $line > $out`)};`;

const FILES = { "default.nix": `rec { ${chain("good")} ${chain("bad")} ${chain("mapped")} }` };

describe.each(VERSIONS)("content-addressed, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate, one user", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("a chain of floating ones is refused before, and built after it is admitted", async () => {
      expect((await world.build("good3")).code).toBe(1);
      await world.admit("good3");
      const ended = await world.build("good3");
      expect(ended.stderr).toContain("resolved derivation");
      expect(readFileSync(ended.stdout.trim(), "utf8")).toBe("three two one good\n");
    });

    test("a derivation dressed up as the resolution of an admitted one is refused", async () => {
      await world.admit("bad3");
      expect((await world.build("bad1")).code).toBe(0);
      expect((await world.build("bad2")).code).toBe(0);
      const top = parseDerivation(readFileSync(await world.instantiate("bad3")), world.nix.storeDir);
      const evil = await world.run("sh", [
        "-c",
        `echo evil > ${world.nix.dir}/bad2 && nix-store --add ${world.nix.dir}/bad2`,
      ]);
      const script = `read line < ${evil.stdout.trim()}; echo three $line > $out`;
      expect(top.args[1]).toMatch(/^read line < \S+; echo three \$line > \$out$/);
      const text = derivationText(
        "bad3",
        script.replace(evil.stdout.trim(), `\${builtins.storePath ${evil.stdout.trim()}}`),
      );
      const ended = await world.run("nix-build", ["--no-out-link", "-E", text]);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("not-admitted");
      const honest = await world.build("bad3");
      expect(readFileSync(honest.stdout.trim(), "utf8")).toBe("three two one bad\n");
    });

    test("a cache's unsigned word on outputs is not passed on: the gate has no realisations", async () => {
      const { url } = world.endpoint;
      const id = "0".repeat(64);
      for (const path of [
        `realisations/sha256:${id}!out.doi`,
        `realisations/sha256:${id}%21out.doi`,
        `realisations/sha256%3A${id}%21out.doi`,
        "build-trace/x",
        "log/x.drv",
        "debuginfo/x",
      ]) {
        const answer = await fetch(`${url}/${path}`);
        expect([path, answer.status]).toEqual([path, 404]);
        expect(answer.headers.get("x-firstmile-reason")).toContain("not-an-output");
      }
    });
  });

  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate, daemon", () => {
    let world: GateWorld;
    const user = (script: string) =>
      world.runAsUser("sh", ["-ec", script], { cwd: join(world.nix.dir, "mine/pkgs") });

    beforeAll(async () => {
      world = await GateWorld.make({ version, multiUser: true, files: FILES });
      await world.startGate();
      await world.nix.startDaemon();
      await world.endGate();
      await world.startGate();
      mkdirSync(join(world.nix.dir, "mine"));
      await world.clone(join(world.nix.dir, "mine/pkgs"), world.nix.user!.uid);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    /** Nix's daemon takes a realisation from anybody, unsigned: see `register`. */
    test("what a user registered as the output of an admitted derivation is no input of another", async () => {
      await world.admit("mapped3");
      const evil = await user("echo evil > ~/mapped1; nix-store --add ~/mapped1");
      expect(await register(evil.stdout.trim())).toBe(0);
      const ended = await user("nix-build -A mapped2 --no-out-link");
      expect(ended.stderr).toContain("resolved derivation");
      expect(ended.stderr).toContain("failed with exit code 1");
      expect(ended.stdout).toBe("");
    });

    /** The user's cache says that `mapped1` came to `path`; `nix copy` brings that into the daemon's records. */
    async function register(path: string): Promise<number | null> {
      const cache = "file://$HOME/cache";
      const installable = version === "sid" ? "$drv^out" : "$drv";
      const derivation = version === "sid" ? "" : "--derivation";
      const base = path.split("/").at(-1);
      const doi = `{"dependentRealisations":{},"id":"sha256:$hex!out","outPath":"${base}","signatures":[]}`;
      const ended = await user(
        `drv=$(nix-instantiate -A mapped1); hex=${await moduloHash("mapped1")}
        nix copy --to ${cache} ${path}; nix copy ${derivation} --to ${cache} $drv; mkdir -p $HOME/cache/realisations
        printf %s '${doi}' | sed s/[$]hex/$hex/ > "$HOME/cache/realisations/sha256:$hex!out.doi"
        nix copy --no-check-sigs --from ${cache} "${installable}"`,
      );
      const known = await user(
        `nix realisation info --json "$(nix-instantiate -A mapped1)${version === "sid" ? "^out" : ""}"`,
      );
      expect(known.stdout).toContain(base);
      return ended.code;
    }

    /** The hash under which Nix records what a derivation came to. */
    async function moduloHash(attr: string): Promise<string> {
      const derivation = parseDerivation(readFileSync(await world.instantiate(attr)), world.nix.storeDir);
      const { outputs } = hashDerivationModulo(derivation, attr, () => undefined, true);
      return Buffer.from(outputs.get("out")!).toString("hex");
    }

    test("with the honest path recorded, a user's chain is built", async () => {
      const admitted = await user(`${world.program} admit -f default.nix -A good3`);
      expect(admitted.code).toBe(0);
      const ended = await user("nix-build -A good3 --no-out-link");
      expect(existsSync(ended.stdout.trim())).toBe(true);
    });
  });
});
