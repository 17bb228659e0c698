/** Objects in the order of what names them, pushed and pulled: the same, verified, and a failure is one reader's own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { makeWorld, type World } from "@firstmile/testing/world";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eachInOrder, inOrder, type Wanted } from "../../src/git/in-order.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";

let world: World;
let dir: string;
beforeAll(async () => {
  world = await makeWorld();
  const repository = await world.repository("in-order");
  await repository.commit({ files: Object.fromEntries(CONTENTS.map((text, i) => [`f${i}`, text])) });
  dir = repository.dir;
});
afterAll(() => world[Symbol.asyncDispose]());

const CONTENTS = Array.from({ length: 1300 }, (_, i) => `content ${i}\n`.repeat(1 + (i % 40)));
const idOf = (text: string) => hashObject("blob", Buffer.from(text), "sha1");

/** A number wants the content of that place; a string wants nothing. */
type Item = number | string;
function want(item: Item): Wanted | undefined {
  return typeof item === "number" ? { id: idOf(CONTENTS[item]!), kind: "blob" } : undefined;
}

async function withObjects<T>(use: (objects: GitObjects) => Promise<T>): Promise<T> {
  const git = await neutralGit(dir);
  try {
    using objects = new GitObjects(git.env);
    return await use(objects);
  } finally {
    git.dispose();
  }
}

async function pushed(objects: GitObjects, items: Iterable<Item>): Promise<string[]> {
  const got: string[] = [];
  await eachInOrder(objects, items, want, (item, content) => got.push(`${item} ${content}`));
  return got;
}

async function pulled(objects: GitObjects, items: Iterable<Item>): Promise<string[]> {
  const got: string[] = [];
  for await (const { item, content } of inOrder(objects, items, want)) got.push(`${item} ${content}`);
  return got;
}

const expectedOf = (items: readonly Item[]) =>
  items.map((item) => `${item} ${typeof item === "number" ? CONTENTS[item] : ""}`);

describe.each([
  ["pushed", pushed],
  ["pulled", pulled],
] as const)("%s", (_, read) => {
  test("all of them in order, what wants nothing in its place", async () => {
    const items = fc.array(fc.oneof(fc.nat(CONTENTS.length - 1), fc.constantFrom("directory", "end")));
    await withObjects((objects) =>
      fc.assert(
        fc.asyncProperty(items, async (items) => {
          expect(await read(objects, items)).toEqual(expectedOf(items));
        }),
      ),
    );
  });

  test("over several batches, however what wants nothing lies between them", async () => {
    const many = CONTENTS.flatMap((_, i): Item[] => (i % 3 === 0 ? ["d", i, "e"] : [i]));
    const last = [...many, ...Array.from({ length: 2000 }, () => "end")];
    for (const items of [many, last, last.toReversed()]) {
      expect(await withObjects((objects) => read(objects, items))).toEqual(expectedOf(items));
    }
  });

  test("what fails is told, and others go on reading", async () => {
    await withObjects(async (objects) => {
      const others = read(objects, [1, 2, 3]);
      function* broken(): Generator<Item> {
        yield* [4, 5];
        throw new Error("the items end badly");
      }
      await expect(read(objects, broken())).rejects.toThrow("the items end badly");
      expect(await others).toEqual(expectedOf([1, 2, 3]));
      expect(await read(objects, [6])).toEqual(expectedOf([6]));
    });
  });
});

describe("not what was asked for", () => {
  const missing = "1".repeat(40) as ObjectId;
  const none = () => {};

  test("a missing object, and one of another kind", async () => {
    await withObjects(async (objects) => {
      const blob = (id: ObjectId) => ({ id, kind: "blob" as const });
      await expect(eachInOrder(objects, [missing], blob, none)).rejects.toMatchObject({
        code: "missing-object",
      });
      const tree = () => ({ id: idOf(CONTENTS[0]!), kind: "tree" as const });
      await expect(eachInOrder(objects, [0], tree, none)).rejects.toMatchObject({ code: "corrupt-object" });
      expect(await pushed(objects, [7])).toEqual(expectedOf([7]));
    });
  });

  test("other bytes under its id", async () => {
    const repository = await world.repository("in-order-corrupt");
    const [text, other] = ["first\n", "second\n"];
    await repository.commit({ files: { text, other } });
    const file = (id: string) => join(repository.dir, "objects", id.slice(0, 2), id.slice(2));
    writeFileSync(file(idOf(text)), readFileSync(file(idOf(other))));
    const git = await neutralGit(repository.dir);
    using objects = new GitObjects(git.env);
    const blob = (id: ObjectId) => ({ id, kind: "blob" as const });
    const taken: ObjectId[] = [];
    const reading = eachInOrder(objects, [idOf(other), idOf(text), idOf(other)], blob, (id) =>
      taken.push(id),
    );
    await expect(reading).rejects.toMatchObject({ code: "corrupt-object" });
    expect(taken).toEqual([idOf(other)]);
    git.dispose();
  });

  test("whoever takes them and fails ends only its own reading, and gets nothing more", async () => {
    await withObjects(async (objects) => {
      const taken: number[] = [];
      const items = CONTENTS.map((_, i) => i);
      const reading = eachInOrder(objects, items, want, (item) => {
        taken.push(item as number);
        if (item === 700) throw new Error("enough");
      });
      const others = pushed(objects, [1, 2, 3]);
      await expect(reading).rejects.toThrow("enough");
      expect(taken.at(-1)).toBe(700);
      expect(await others).toEqual(expectedOf([1, 2, 3]));
    });
  });

  test("a database that is closed meanwhile", async () => {
    const git = await neutralGit(dir);
    const objects = new GitObjects(git.env);
    const reading = pushed(objects, [1, 2, 3]);
    objects[Symbol.dispose]();
    await expect(reading).rejects.toThrow("was closed");
    git.dispose();
  });
});
