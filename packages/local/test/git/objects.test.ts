/** Reading objects through one child: what is asked for, however it is cut, and nothing that is too large. */
import { rmSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { type CommitId, hashObject } from "@firstmile/formats/git/object-id";
import { makeWorld, type World } from "@firstmile/testing/world";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, BatchParser, MAX_BYTES } from "../../src/git/batch-parser.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { type GitObject, GitObjects } from "../../src/git/objects.ts";
import { listIds, revList } from "../../src/git/rev-list.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const ID = "1".repeat(40);

function parsed(chunks: Iterable<Buffer>): Answer[] {
  const answers: Answer[] = [];
  const parser = new BatchParser((answer) => answers.push(answer));
  for (const chunk of chunks) parser.push(chunk);
  return answers;
}

describe("BatchParser", () => {
  test("takes the same from any pieces", () => {
    const output = Buffer.from(`${ID} blob 3\na\nb\n${"2".repeat(40)} missing\n${ID} commit 0\n\n`);
    const whole = parsed([output]);
    expect(whole).toMatchObject([{ type: "blob" }, { missing: "2".repeat(40) }, { type: "commit" }]);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: output.length })), (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), output.length];
        expect(parsed(edges.slice(1).map((edge, i) => output.subarray(edges[i], edge)))).toEqual(whole);
      }),
    );
  });

  test("passes over a commit of 2 GiB, and goes on behind it", () => {
    const size = 2 ** 31;
    const piece = Buffer.alloc(1 << 20);
    function* output() {
      yield Buffer.from(`${ID} commit ${size}\n`);
      for (let at = 0; at < size; at += piece.length) yield piece;
      yield Buffer.from(`\n${ID} blob 1\nx\n`);
    }
    const answers = parsed(output());
    expect(answers).toMatchObject([{ type: "commit", oversized: size }, { type: "blob" }]);
    expect(size).toBeGreaterThan(MAX_BYTES.commit);
  });

  test.each([
    ["no header", "hello\n"],
    ["a header without an end", "1".repeat(300)],
    ["another type", `${ID} tag2 3\nabc\n`],
  ])("refuses %s", (_, text) => {
    expect(() => parsed([Buffer.from(text)])).toThrow("git cat-file");
  });
});

describe("GitObjects", () => {
  test("answers in the order asked for, several askers at once, and tells what is missing", async () => {
    const repository = await world.repository("objects");
    const [a, b] = [await repository.commit({ message: "a\n" }), await repository.commit({ message: "b\n" })];
    const git = await neutralGit(repository.dir);
    using objects = new GitObjects(git.env);
    const nothing = "f".repeat(40);
    const places: [number, string | undefined][] = [];
    const [pair, one] = await Promise.all([
      objects.getAll([b, nothing, a]),
      objects.get(a),
      objects.each([nothing, b], (object, place) => places.push([place, object?.id])),
    ]);
    expect(pair.map((object) => object?.id)).toEqual([b, undefined, a]);
    expect(one?.content.toString()).toContain("\n\na\n");
    expect(places).toEqual([
      [0, undefined],
      [1, b],
    ]);
    await expect(objects.get(`${a}\ncontents ${b}`)).rejects.toThrow("no object id");
    await expect(objects.getAll([])).resolves.toEqual([]);
    git.dispose();
  });

  test("goes on behind damaged objects that end Git, many and many askers at once", async () => {
    const repository = await world.repository("damaged");
    const good = Array.from({ length: 20 }, (_, i) => repository.write("blob", Buffer.from(`${i}\n`)));
    const bad = good.filter((_, i) => i % 10 === 3);
    // The header is whole, and the content ends before it should.
    for (const id of bad) {
      const file = repository.objectFile(id);
      rmSync(file);
      writeFileSync(file, deflateSync(Buffer.from("blob 5000\0damaged")));
    }
    const git = await neutralGit(repository.dir);
    using objects = new GitObjects(git.env);
    const asked = [good, ...good.map((id) => [id])];
    const found = await Promise.all(asked.map((ids) => objects.getAll(ids)));
    // What Git gives of a damaged one runs on into the answers behind it, and is not taken for the object.
    const sound = (object: GitObject | undefined) =>
      object && hashObject("blob", object.content, "sha1") === object.id ? object.id : undefined;
    for (const [i, ids] of asked.entries())
      expect(found[i]!.map(sound)).toEqual(ids.map((id) => (bad.includes(id) ? undefined : id)));
    expect((await objects.get(good[0]!))?.content.toString()).toBe("0\n");
    git.dispose();
  });
});

describe.each(["sha1", "sha256"] as const)("listIds in %s", (format) => {
  test("lists what rev-list does, without what is to be skipped", async () => {
    const repository = await world.repository(`listed-${format}`, format);
    const ids: CommitId[] = [];
    for (let i = 0; i < 5; i++) ids.push(await repository.commit({ message: `${i}\n` }));
    const side = await repository.commit({ parents: [ids[1]!], branch: "side", message: "side\n" });
    const tip = await repository.commit({ parents: [ids[4]!, side], message: "merge\n" });
    const git = await neutralGit(repository.dir);
    const listed = async (options: Parameters<typeof listIds>[3], without: CommitId[] = []) => {
      const { width, pieces } = listIds(git, [tip], without, options);
      let hex = "";
      for await (const piece of pieces) hex += piece.toString("hex");
      return hex.match(new RegExp(`.{${width * 2}}`, "g")) ?? [];
    };
    expect((await listed({})).toSorted()).toEqual((await revList(git, [tip], [])).toSorted());
    expect((await listed({}, [ids[1]!])).toSorted()).toEqual([...ids.slice(2), side, tip].toSorted());
    expect(await listed({ firstParent: true })).toEqual([tip, ...ids.toReversed()]);
    const skip = (bytes: Buffer, at: number) => bytes.toString("hex", at, at + 2) === tip.slice(0, 4);
    expect(await listed({ skip })).not.toContain(tip);
    git.dispose();
  });
});
