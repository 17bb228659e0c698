import { branchesApart } from "@firstmile/local/mirrors/compare-branches";
import { makeWorld, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const PLACES = new Map([
  ["https://a.example.org/", "refs/firstmile/remote/0/"],
  ["https://b.example.org/", "refs/firstmile/remote/1/"],
]);

test("only the same branch is compared, and only what is not on one line is told", async () => {
  const repository = await world.repository("pkgs");
  const begin = await repository.commit({ files: { a: "1" } });
  const ours = await repository.commit({ files: { a: "2" } });
  const theirs = await repository.commit({ files: { a: "3" }, parents: [begin], branch: "side" });
  const serve = (place: number, branch: string, id: string) =>
    repository.ref(`refs/firstmile/remote/${place}/${branch}`, id);
  serve(0, "behind", begin);
  serve(1, "behind", ours);
  serve(0, "same", ours);
  serve(1, "same", ours);
  serve(0, "alone", theirs);
  expect(await branchesApart(repository.dir, PLACES)).toEqual([]);
  serve(0, "main", ours);
  serve(1, "main", theirs);
  const [reason, ...more] = await branchesApart(repository.dir, PLACES);
  expect(more).toEqual([]);
  expect(reason).toMatchObject({ ok: false, code: "equivocation" });
  expect(reason!.message).toContain(
    `${ours.slice(0, 12)} at https://a.example.org/, ${theirs.slice(0, 12)} at https://b.example.org/`,
  );
});
