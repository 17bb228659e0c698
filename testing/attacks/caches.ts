/**
 * Caches. What a machine found authentic it remembers, and asks no more. What must hold: the answer is what a fresh
 * machine gives, whatever was asked before, of each copy, in each order.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { runOk } from "@firstmile/local/process/run";
import { expect } from "vitest";
import type { PolicySpec, WorldRepository } from "../src/world.ts";
import { DAY, WORLD_NOW } from "../src/world.ts";
import { gitEnv } from "../src/world-repository.ts";
import { publish, reviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { commitTree, entry, HistoryWorld, TEXT, whatFor } from "./history-world.ts";

const SAME = "Warm and cold are one answer.";
const NOT_KEPT = "What could not be read is never remembered as a yes.";

interface Question {
  readonly repository: WorldRepository;
  readonly policy: PolicySpec;
  readonly cacheDir: string;
  readonly tip?: CommitId;
  readonly now?: number;
}

/** The codes, warm; and that a fresh machine says the same. */
async function both(world: HistoryWorld, question: Question): Promise<string> {
  const warm = await world.world.verify(question);
  const { cacheDir: _, ...fresh } = question;
  const cold = await world.world.verify(fresh);
  expect([warm.allowed, whatFor(warm)]).toEqual([cold.allowed, whatFor(cold)]);
  return warm.allowed ? "allowed" : whatFor(warm);
}

/** A clone without trees, as ordinary Git makes it. */
async function partialClone(world: HistoryWorld, repository: WorldRepository): Promise<WorldRepository> {
  await repository.git("config", "uploadpack.allowFilter", "true");
  const dir = world.world.fresh("partial");
  const args = [
    "clone",
    "--quiet",
    "--bare",
    "--no-local",
    "--filter=tree:0",
    `file://${repository.dir}`,
    dir,
  ];
  await runOk("git", args, { env: gitEnv() });
  await runOk("git", ["-C", dir, "remote", "remove", "origin"], { env: gitEnv() });
  return Object.assign(Object.create(repository), { dir }) as WorldRepository;
}

/** Bob may write docs/ alone, and writes elsewhere. */
async function outside(world: HistoryWorld) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: TEXT, "docs/a": "a\n" } });
  const honest = await repository.commit({ by: world.bob, files: { "docs/a": "b\n" } });
  const evil = await repository.commit({ by: world.bob, files: { a: "evil\n" } });
  return {
    repository,
    introduction,
    honest,
    evil,
    policy: world.byPath(introduction),
    cacheDir: world.world.fresh("state"),
  };
}

/** The example of a commit whose paths cannot be read, where one rule covers everything. */
async function secured(world: HistoryWorld) {
  const { alice, bob } = world;
  const repository = await world.repository();
  const introduction = await repository.commit({ by: alice, files: { a: "1\n", "secure/k": "good\n" } });
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/secure/"], write: "owner" },
        ],
      },
    },
  };
  return { repository, introduction, policy, cacheDir: world.world.fresh("state") };
}

