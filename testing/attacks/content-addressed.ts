/**
 * Content-addressed, dynamic and recursive derivations: what is built is another derivation than the one that was
 * admitted, made while Nix builds. The attacker is an ordinary user of the machine, or writes such derivations. What
 * must hold: only what follows from admitted derivations and from outputs built of these is built.
 */
import { readFileSync } from "node:fs";
import { hashDerivationModulo } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { expect } from "vitest";
import { FLOATING } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { Attack, Theme } from "./attack.ts";
import { loud, UserWorld } from "./user-world.ts";

const chain = (tag: string) => `
  ${tag}1 = ${loud(`${tag}1`, FLOATING, `echo one ${tag} > $out`)};
  ${tag}2 = ${loud(`${tag}2`, FLOATING, `read line < \${${tag}1}; echo two $line > $out`)};
  ${tag}3 = ${loud(`${tag}3`, "", `read line < \${${tag}2}; echo three $line > $out`)};`;

/** Writes a derivation, whose builder nobody has evaluated; 2.34 goes on to build that. */
const DYNAMIC = `
  written = derivation {
    name = "inner.drv"; system = "x86_64-linux"; builder = "/bin/sh"; __contentAddressed = true;
    outputHashMode = "text"; outputHashAlgo = "sha256"; args = [ "-c" "read line < \${template}; echo -n \\"$line\\" > $out" ];
  };
  template = builtins.toFile "template" (builtins.unsafeDiscardStringContext (builtins.readFile inner.drvPath));
  inner = ${loud("inner", FLOATING)};
  outer = ${loud("outer", 'inner = builtins.outputOf written.outPath "out";', "read line < $inner; echo $line > $out")};`;

const RECURSIVE = `
  recursive = ${loud(
    "recursive",
    'requiredSystemFeatures = [ "recursive-nix" ]; PATH = "/usr/bin:/bin";',
    'nix-build --no-out-link -E \'derivation { name = "nested"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo RAN$z-nested >&2; echo nested > \\\\$out" ]; }\' > $out',
  )};`;

const FILES = {
  "default.nix": `rec { ${["good", "bad", "mapped", "swap", "other"].map(chain).join("")} ${RECURSIVE} }`,
  "dynamic.nix": `rec { ${DYNAMIC} }`,
};

async function refused(world: UserWorld, name: string, ended: Ended): Promise<void> {
  expect({ well: ended.code === 0, ran: world.ran(name, ended) }).toEqual({ well: false, ran: false });
}

/** The hash under which Nix records what an attribute's derivation came to. */
async function moduloHash(world: UserWorld, attr: string): Promise<string> {
  const { storeDir } = world.gate.nix;
  const derivation = parseDerivation(readFileSync(await world.gate.instantiate(attr)), storeDir);
  const { outputs } = hashDerivationModulo(derivation, attr, () => undefined, true);
  return Buffer.from(outputs.get("out")!).toString("hex");
}

/** The user's cache says that an attribute came to `path`; `nix copy` brings that into the daemon's records. */
async function register(world: UserWorld, attr: string, path: string): Promise<void> {
  const isNew = world.gate.nix.version === "sid";
  const hex = await moduloHash(world, attr);
  const doi = `{"dependentRealisations":{},"id":"sha256:${hex}!out","outPath":"${path.split("/").at(-1)}","signatures":[]}`;
  const script = `drv=$(nix-instantiate -A ${attr}); cache=file://$E/cache-${attr}
    nix copy --to $cache ${path}; nix copy ${isNew ? "" : "--derivation"} --to $cache $drv
    mkdir -p $E/cache-${attr}/realisations; printf %s '${doi}' > "$E/cache-${attr}/realisations/sha256:${hex}!out.doi"
    nix copy --no-check-sigs --from $cache "$drv${isNew ? "^out" : ""}"
    nix realisation info --json "$drv${isNew ? "^out" : ""}"`;
  const ended = await world.user(script);
  expect(ended.stdout).toContain(path.split("/").at(-1));
}

