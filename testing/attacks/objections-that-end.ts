/**
 * Objections that end. A person spoke against a content; then something ends: their key, their role, the import that
 * they came by, the place that carried it. What must hold: a word against something stays in force until a signed
 * withdrawal ends it, and where it is lost from sight the answer is no.
 */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Person } from "../src/world.ts";
import { DAY, WORLD_NOW } from "../src/world.ts";
import { contentTarget, distrustOf, publish, reviewOf, wholeReviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { both, Following, heldCopies, type Rules, withEvidence } from "./following-world.ts";
import { HistoryWorld } from "./history-world.ts";
import { importing } from "./importing-world.ts";
import { distrustedByCarol, withdraws } from "./withdrawing.ts";

const LASTS =
  "A word against something is heard from the last authentic state that was held; only a withdrawal ends it.";
const NOT_EMPTY =
  "A role of people who speak against something is the union of them all, or the rules cannot be used.";
const KEPT = "A place that is rewound or loses what it carried takes nothing away: what was held is kept.";
const CLOSED = "A place that was held and cannot be read whole is denied until it is fetched again.";
const STOLEN = 'compromised = { reason = "stolen" }';

/** What becomes of carol, warden or reader beside dave. */
const ENDS: readonly (readonly [
  name: string,
  rules: (world: HistoryWorld, role: string) => Promise<Rules>,
])[] = [
  [
    "her key is called compromised",
    async (w, role) => ({ ...both(w, role), life: new Map([[w.carol, STOLEN]]) }),
  ],
  [
    "her key is replaced by another one",
    async (w, role) => {
      const people = { alice: [w.alice], carol: [await w.world.person("carol-new")], dave: [w.dave] };
      return { people, roles: { [role]: ["carol", "dave"] } };
    },
  ],
  [
    "she leaves the role",
    async (w, role) => ({ people: [w.alice, w.carol, w.dave], roles: { [role]: [w.dave] } }),
  ],
  ["she is listed no more", async (w, role) => ({ people: [w.alice, w.dave], roles: { [role]: [w.dave] } })],
];

const wardens = ENDS.map(
  ([name, rules], i): Attack<HistoryWorld> => ({
    number: 362 + i,
    name: `a warden's distrust, after ${name}`,
    held: LASTS,
    async run(world) {
      const told = await Following.begin(world, both(world, "warden"));
      await told.distrusted(world.carol);
      expect(await told.verify()).toBe("distrusted");
      await told.changes(await rules(world, "warden"));
      expect(await told.verify()).toBe("distrusted");
    },
  }),
);

const readers = ENDS.map(
  ([name, rules], i): Attack<HistoryWorld> => ({
    number: 366 + i,
    name: `a reader's rejection, after ${name}`,
    held: LASTS,
    async run(world) {
      const told = await Following.begin(world, both(world, "reader"));
      await told.rejected(world.carol, world.dave);
      expect(await told.verify()).toBe("review-rejected");
      await told.changes(await rules(world, "reader"));
      expect(await told.verify()).toBe("review-rejected");
    },
  }),
);

const attacks: readonly Attack<HistoryWorld>[] = [
  ...wardens,
  ...readers,
  {
    number: 370,
    name: "a rejection, after the rejecting key has run out",
    held: LASTS,
    async run(world) {
      const dated = await world.world.person("dated-reader", "openpgp-ed25519", { expires: "200d" });
      const told = await rejectedBy(world, dated);
      await world.denied(told, /^review-rejected$/);
      await world.denied({ ...told, now: WORLD_NOW + 100 * DAY }, /^review-rejected$/);
    },
  },
  {
    number: 371,
    name: "a rejection, after the rejecting key was retired in an ordinary rotation",
    held: LASTS,
    async run(world) {
      const told = await rejectedBy(world, world.carol);
      const life = new Map([[world.carol, `retired = { after = "${told.introduction}" }`]]);
      await world.denied({ ...told, policy: { ...told.policy, life } }, /^review-rejected$/);
    },
  },
  {
    number: 372,
    name: "a distrust, after the warden's key was retired or has run out",
    held: LASTS,
    async run(world) {
      const dated = await world.world.person("dated-warden", "openpgp-ed25519", { expires: "200d" });
      for (const [warden, life] of [
        [dated, new Map()],
        [world.carol, new Map([[world.carol, "retired"]])],
      ] as const) {
        const repository = await world.repository();
        const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
        const bad = await repository.commit({ by: world.alice, files: { a: "bad\n" } });
        await publish(
          repository,
          distrustOf({ targets: [await contentTarget(repository, bad, "a")] }),
          warden,
        );
        const said = new Map([...life.keys()].map((key) => [key, `retired = { after = "${introduction}" }`]));
        const policy = {
          people: [world.alice, warden],
          roles: { root: [world.alice], writer: [world.alice], warden: [warden] },
          sources: { pkgs: { introduction } },
          life: said,
        };
        await world.denied({ repository, policy, now: WORLD_NOW + 100 * DAY }, /^distrusted$/);
      }
    },
  },
  {
    number: 373,
    name: "an import's owners add hundreds of people to a role, so that one's own warden is not heard",
    by: "the owner of an import",
    held: NOT_EMPTY,
    async run(world) {
      const { told, acme } = await importing(world, 1);
      await told.distrusted(world.carol);
      expect(await told.verify()).toBe("distrusted");
      await acme.says(260);
      await told.update();
      expect(await told.verify()).toMatch(/^(?:distrusted|policy-invalid|import-too-complex)$/);
    },
  },
  {
    number: 374,
    name: "an imported warden's distrust, after the import has run out or is held back",
    by: "a person who can hold back an import's mirrors",
    held: LASTS,
    async run(world) {
      const { told, acme } = await importing(world, 1);
      await told.distrusted(acme.people[0]!);
      expect(await told.verify()).toBe("distrusted");
      await acme.says(1, { expires: Math.floor(Date.now() / 1000) + 6 });
      await told.update();
      await new Promise((done) => setTimeout(done, 6500));
      expect(await told.verify()).toBe("distrusted");
    },
  },
  {
    number: 375,
    name: "a key that an import calls compromised, after the import has run out",
    by: "a person who holds a stolen key, and can hold back an import's mirrors",
    held: LASTS,
    async run(world) {
      const { told, acme } = await importing(world, 1);
      await told.source.commit({ by: world.dave, files: { a: "2\n" } });
      expect(await told.verify()).toBe("allowed");
      await acme.says(1, { stolen: world.dave, expires: Math.floor(Date.now() / 1000) + 8 });
      await told.update();
      expect(await told.verify()).toBe("compromised-key");
      await new Promise((done) => setTimeout(done, 8500));
      expect(await told.verify()).toBe("compromised-key");
    },
  },
  {
    number: 376,
    name: "a place of evidence is rewound by a forced push",
    by: "a person who may push, or who serves the place",
    held: KEPT,
    async run(world) {
      const { told, evidence } = await withEvidence(world);
      const target = await contentTarget(told.source, told.introduction, "a");
      rmSync(join(evidence.dir, "refs/firstmile"), { recursive: true });
      await publish(evidence, distrustOf({ targets: [target], because: "another thing" }), world.mallory);
      const text = await told.update();
      expect(await told.verify()).toBe("distrusted");
      expect(text).toMatch(/no longer|dropped|lost|rewound|kept/i);
    },
  },
  {
    number: 377,
    name: "a place of evidence loses its ref",
    by: "a person who may push, or who serves the place",
    held: KEPT,
    async run(world) {
      const { told, evidence } = await withEvidence(world);
      rmSync(join(evidence.dir, "refs/firstmile"), { recursive: true });
      await told.update();
      expect(await told.verify()).toBe("distrusted");
    },
  },
  {
    number: 378,
    name: "a place of evidence that cannot be reached any more",
    by: "the server of the place",
    held: KEPT,
    async run(world) {
      const { told, evidence } = await withEvidence(world);
      renameSync(evidence.dir, `${evidence.dir}.gone`);
      await told.update();
      expect(await told.verify()).toBe("distrusted");
    },
  },
  {
    number: 379,
    name: "the held copy of a place is damaged",
    by: "chance",
    held: CLOSED,
    async run(world) {
      const { told } = await withEvidence(world);
      const packs = heldCopies(told);
      expect(packs.length).toBeGreaterThan(0);
      for (const path of packs) rmSync(path, { recursive: true });
      expect(await told.verify()).not.toBe("allowed");
      await told.update();
      expect(await told.verify()).toBe("distrusted");
    },
  },
  {
    number: 380,
    name: "a source's own statements are rewound on its server, between two fetches",
    by: "the server of a source",
    held: KEPT,
    async run(world) {
      const told = await Following.begin(world, both(world, "warden"));
      await told.distrusted(world.carol);
      const url = `file://${told.source.dir}`;
      expect(await told.verify(url)).toBe("distrusted");
      rmSync(join(told.source.dir, "refs/firstmile"), { recursive: true });
      expect(await told.verify(url)).toBe("distrusted");
    },
  },
  {
    number: 381,
    name: "content that was rejected is committed with its executable bit, and as a link",
    by: "a person who may write",
    held: "A rejection is of content, whatever its mode.",
    async run(world) {
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      const bad = await repository.commit({ by: world.alice, files: { a: "bad\n" } });
      await publish(
        repository,
        await reviewOf(repository, introduction, bad, { verdict: "reject" }),
        world.carol,
      );
      const policy = world.reviewed(introduction);
      for (const mode of [0o100755, 0o120000]) {
        const tip = await repository.commit({
          by: world.alice,
          parents: [introduction],
          files: { a: { mode, content: "bad\n" } },
        });
        await publish(repository, await reviewOf(repository, introduction, tip), world.bob);
        await world.denied({ repository, policy, tip }, /^review-rejected$/);
      }
    },
  },
  {
    number: 382,
    name: "a distrust and a rejection that a stranger, a writer or an unknown key signed",
    by: "a person who would stop what is good",
    held: "A word counts in the name of the person who signed it, and in no other name.",
    async run(world) {
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      const good = await repository.commit({ by: world.alice, files: { a: "good\n" } });
      const { alice, bob, carol, mallory } = world;
      await publish(repository, await reviewOf(repository, introduction, good), bob);
      for (const stranger of [mallory, alice]) {
        await publish(
          repository,
          distrustOf({ targets: [await contentTarget(repository, good, "a")] }),
          stranger,
        );
      }
      await publish(
        repository,
        await reviewOf(repository, introduction, good, { verdict: "reject" }),
        mallory,
      );
      const policy = world.reviewed(introduction);
      const roles = { ...policy.roles, warden: [carol] };
      await world.allowed({ repository, policy: { ...policy, roles } });
    },
  },
  {
    number: 383,
    name: "a withdrawal of carol's distrust by another warden, one of two roots, and a stranger",
    by: "a person who would let in what was stopped",
    held: "Only the person who spoke takes their word back, or root by its whole quorum.",
    async run(world) {
      const told = await distrustedByCarol(world);
      for (const other of [world.dave, world.bob, world.mallory]) {
        await withdraws(told.repository, other, world.carol);
        await world.denied(told, /^distrusted$/);
      }
    },
  },
  {
    number: 384,
    name: "a withdrawal by the key that spoke, which root calls compromised by now",
    by: "a person who holds a warden's stolen key",
    held: "A withdrawal is a word for something: what ends the key ends it, and the word against stays.",
    async run(world) {
      const told = await distrustedByCarol(world);
      await withdraws(told.repository, world.carol, world.carol);
      const policy = { ...told.policy, life: new Map([[world.carol, STOLEN]]) };
      await world.denied({ ...told, policy }, /^distrusted$/);
    },
  },
];

/** A change that bob read and this person rejected, both of them readers. */
async function rejectedBy(world: HistoryWorld, rejecter: Person) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const bad = await repository.commit({ by: world.alice, files: { a: "bad\n" } });
  await publish(repository, await reviewOf(repository, introduction, bad), world.bob);
  await publish(repository, await reviewOf(repository, introduction, bad, { verdict: "reject" }), rejecter);
  const plain = world.reviewed(introduction);
  const people = [world.alice, world.bob, rejecter];
  return {
    repository,
    introduction,
    policy: { ...plain, people, roles: { root: [world.alice], reader: people } },
  };
}

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "without a word against it the commit passes, and the wardens' word ends it",
    async run(world) {
      const told = await Following.begin(world, both(world, "warden"));
      await told.bad();
      expect(await told.verify()).toBe("allowed");
      await told.changes(both(world, "warden"));
      expect(await told.verify()).toBe("allowed");
      await told.distrusted(world.dave);
      expect(await told.verify()).toBe("distrusted");
    },
  },
  {
    name: "the warden who spoke takes the word back, and the content passes",
    async run(world) {
      const told = await distrustedByCarol(world);
      await withdraws(told.repository, world.carol, world.carol);
      await world.allowed(told);
    },
  },
  {
    name: "a reading counts after its reader's key was retired, up to there",
    async run(world) {
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      const commit = await repository.commit({ by: world.alice, files: { a: "2\n" } });
      await publish(repository, await wholeReviewOf(repository, commit, ["a"]), world.mallory);
      await publish(repository, await reviewOf(repository, introduction, commit), world.carol);
      const policy = world.reviewed(introduction);
      const life = new Map([[world.carol, `retired = { after = "${commit}" }`]]);
      await world.allowed({ repository, policy: { ...policy, life } });
    },
  },
];

export const objectionsThatEnd: GitTheme<HistoryWorld> = {
  title: "Objections that end",
  by: "a person who waits until a word against their work ends",
  guard: "trust/slice/distrust.ts, trust/statement/review-index.ts, local/trust-repository/evidence.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
