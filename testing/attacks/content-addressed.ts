/**
 * Content-addressed, dynamic and recursive derivations: what is built is another derivation than the one that was
 * admitted, made while Nix builds. The attacker is an ordinary user of the machine, or writes such derivations. What
 * must hold: only what follows from admitted derivations and from outputs built of these is built.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { hashDerivationModulo } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { type DrvPath, drvNameOf } from "@firstmile/formats/nix/store-path";
import { expect } from "vitest";
import { FLOATING } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { Attack, Theme } from "./attack.ts";
import { loud, UserWorld } from "./user-world.ts";

const chain = (tag: string) => `
  ${tag}1 = ${loud(`${tag}1`, FLOATING, `echo one ${tag} > $out`)};
  ${tag}2 = ${loud(`${tag}2`, FLOATING, `read line < \${${tag}1}; echo two $line > $out`)};
  ${tag}3 = ${loud(`${tag}3`, "", `read line < \${${tag}2}; echo three $line > $out`)};`;

/** Writes a derivation that no evaluation gave; 2.34 goes on to build it. */
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

/** Two outputs with unlike contents, and a derivation that reads the first. */
const SPLIT = `
  split1 = ${loud("split1", `${FLOATING} outputs = [ "out" "doc" ];`, "echo out > $out; echo doc > $doc")};
  split2 = ${loud("split2", FLOATING, "read line < ${split1}; echo two $line > $out")};`;

/** Its build takes seconds, in which a user can register something. */
const SLOW = `
  slow1 = ${loud("slow1", FLOATING, "i=0; while [ $i -lt 6000000 ]; do i=$((i+1)); done; echo slow > $out")};
  slow2 = ${loud("slow2", FLOATING, "read line < ${slow1}; echo two $line > $out")};`;

const FILES = {
  "default.nix": `rec { ${["good", "bad", "mapped", "swap", "other", "named", "mimic", "washed", "halted"].map(chain).join("")} ${RECURSIVE} ${SPLIT} ${SLOW} }`,
  "dynamic.nix": `rec { ${DYNAMIC} }`,
};

async function refused(world: UserWorld, name: string, ended: Ended): Promise<void> {
  expect({ well: ended.code === 0, ran: world.ran(name, ended) }).toEqual({ well: false, ran: false });
}

/** The hash under which Nix records what a derivation without inputs gave. */
function moduloHash(world: UserWorld, drv: string): string {
  const { storeDir } = world.gate.nix;
  const derivation = parseDerivation(readFileSync(drv), storeDir);
  const { outputs } = hashDerivationModulo(derivation, drvNameOf(drv as DrvPath), () => undefined, true);
  return Buffer.from(outputs.get("out")!).toString("hex");
}

/** The user's cache says that a derivation gave `path`; `nix copy` brings that into the daemon's records. */
async function register(world: UserWorld, drv: string, path: string): Promise<void> {
  const isNew = world.gate.nix.version === "sid";
  const hex = moduloHash(world, drv);
  const doi = `{"dependentRealisations":{},"id":"sha256:${hex}!out","outPath":"${path.split("/").at(-1)}","signatures":[]}`;
  const script = `drv=${drv}; dir=$E/cache-${hex}; cache=file://$dir
    nix copy --to $cache ${path}; nix copy ${isNew ? "" : "--derivation"} --to $cache $drv
    mkdir -p $dir/realisations; printf %s '${doi}' > "$dir/realisations/sha256:${hex}!out.doi"
    nix copy --no-check-sigs --from $cache "$drv${isNew ? "^out" : ""}"
    nix realisation info --json "$drv${isNew ? "^out" : ""}"`;
  const ended = await world.user(script);
  expect(ended.stdout + ended.stderr).toContain(`"outPath":"${path.split("/").at(-1)}"`);
}

/** The same of an attribute. */
async function registerFor(world: UserWorld, attr: string, path: string): Promise<void> {
  await register(world, await world.gate.instantiate(attr), path);
}

/** Adds a file by its content, as an output of that name would have it, with a deriver of the user's. */
async function addWithDeriver(world: UserWorld, name: string, text: string, drv: string): Promise<string> {
  const ended = await world.user(`printf '%s\\n' '${text}' > $E/${name}; dir=$E/derived
    path=$(nix-store --add-fixed --recursive sha256 $E/${name}); nix copy --to file://$dir $path
    for info in $dir/*.narinfo; do sed -i /^Deriver/d $info; echo Deriver: ${drv.split("/").at(-1)} >> $info; done
    nix-store --delete $path >&2; nix copy --no-check-sigs --from file://$dir $path; echo $path`);
  return ended.stdout.trim();
}