const attacks: readonly Attack<UserWorld>[] = [
  {
    number: 118,
    name: "a path of the user's registered as what an admitted derivation came to",
    held: "An input counts only where this machine's Nix built its path.",
    async run(world) {
      await world.gate.admit("mapped3");
      const evil = await world.user("echo evil > $E/mapped1; nix-store --add $E/mapped1");
      await register(world, "mapped1", evil.stdout.trim());
      await refused(world, "mapped2", await world.user("nix-build -A mapped2 --no-out-link"));
    },
  },
  {
    number: 119,
    name: "a derivation dressed up as the resolution of an admitted one, with an input of the user's",
    held: "The resolution is made again from the admitted derivation, and compared.",
    async run(world) {
      await world.gate.admit("bad3");
      expect(await world.user("nix-build -A bad2 --no-out-link")).toMatchObject({ code: 0 });
      const evil = (await world.user("echo evil > $E/bad2; nix-store --add $E/bad2")).stdout.trim();
      const text = loud("bad3", "", `read line < \${builtins.storePath ${evil}}; echo three $line > $out`);
      await refused(
        world,
        "bad3",
        await world.user(`nix-build --no-out-link ${world.write("bad3.nix", text)}`),
      );
    },
  },
  {
    number: 120,
    name: "the output of another admitted derivation registered as what this one came to",
    held: "An output that was built for another derivation is not this one's.",
    async run(world) {
      for (const attr of ["swap3", "other3"]) await world.gate.admit(attr);
      const other = await world.user("nix-build -A other1 --no-out-link");
      expect(other.code).toBe(0);
      await register(world, "swap1", other.stdout.trim());
      await refused(world, "swap2", await world.user("nix-build -A swap2 --no-out-link"));
    },
  },
  {
    number: 121,
    name: "unsigned words on outputs, asked of the gate's own server",
    held: "The gate hands out no realisations.",
    guard: "local/gate/substituter.ts",
    async run(world) {
      const { url } = world.gate.endpoint;
      const id = await moduloHash(world, "good1");
      for (const path of [
        `realisations/sha256:${id}!out.doi`,
        `realisations/sha256%3A${id}%21out.doi`,
        "build-trace-v2/x.drv/out.doi",
        "log/x.drv",
      ]) {
        const answer = await fetch(`${url}/${path}`);
        expect([path, answer.status]).toEqual([path, 404]);
      }
    },
  },
  {
    number: 122,
    name: "an admitted builder that writes a derivation, which Nix then builds (dynamic-derivations)",
    by: "a permitted writer of a source",
    only: "sid",
    held: "The derivation that was written is in no admission, and the hook refuses it.",
    async run(world) {
      await world.gate.firstmile("admit", "-f", "dynamic.nix", "-A", "outer");
      const ended = await world.user("nix-build dynamic.nix -A outer --no-out-link");
      await refused(world, "inner", ended);
      expect(ended.stdout).toBe("");
    },
  },
  {
    number: 123,
    name: "an admitted builder that asks Nix for a build of its own (recursive-nix)",
    by: "a permitted writer of a source",
    held: "The hook is asked for builds that a build asks for.",
    async run(world) {
      const admitted = await world.gate.firstmile("admit", "-f", "default.nix", "-A", "recursive");
      const ended = await world.user("nix-build -A recursive --no-out-link");
      await refused(world, "nested", ended);
      // It was this that was refused, and not the builder that asked.
      if (admitted.code === 0) expect(world.ran("recursive", ended)).toBe(true);
    },
  },
];

export const contentAddressed: Theme<UserWorld> = {
  title: "Derivations that are made while building",
  by: "an ordinary user of the machine",
  guard: "local/gate/origins.ts",
  open: (version) =>
    UserWorld.open(version, {
      files: FILES,
      conf: {
        "experimental-features": `nix-command flakes ca-derivations recursive-nix${version === "sid" ? " dynamic-derivations" : ""}`,
        "system-features": "recursive-nix",
      },
    }),
  controls: [
    {
      name: "an admitted chain is built for the user",
      async run(world) {
        await world.gate.admit("good3");
        const ended = await world.user("nix-build -A good3 --no-out-link");
        expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("resolved derivation")]);
        expect(readFileSync(ended.stdout.trim(), "utf8")).toBe("three two one good\n");
      },
    },
    {
      name: "without the hook, a derivation that a builder wrote is built",
      only: "sid",
      async run(world) {
        const ended = await world.gate.run("nix-build", [
          "dynamic.nix",
          "-A",
          "outer",
          "--no-out-link",
          "--option",
          "pre-build-hook",
          "",
        ]);
        expect([ended.code, world.ran("inner", ended)]).toEqual([0, true]);
        await world.gate.run("nix-store", ["--gc"]);
      },
    },
  ],
  attacks,
};
