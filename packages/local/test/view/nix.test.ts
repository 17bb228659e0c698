/** Evaluations in a view, beside the same ones outside of it and what strace sees of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTree } from "../../src/admission/tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { runMounted } from "../../src/view/mounted.ts";
import { findProgram } from "../../src/view/programs.ts";
import { runTraced } from "../../src/view/traced.ts";
import type { runInView, ViewResult, ViewTree } from "../../src/view/view.ts";
import { makePlace, type Place, VERSIONS } from "../admission/nix-of.ts";
import { enforce, openedPaths, ViewWorld, whyNoMounts } from "./view-world.ts";

const noMounts = await whyNoMounts();
const noTrace = findProgram("strace", process.env.PATH) === undefined;

const FILES = {
  "default.nix": `
    let lib = import ./lib; in {
      package = derivation {
        name = "package"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ ./builder.sh ];
        src = ./src; text = builtins.readFile ./notes/text; link = import ./alias.nix;
        names = builtins.attrNames (builtins.readDir ./listed); there = builtins.pathExists ./unread;
      };
      other = import ./other.nix;
    }`,
  "lib/default.nix": "{ f = import ./f.nix; }",
  "lib/f.nix": "x: x",
  "builder.sh": { mode: 0o100755, content: "#!/bin/sh\n" },
  "src/main.c": "int main;",
  "src/sub/more.c": "",
  "src/link": { mode: 0o120000, content: "main.c" },
  "notes/text": "text",
  "alias.nix": { mode: 0o120000, content: "aliased.nix" },
  "aliased.nix": '"aliased"',
  "listed/one": "1",
  unread: "never",
  "other.nix": "{ }",
};
/** The library is imported but never used. */
const OPENED = ["aliased.nix", "builder.sh", "default.nix", "notes/text", "src/main.c", "src/sub/more.c"];
const LINKS = ["alias.nix", "src/link"];

describe.each(VERSIONS)("evaluating in a view with Nix of %s", (version) => {
  const missing = missingForNixWorld(version) ?? noMounts;
  let place: Place;
  let world: ViewWorld;
  let tree: ViewTree;
  beforeAll(async () => {
    if (missing !== undefined) return;
    place = await makePlace(version);
    world = new ViewWorld();
    tree = { ...world.tree("unused", FILES), at: join(place.dir, "tree") };
  });
  afterAll(async () => {
    world?.[Symbol.dispose]();
    await place?.[Symbol.asyncDispose]();
  });

  const instantiate = (view: typeof runInView, of = tree): Promise<ViewResult> => {
    const { argv, env } = place.nix.words("nix-instantiate", ["-A", "package", join(of.at, "default.nix")], {
      offline: true,
    });
    return view([of], { argv, env, cwd: "/", stdio: { timeoutMs: 60_000, maxBytes: 1 << 20 } });
  };
  const drvOf = ({ code, stdout, stderr }: Pick<ViewResult, "code" | "stdout" | "stderr">) => {
    if (code !== 0) throw new Error(stderr);
    return stdout.toString().trim();
  };

  test.skipIf(missing)("gives the same derivation, and names the files that it rests on", async () => {
    const viewed = await instantiate(runMounted);
    expect(viewed.how).toBe("fuse");
    expect(openedPaths(viewed)).toEqual([...OPENED, ...LINKS].sort());
    expect(
      viewed.record.files.every(({ allowed, process }) => allowed && /nix-instantiate/.test(process)),
    ).toBe(true);
    expect(viewed.record.directories.map(({ path }) => path).sort()).toEqual(["listed", "src", "src/sub"]);

    await write(tree.repository, tree.tree, tree.at);
    const plain = await place.nix.run("nix-instantiate", ["-A", "package", join(tree.at, "default.nix")]);
    expect(drvOf(viewed)).toBe(drvOf(plain));
    expect(existsSync(drvOf(viewed))).toBe(true);
  });

  test.skipIf(missing !== undefined || noTrace)("names the same files as strace does", async () => {
    const viewed = await instantiate(runMounted, { ...tree, at: join(place.dir, "mounted") });
    const traced = await instantiate((trees, command) => runTraced(trees, command, ""), {
      ...tree,
      at: join(place.dir, "traced"),
    });
    const facts = ({ record }: ViewResult) =>
      record.files.map(({ path, mode, id, sha256 }) => `${path} ${mode} ${id} ${sha256}`).sort();
    expect(facts(viewed)).toEqual(facts(traced));
    expect(drvOf(viewed)).toBe(drvOf(traced));
  });

  test.skipIf(missing)("stops at a file that is not allowed, which Nix names", async () => {
    const allowed = Object.fromEntries([...OPENED, ...LINKS].map((path) => [path, "any"] as const));
    const { "src/sub/more.c": _, ...rest } = allowed;
    const { code, stderr, record } = await instantiate(runMounted, {
      ...tree,
      at: join(place.dir, "e"),
      rules: enforce(rest),
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/src\/sub\/more\.c'?: Permission denied/);
    expect(record.files.filter(({ allowed }) => !allowed).map(({ path }) => path)).toEqual([
      "src/sub/more.c",
    ]);
    const all = await instantiate(runMounted, { ...tree, at: join(place.dir, "f"), rules: enforce(allowed) });
    expect(all.code).toBe(0);
  });

  async function write(repository: string, id: ObjectId, dir: string): Promise<void> {
    const git = await neutralGit(repository);
    using objects = new GitObjects(git.env);
    await writeTree(objects, id, dir);
    git.dispose();
  }
});