const attacks: readonly Attack<HistoryWorld>[] = [
  {
    number: 305,
    name: "a partial clone is asked first, and then the whole repository",
    held: NOT_KEPT,
    async run(world) {
      const told = await secured(world);
      await told.repository.commit({ by: world.bob, files: { "secure/k": "EVIL\n" } });
      const partial = await partialClone(world, told.repository);
      const first = await world.world.verify({ ...told, repository: partial });
      expect([first.allowed, whatFor(first)]).toEqual([false, "missing-object"]);
      expect(await both(world, told)).toBe("outside-paths");
    },
  },
  {
    number: 306,
    name: "an unreadable tip is asked first, and then a clean one on top of it",
    held: NOT_KEPT,
    async run(world) {
      const told = await secured(world);
      const { repository, introduction } = told;
      const evil = repository.write(
        "tree",
        entry("100644", "k", repository.write("blob", Buffer.from("EVIL\n"))),
      );
      const bad = await commitTree(
        repository,
        world.bob,
        repository.write("tree", entry("040000", "secure", evil)),
        [introduction],
      );
      expect(await both(world, { ...told, tip: bad })).toBe("corrupt-object");
      const clean = await commitTree(
        repository,
        world.bob,
        repository.write("tree", entry("40000", "secure", evil)),
        [bad],
      );
      expect(await both(world, { ...told, tip: clean })).toBe("corrupt-object");
    },
  },
  {
    number: 307,
    name: "the same commits under a goodlist that has gone since",
    held: "What is remembered is remembered for one state of the rules.",
    async run(world) {
      const told = await outside(world);
      const { pkgs } = told.policy.sources!;
      const good = { ...told.policy, sources: { pkgs: { ...pkgs!, goodlist: [told.evil] } } };
      expect(await both(world, { ...told, policy: good })).toBe("allowed");
      expect(await both(world, told)).toBe("outside-paths");
    },
  },
  {
    number: 308,
    name: "the modes tip and first-parent are asked first, which never look at the commit in between",
    held: "What is remembered is remembered for one mode.",
    async run(world) {
      const told = await outside(world);
      const back = await told.repository.commit({ by: world.alice, files: { a: TEXT } });
      const inMode = (mode: "tip" | "first-parent") => ({
        ...told,
        tip: back,
        policy: world.byPath(told.introduction, mode),
      });
      expect(await both(world, inMode("tip"))).toBe("allowed");
      expect(await both(world, { ...told, tip: back })).toBe("outside-paths");
    },
  },
  {
    number: 309,
    name: "the parent's tip, its child and a sibling, asked in each order",
    held: SAME,
    async run(world) {
      const { repository, introduction, honest, evil, policy } = await outside(world);
      const sibling = await repository.commit({
        by: world.bob,
        branch: "side",
        parents: [honest],
        files: { "docs/a": "c\n" },
      });
      const merge = await repository.merge({ by: world.bob, branch: "merged", parents: [sibling, evil] });
      for (const order of [
        [honest, evil, merge],
        [merge, evil, sibling],
        [evil, sibling, merge, introduction],
      ]) {
        const cacheDir = world.world.fresh("state");
        for (const tip of order) await both(world, { repository, policy, cacheDir, tip });
      }
      expect(
        await both(world, { repository, policy, cacheDir: world.world.fresh("state"), tip: merge }),
      ).toBe("outside-paths");
    },
  },
  {
    number: 310,
    name: "a merge that brings nothing is remembered, and what it left out is built upon",
    held: SAME,
    async run(world) {
      const { alice, bob } = world;
      const repository = await world.repository();
      const introduction = await repository.commit({ by: alice, files: { a: TEXT } });
      const policy = world.reviewed(introduction);
      const cacheDir = world.world.fresh("state");
      const with2 = await repository.commit({
        by: alice,
        branch: "side",
        parents: [introduction],
        files: { a: `${TEXT}check2\n` },
      });
      const without = await repository.commit({
        by: alice,
        branch: "side",
        files: { a: `${TEXT.replace("four\n", "")}check2\n` },
      });
      await publish(repository, await reviewOf(repository, with2, without), bob);
      const dropped = await repository.commit({ by: alice, parents: [introduction, with2] });
      await both(world, { repository, policy, cacheDir, tip: dropped });
      const merged = await repository.merge({ by: alice, parents: [dropped, without] });
      expect(await both(world, { repository, policy, cacheDir, tip: merged })).toBe("not-reviewed");
    },
  },
  {
    number: 311,
    name: "a rejection comes after the yes was remembered",
    held: "The rejections that are heard are a part of what is remembered.",
    async run(world) {
      const { alice, bob, carol } = world;
      const repository = await world.repository();
      const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
      const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
      await publish(repository, await reviewOf(repository, introduction, commit), bob);
      const told = { repository, policy: world.reviewed(introduction), cacheDir: world.world.fresh("state") };
      expect(await both(world, told)).toBe("allowed");
      await publish(
        repository,
        await reviewOf(repository, introduction, commit, { verdict: "reject" }),
        carol,
      );
      expect(await both(world, told)).toBe("review-rejected");
    },
  },
  {
    number: 312,
    name: "a key runs out after the yes was remembered",
    held: "A yes is remembered until the first key that it rests on runs out.",
    async run(world) {
      const dated = await world.world.person("dated", "openpgp-ed25519", { expires: "200d" });
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      await repository.commit({ by: dated, files: { a: "2\n" } });
      const policy: PolicySpec = {
        people: [world.alice, dated],
        sources: { pkgs: { introduction, signedBy: "root" } },
        roles: { root: [world.alice] },
      };
      const told = { repository, policy, cacheDir: world.world.fresh("state") };
      expect(await both(world, told)).toBe("allowed");
      expect(await both(world, { ...told, now: WORLD_NOW + 100 * DAY })).toBe("expired-key");
    },
  },
  {
    number: 313,
    name: "a review goes after the yes was remembered, and the next commit is asked about",
    by: "the owner of a ref with statements",
    held: "What comes after is judged by what is heard then; it gives no yes that a fresh machine would not give.",
    async run(world) {
      const { alice, bob } = world;
      const repository = await world.repository();
      const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
      const first = await repository.commit({ by: alice, files: { a: "2\n" } });
      await publish(repository, await reviewOf(repository, introduction, first), bob);
      const told = { repository, policy: world.reviewed(introduction), cacheDir: world.world.fresh("state") };
      expect(await both(world, told)).toBe("allowed");
      const next = await repository.commit({ by: alice, files: { a: "evil\n" } });
      expect(await both(world, { ...told, tip: next })).toBe("not-reviewed");
      expect(await both(world, { ...told, tip: next })).toBe("not-reviewed");
    },
  },
  {
    number: 314,
    name: "a merge over the limit is asked first, and then its child",
    held: NOT_KEPT,
    async run(world) {
      const told = await secured(world);
      const { repository, introduction } = told;
      const tree = await repository.git("rev-parse", `${introduction}^{tree}`);
      const parents = [introduction];
      for (let i = 0; i < 101; i++)
        parents.push(
          await commitTree(repository, world.bob, tree, [introduction], {
            branch: `s${i}`,
            at: 1_740_000_000 + i,
          }),
        );
      const evil = repository.write(
        "tree",
        entry(
          "40000",
          "secure",
          repository.write("tree", entry("100644", "k", repository.write("blob", Buffer.from("EVIL\n")))),
        ),
      );
      const merge = await commitTree(repository, world.bob, evil, parents);
      const child = await commitTree(repository, world.bob, evil, [merge]);
      expect(await both(world, { ...told, tip: merge })).toBe("too-many-parents");
      expect(await both(world, { ...told, tip: child })).toBe("too-many-parents");
    },
  },
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "a partial clone is refused, and the whole repository then passes; twice asked is once judged",
    async run(world) {
      const told = await secured(world);
      await told.repository.commit({ by: world.bob, files: { a: "2\n" } });
      const partial = await partialClone(world, told.repository);
      expect((await world.world.verify({ ...told, repository: partial })).allowed).toBe(false);
      expect(await both(world, told)).toBe("allowed");
      expect((await world.world.verify(told)).checked).toBe(0);
    },
  },
];

export const caches: GitTheme<HistoryWorld> = {
  title: "What is remembered",
  by: "a person who chooses what is asked, and when",
  guard: "local/evidence/remembered.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
