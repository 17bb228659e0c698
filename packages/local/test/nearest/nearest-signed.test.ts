/** The nearest signed file in real repositories: what is found, what is told, what is remembered, and what is gone. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashObject } from "@firstmile/formats/git/object-id";
import { edited, packageText, seeded } from "@firstmile/testing/package-text";
import { makeWorld, type World, type WorldRepository } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { type CoveredBlob, NearestSigned } from "../../src/nearest/nearest-signed.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const random = seeded(5);
const TEXTS = Array.from({ length: 60 }, () => packageText(random));

function coveredBlob(content: string | Uint8Array, path: string, format: "sha1" | "sha256"): CoveredBlob {
  const bytes = Buffer.from(content);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { id: hashObject("blob", bytes, format), sha256, path, by: ["alice"], rev: "a".repeat(40) };
}

async function withTexts(name: string, format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository(name, format);
  const files = Object.fromEntries(TEXTS.map((text, i) => [`pkgs/${i}.nix`, text]));
  await repository.commit({ files });
  const covered = TEXTS.map((text, i) => coveredBlob(text, `pkgs/${i}.nix`, format));
  return { repository, covered };
}

async function withNearest<T>(
  repository: WorldRepository,
  covered: readonly CoveredBlob[],
  use: (nearest: NearestSigned) => Promise<T>,
  stateDir?: string,
): Promise<T> {
  const git = await neutralGit(repository.dir);
  try {
    using objects = new GitObjects(git.env);
    return await use(await NearestSigned.open({ objects, covered, stateDir }));
  } finally {
    git.dispose();
  }
}

const looseFile = ({ dir }: WorldRepository, id: string) => join(dir, "objects", id.slice(0, 2), id.slice(2));

describe.each(["sha1", "sha256"] as const)("in a repository of %s", (format) => {
  test("an edited file is told with its ancestor, who read it, and what differs", async () => {
    const { repository, covered } = await withTexts(`edited-${format}`, format);
    await withNearest(repository, covered, async (nearest) => {
      const content = Buffer.from(TEXTS[7]!.replace("meta = {", 'evil\u202e = "\u001b[2J";\n  meta = {'));
      const found = await nearest.nearestTo({ path: "pkgs/other.nix", content });
      expect(found.standing.kind).toBe("covered");
      expect(found.signed).toMatchObject({ path: "pkgs/7.nix", by: ["alice"] });
      expect(found.text).toMatch(
        /^not signed; 9\d % of its lines equal pkgs\/7\.nix, which alice read \(rev a{12}\); 1 hunk differs$/,
      );
      expect(found.hunks[0]).toMatch(/^@@ -\d+,\d+ \+\d+,\d+ @@$/);
      expect(found.hunks.filter((line) => line.startsWith("+"))).toEqual(['+  evil\\u{202e} = "\\x1b[2J";']);
      expect(found.gone).toEqual([]);
    });
  });
});

test("a file of the repository is read and compared; one that is not there has no answer", async () => {
  const { repository, covered } = await withTexts("of-repository");
  const text = edited(TEXTS[3]!, 3, random);
  await repository.commit({ files: { "new.nix": text } });
  await withNearest(repository, covered, async (nearest) => {
    const file = coveredBlob(text, "new.nix", "sha1");
    expect((await nearest.nearestSigned(file))?.signed?.path).toBe("pkgs/3.nix");
    expect(await nearest.nearestSigned({ ...file, sha256: "0".repeat(64) })).toBeUndefined();
    const given = await nearest.nearestSigned(file, { exact: covered[0] });
    expect(given).toMatchObject({ signed: covered[0], standing: { kind: "exact" }, hunks: [] });
  });
});

test("what is like no signed file, and nothing signed at all", async () => {
  const { repository, covered } = await withTexts("unlike");
  const content = Buffer.from("int main(void) { return 0; }\n");
  for (const some of [covered, []]) {
    await withNearest(repository, some, async (nearest) => {
      expect(await nearest.nearestTo({ path: "main.c", content })).toMatchObject({
        signed: undefined,
        standing: { kind: "unknown" },
        hunks: [],
      });
    });
  }
});

describe("signed content that cannot be read", () => {
  test("a review of what was never here is told, and finds nothing", async () => {
    const { repository, covered } = await withTexts("never");
    const never = coveredBlob("never in this repository\n", "gone.nix", "sha1");
    await withNearest(repository, [...covered, never], async (nearest) => {
      expect(nearest.unreadable).toEqual([{ blob: never, why: "gone" }]);
    });
  });

  test("a review of content that is no longer there is told where it was like the file", async () => {
    const { repository, covered } = await withTexts("gone");
    const state = mkdtempSync(join(tmpdir(), "nearest-"));
    await withNearest(repository, covered, async () => {}, state);
    rmSync(looseFile(repository, covered[9]!.id));
    await withNearest(
      repository,
      covered,
      async (nearest) => {
        const content = Buffer.from(edited(TEXTS[9]!, 2, random));
        const found = await nearest.nearestTo({ path: "pkgs/9.nix", content });
        expect(found.gone).toMatchObject([{ path: "pkgs/9.nix" }]);
        expect(found.text).toContain(
          "also like it was pkgs/9.nix, which alice read (rev aaaaaaaaaaaa), a review of content that is no longer there",
        );
      },
      state,
    );
    rmSync(state, { recursive: true });
  });

  test("other bytes than were signed are not shown as signed", async () => {
    const { repository, covered } = await withTexts("swapped");
    // The database answers with another file's bytes; and a statement names one file's id and another's digest.
    writeFileSync(looseFile(repository, covered[1]!.id), readFileSync(looseFile(repository, covered[2]!.id)));
    const mixed = { ...covered[4]!, id: covered[5]!.id };
    await withNearest(repository, [covered[1]!, mixed], async (nearest) => {
      expect(nearest.unreadable.map(({ why }) => why)).toEqual(["other-content", "other-content"]);
      const found = await nearest.nearestTo({ path: "a", content: Buffer.from(TEXTS[1]!) });
      expect(found.standing.kind).toBe("unknown");
    });
  });

  test("a tree under a blob's name is none", async () => {
    const repository = await world.repository("tree-for-blob");
    const commit = await repository.commit({ files: { a: "a\n" } });
    const named = { ...coveredBlob("a\n", "a", "sha1"), id: commit };
    await withNearest(repository, [named], async (nearest) => {
      expect(nearest.unreadable).toEqual([{ blob: named, why: "other-content" }]);
    });
  });
});

describe("what is remembered", () => {
  async function remembered(name: string, damage: (file: string) => void) {
    const { repository, covered } = await withTexts(name);
    const state = mkdtempSync(join(tmpdir(), "nearest-"));
    await withNearest(repository, covered, async () => {}, state);
    const [file] = readdirSync(join(state, "nearest"));
    const path = join(state, "nearest", file!);
    const written = readFileSync(path);
    damage(path);
    const content = Buffer.from(edited(TEXTS[20]!, 1, random));
    const find = (nearest: NearestSigned) => nearest.nearestTo({ path: "a", content });
    const found = await withNearest(repository, covered, find, state);
    const left = { names: readdirSync(join(state, "nearest")), bytes: readFileSync(path), written };
    rmSync(state, { recursive: true });
    return { found, left };
  }

  test.each([
    ["nothing", () => {}],
    ["a byte", (file: string) => writeFileSync(file, readFileSync(file).fill(1, 5000, 5001))],
    ["its end", (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 3000))],
    ["all of it", (file: string) => writeFileSync(file, "")],
    ["the file itself", (file: string) => rmSync(file)],
  ])("with %s damaged, the answer is the same, and the file is whole again", async (what, damage) => {
    const { found, left } = await remembered(`remembered-${what.replaceAll(" ", "-")}`, damage);
    expect(found.signed?.path).toBe("pkgs/20.nix");
    expect(left.names).toHaveLength(1);
    expect(left.bytes.equals(left.written)).toBe(true);
  });

  test("a state directory that cannot be written costs time and nothing else", async () => {
    const { repository, covered } = await withTexts("unwritable");
    const state = join(mkdtempSync(join(tmpdir(), "nearest-")), "file");
    writeFileSync(state, "");
    await withNearest(repository, covered, async (nearest) => expect(nearest.unreadable).toEqual([]), state);
  });

  test("a directory in the place of the file neither", async () => {
    const { repository, covered } = await withTexts("directory");
    const state = mkdtempSync(join(tmpdir(), "nearest-"));
    await withNearest(repository, covered, async () => {}, state);
    const file = join(state, "nearest", readdirSync(join(state, "nearest"))[0]!);
    rmSync(file);
    mkdirSync(file);
    await withNearest(repository, covered, async (nearest) => expect(nearest.unreadable).toEqual([]), state);
    expect(readdirSync(join(state, "nearest"))).toHaveLength(1);
    rmSync(state, { recursive: true });
  });
});