const attacks: readonly Attack<UserWorld>[] = [
  {
    number: 118,
    name: "a path of the user's registered as what an admitted derivation came to",
    held: "An input counts only where Nix reported that it built this derivation and got that path.",
    async run(world) {
      await world.gate.admit("mapped3");
      const evil = await world.user("echo evil > $E/mapped1; nix-store --add $E/mapped1");
      await registerFor(world, "mapped1", evil.stdout.trim());
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
    held: "An output that Nix built for another derivation is not this one's.",
    async run(world) {
      for (const attr of ["swap3", "other3"]) await world.gate.admit(attr);
      const other = await world.user("nix-build -A other1 --no-out-link");
      expect(other.code).toBe(0);
      await registerFor(world, "swap1", other.stdout.trim());
      await refused(world, "swap2", await world.user("nix-build -A swap2 --no-out-link"));
    },
  },
  {
    number: 143,
    name: "that output, added before under a deriver of the user's choosing, so that Nix itself names this derivation",
    held: "Nix's post-build hook says what was built of what; the deriver of a path is not asked.",
    async run(world) {
      for (const attr of ["named3", "mimic3"]) await world.gate.admit(attr);
      const drv = await world.gate.instantiate("named1");
      const path = await addWithDeriver(world, "mimic1", "one mimic", drv);
      expect((await world.user("nix-build -A mimic1 --no-out-link")).stdout.trim()).toBe(path);
      expect((await world.user(`nix-store -q --deriver ${path}`)).stdout.trim()).toBe(drv);
      await register(world, drv, path);
      await refused(world, "named2", await world.user("nix-build -A named2 --no-out-link"));
    },
  },
  {
    number: 144,
    name: "an output registered for the resolution of a derivation, so that Nix itself records it for the derivation",
    held: "What Nix takes over from a user's record was not built, and so no hook reported it.",
    async run(world) {
      for (const attr of ["washed3", "other3"]) await world.gate.admit(attr);
      const input = (await world.user("nix-build -A washed1 --no-out-link")).stdout.trim();
      const other = (await world.user("nix-build -A other2 --no-out-link")).stdout.trim();
      const script = `read line < \${builtins.storePath ${input}}; echo two $line > $out`;
      const file = world.write("washed2.nix", loud("washed2", FLOATING, script));
      await register(world, (await world.user(`nix-instantiate ${file}`)).stdout.trim(), other);
      const taken = await world.user("nix-build -A washed2 --no-out-link");
      expect([taken.code, taken.stdout.trim()]).toEqual([0, other]);
      await refused(world, "washed3", await world.user("nix-build -A washed3 --no-out-link"));
    },
  },
  {
    number: 145,
    name: "another output of the same derivation registered as the one that is used",
    only: "sid",
    held: "The name of a path says which output of a derivation it is.",
    async run(world) {
      await world.gate.admit("split2");
      const built = await world.user("nix-build -A split1.doc --no-out-link");
      expect(built.code).toBe(0);
      const out = (await world.user("nix-build -A split1 --no-out-link")).stdout.trim();
      expect((await world.user(`nix-store --delete ${out}`)).code).toBe(0);
      await registerFor(world, "split1", built.stdout.trim());
      await refused(world, "split2", await world.user("nix-build -A split2 --no-out-link"));
    },
  },
  {
    number: 146,
    name: "another output registered after the gate allowed the build and before there is one",
    held: "A build that is allowed has not given anything yet.",
    async run(world) {
      for (const attr of ["halted3", "other3"]) await world.gate.admit(attr);
      const other = await world.user("nix-build -A other1 --no-out-link");
      const drv = await world.gate.instantiate("halted1");
      const { body } = await world.gate.ask("GET", `/build?derivation=${drv}`);
      expect(JSON.parse(body)).toMatchObject({ allowed: true, summary: "allowed" });
      await register(world, drv, other.stdout.trim());
      await refused(world, "halted2", await world.user("nix-build -A halted2 --no-out-link"));
    },
  },
  {
    number: 147,
    name: "another output registered while the build runs",
    held: "Nix takes one record for an output: where a user's came first, it ends the build and reports none.",
    async run(world) {
      for (const attr of ["slow2", "other3"]) await world.gate.admit(attr);
      const other = await world.user("nix-build -A other1 --no-out-link");
      const drv = await world.gate.instantiate("slow1");
      const words = world.write("slow.log", "");
      const building = world.user(`nix-build -A slow1 --no-out-link 2> ${words}`);
      while (!readFileSync(words, "utf8").includes("RAN-slow1")) await sleep(50);
      await register(world, drv, other.stdout.trim());
      await building;
      await refused(world, "slow2", await world.user("nix-build -A slow2 --no-out-link"));
    },
  },
  {
    number: 121,
    name: "unsigned words on outputs, asked of the gate's own server",
    held: "The gate hands out no realisations.",
    guard: "local/gate/substituter.ts",
    async run(world) {
      const { url } = world.gate.endpoint;
      const id = moduloHash(world, await world.gate.instantiate("good1"));
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
