/** In a slice, a bump of what people read passes while the author's signatures and the handoffs hold. */
import { createHash } from "node:crypto";
import { sortedTargets } from "@firstmile/formats/statement/target";
import { gatherCase } from "@firstmile/local/slicing/gather";
import { Author } from "@firstmile/testing/release-author";
import { makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { distrustOf, filesAt, publish, reviewOf, wholeReviewOf } from "@firstmile/testing/world-statements";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handoff, packageOf, sourceOf, UPSTREAM } from "../history/hello-releases.ts";

let world: World;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  bob = await world.person("bob");
});
afterAll(() => world[Symbol.asyncDispose]());

/** hello 1.0, read by bob and handed on by him. */
async function begin(more = 'bump = "upstream-signed"') {
  const repository = await world.repository("bumped-slice");
  const introduction = await repository.commit({ files: { "hello.nix": packageOf("1.0") } });
  const rules = [{ paths: ["**"], review: "reader", more }];
  const loaded = loadPolicy(
    await policyFiles({
      people: [bob],
      roles: { reader: [bob], packager: [bob], warden: [bob] },
      sources: { pkgs: { introduction, authenticate: "slice", rules } },
      more: UPSTREAM,
    }),
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  const { policy } = loaded;
  const [source] = policy.sources.values();
  await publish(repository, await wholeReviewOf(repository, introduction), bob);
  await publish(repository, handoff("1.0"), bob);
  const bump = (version: string, beside = "") =>
    repository.commit({ files: { "hello.nix": packageOf(version, beside) } });
  const standing = async () => {
    const commit = repository.tip();
    const question = { repository: repository.dir, policy, source: source!, commit, statements: [] };
    const { coverage } = await gatherCase({ ...question, now: WORLD_NOW });
    const [file] = await filesAt(repository, commit);
    const { path, ...content } = file!;
    const { kind } = coverage.standing(path, content);
    return { kind, opens: coverage.allowed(path, content) };
  };
  return { repository, introduction, bump, standing };
}

const bumped = { kind: "bumped", opens: [expect.any(String)] };
const uncovered = { kind: "uncovered", opens: [] };

test("the next release passes unread, and the one after it", async () => {
  const { repository, bump, standing } = await begin();
  for (const version of ["1.1", "1.2"]) {
    await bump(version);
    expect(await standing()).toEqual(uncovered);
    await publish(repository, handoff(version), bob);
    expect(await standing()).toEqual(bumped);
  }
});

test("what else changes has to be read, from what was read before", async () => {
  const { repository, introduction, bump, standing } = await begin();
  await publish(repository, handoff("1.1"), bob);
  const tip = await bump("1.1", "\n  evil = true;");
  expect(await standing()).toEqual(uncovered);
  await publish(repository, await reviewOf(repository, introduction, tip), bob);
  expect(await standing()).toMatchObject({ kind: "read" });
});

test("another author's key, and a rule without bump, ask for readers", async () => {
  const other = await begin();
  await publish(other.repository, handoff("1.1", new Author("ff00000000000000")), bob);
  await other.bump("1.1");
  expect(await other.standing()).toEqual(uncovered);
  const none = await begin("");
  await publish(none.repository, handoff("1.1"), bob);
  await none.bump("1.1");
  expect(await none.standing()).toEqual(uncovered);
});

test("a warden's word against the new source ends it, and a reader's no to the file", async () => {
  const { repository, introduction, bump, standing } = await begin();
  await publish(repository, handoff("1.1"), bob);
  const tip = await bump("1.1");
  expect(await standing()).toEqual(bumped);
  const sha256 = createHash("sha256").update(sourceOf("1.1")).digest("hex");
  const targets = sortedTargets([{ kind: "content", sha256, id: undefined, path: undefined }]);
  await publish(repository, distrustOf({ targets, because: "a back door" }), bob);
  expect(await standing()).toEqual(uncovered);
  await publish(repository, await reviewOf(repository, introduction, tip, { verdict: "reject" }), bob);
  expect(await standing()).toEqual({ kind: "rejected", opens: [] });
});
