/** A word against something stays, whatever becomes of the place that carried it, and every question hears it. */
import { chmodSync, readdirSync, rmSync, statSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "@firstmile/local/process/run";
import { keptDirectory } from "@firstmile/local/statements/kept";
import { envelopeName } from "@firstmile/local/statements/place";
import { evidenceDirectory } from "@firstmile/local/trust-repository/evidence-index";
import { makeWorld, type World } from "@firstmile/testing/world";
import { gitEnv } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { distrustOf, storeTarget, wholeReviewOf } from "../../../../testing/src/world-statements.ts";
import {
  ACME_ENDS,
  all,
  DAMAGE,
  filesBelow,
  type People,
  type PlaceKind,
  PlacesWorld,
  signedBy,
} from "./places-world.ts";

let world: World;
let people: People;
beforeAll(async () => {
  world = await makeWorld();
  const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => world.person(name)));
  people = { alice: alice!, bob: bob!, carol: carol! };
});
afterAll(() => world[Symbol.asyncDispose]());

const PLACES: readonly PlaceKind[] = [
  "evidence",
  "import's evidence",
  "trust repository",
  "import",
  "source",
];
const GOOD = all("allowed");
const other = async () =>
  signedBy(distrustOf({ targets: [storeTarget(`/nix/store/${"0".repeat(32)}-other`)], because: "old" }), [
    people.bob,
  ]);

/** A machine whose place carries bob's distrust and one thing more, and that has fetched it. */
async function held(kind: PlaceKind): Promise<{ places: PlacesWorld; rest: Uint8Array }> {
  const places = await PlacesWorld.make(world, people);
  const rest = await other();
  await places.fetch();
  expect(await places.codeAfterRestart()).toBe("allowed");
  await places.serve(kind, [rest, await signedBy(await places.distrust(), [people.bob])]);
  await (kind === "source" ? places.fetch() : places.update());
  return { places, rest };
}

describe.each(PLACES)("what the %s carries", (kind) => {
  test("is heard by every question at once, and stays in force when it is dropped, which is told once", async () => {
    const { places, rest } = await held(kind);
    expect(await places.answers()).toEqual(all("distrusted"));
    await places.serve(kind, [rest]);
    const told = [...(await places.update()), ...places.told].join("\n");
    expect(told).toMatch(
      /1 distrust by bob of lib\/default\.nix is no longer carried by \S+; it stays in force here until it is withdrawn/,
    );
    expect(await places.answers()).toEqual(all("distrusted"));
    places.told.length = 0;
    expect([...(await places.update()), ...places.told].join("\n")).not.toContain("no longer carried");
    expect(await places.answers()).toEqual(all("distrusted"));
  });
});

test.each(["evidence", "import", "source"] as const)(
  "what the %s carries is kept also without a question between its coming and its going",
  async (kind) => {
    const { places } = await held(kind);
    await places.serve(kind, [await other()]);
    await (kind === "source" ? places.fetch() : places.update());
    expect(await places.answers()).toEqual(all("distrusted"));
  },
);

test("a reading that is dropped stays too, and a waiver ends with that", async () => {
  const places = await PlacesWorld.make(world, people);
  await places.fetch();
  const review = await signedBy(await wholeReviewOf(places.pkgs, places.tip), [people.bob]);
  const waiver = await signedBy(
    {
      kind: "waiver",
      targets: [storeTarget(`/nix/store/${"0".repeat(32)}-x`)],
      because: "x",
      until: places.now + 999,
      source: undefined,
      paths: [],
    },
    [people.bob],
  );
  await places.serve("evidence", [await other(), review, waiver]);
  await places.update();
  await places.serve("evidence", [await other()]);
  const told = (await places.update()).join("\n");
  expect(told).toMatch(/1 review by bob of .* stays in force/);
  expect(told).toMatch(/1 waiver by bob .* ended with that/);
  const names = await places.heardNames();
  expect(names).toContain(envelopeName(review));
  expect(names).not.toContain(envelopeName(waiver));
});

describe("this machine's copy", () => {
  test("of an evidence repository denies while it is damaged, and is fetched anew without news", async () => {
    const { places } = await held("evidence");
    const before = await places.rules.get();
    if (!before.ok) throw new Error(before.reason.message);
    for (const [way, damage] of Object.entries(DAMAGE)) {
      damage(places.evidenceCopy);
      if (way === "loses its objects")
        expect(await places.answersBy(before.rules)).toEqual({
          ...all("evidence-unreadable"),
          builds: "distrusted",
        });
      expect([way, await places.codeAfterRestart()]).toEqual([way, "evidence-unreadable"]);
      await places.update();
      expect([way, await places.codeAfterRestart()]).toEqual([way, "distrusted"]);
    }
    expect(await places.answers()).toEqual(all("distrusted"));
  });

  test("of a source denies while it is damaged, until it is fetched again", async () => {
    const { places } = await held("source");
    for (const way of [
      "loses its objects",
      "has its objects cut off",
      "loses its HEAD",
      "loses its references",
    ]) {
      DAMAGE[way]!(places.copy);
      expect([way, await places.codeAfterRestart()]).toEqual([way, "evidence-unreadable"]);
      await places.update();
      expect([way, await places.codeAfterRestart()]).toEqual([way, "distrusted"]);
      await places.fetch();
    }
  });

  test.each([
    ["trust repository", "loses its objects"],
    ["trust repository", "loses its HEAD"],
    ["import", "has its objects cut off"],
  ] as const)("of the %s that %s denies, and is fetched anew", async (kind, way) => {
    const { places } = await held(kind);
    DAMAGE[way]!(places.copyOf(kind));
    rmSync(keptDirectory(places.stateDir), { recursive: true, force: true });
    expect(await places.codeAfterRestart()).toMatch(/^(?:evidence-unreadable|policy-invalid)$/);
    await places.update();
    expect(await places.codeAfterRestart()).toBe("distrusted");
  });

  test("of a source that is gone, or has no statements any more, leaves what was heard in force", async () => {
    const { places } = await held("source");
    expect(await places.answers()).toEqual(all("distrusted"));
    rmSync(join(places.copy, "refs/firstmile"), { recursive: true });
    expect(await places.answers()).toEqual(all("distrusted"));
    DAMAGE["is gone"]!(places.copy);
    expect(await places.codeAfterRestart()).toBe("distrusted");
  });

  test("of kept words denies where a file is cut off or gone", async () => {
    const { places } = await held("evidence");
    await places.answers();
    await places.serve("evidence", [await other()]);
    await places.update();
    const kept = filesBelow(keptDirectory(places.stateDir)).filter((file) => file.endsWith(".json"));
    expect(kept).toHaveLength(2);
    truncateSync(kept[0]!, 10);
    expect(await places.answers()).toEqual(all("evidence-unreadable"));
    rmSync(kept[0]!);
    expect(await places.answers()).toEqual(all("evidence-unreadable"));
  });
});

test("whichever program moves a reference, a running gate hears what it brings, and keeps it", async () => {
  const places = await PlacesWorld.make(world, people);
  await places.fetch();
  expect(await places.answers()).toEqual(GOOD);
  const move = () =>
    runOk(
      "git",
      [
        "-C",
        places.copy,
        "fetch",
        "--quiet",
        places.pkgs.dir,
        "+refs/firstmile/statements*:refs/firstmile/statements/mirror-0/statements*",
      ],
      { env: gitEnv() },
    );
  const loaded = async () =>
    (await places.rules.get()) as Extract<Awaited<ReturnType<typeof places.rules.get>>, { ok: true }>;
  const before = (await loaded()).rules.evidence;
  await places.serve("source", [await signedBy(await places.distrust(), [people.bob])]);
  await move();
  expect(await places.answers()).toEqual(all("distrusted"));
  expect((await loaded()).rules.evidence).not.toBe(before);
  await places.serve("source", [await other()]);
  await move();
  expect(await places.answers()).toEqual(all("distrusted"));
});

test("what came by a fetch raises the source's generation once more after it", async () => {
  const places = await PlacesWorld.make(world, people);
  await places.fetch();
  const before = places.repositories.generation({ name: "pkgs" as never });
  await places.fetch();
  expect(places.repositories.generation({ name: "pkgs" as never })).toBeGreaterThanOrEqual(before + 2);
});

test("an import that gives nothing for a while loses no place, and what they carry stays heard", async () => {
  for (const kind of ["import", "import's evidence"] as const) {
    const { places } = await held(kind);
    await places.answers();
    rmSync(keptDirectory(places.stateDir), { recursive: true });
    places.now = ACME_ENDS + 1;
    await places.update();
    rmSync(keptDirectory(places.stateDir), { recursive: true, force: true });
    expect(await places.codeAfterRestart()).toBe("distrusted");
  }
});

describe("users of the machine", () => {
  test("may read what root fetched, and copies of before are removed", async () => {
    const { places, rest } = await held("evidence");
    const root = evidenceDirectory(places.stateDir);
    for (let i = 0; i < 4; i++) {
      const more = await signedBy(
        distrustOf({ targets: [storeTarget(`/nix/store/${"0".repeat(32)}-n${i}`)], because: "x" }),
        [people.bob],
      );
      await places.serve("evidence", [rest, more]);
      await places.update();
    }
    const directories = readdirSync(root).filter((name) => name !== "index.json");
    expect(directories.length).toBeLessThanOrEqual(2);
    const modes = [
      places.evidenceCopy,
      ...readdirSync(places.evidenceCopy, { recursive: true }).map((name) =>
        join(places.evidenceCopy, String(name)),
      ),
    ].map((path) => statSync(path));
    expect(
      modes.every(
        (one) => (one.mode & 0o444) === 0o444 && (!one.isDirectory() || (one.mode & 0o111) === 0o111),
      ),
    ).toBe(true);
    chmodSync(places.evidenceCopy, 0o700);
    utimesSync(places.evidenceCopy, 0, 0);
    await places.update();
    expect(statSync(places.evidenceCopy).mode & 0o777).toBe(0o755);
  });

  test.skipIf(process.getuid!() !== 0)("are told where they may not, why, and what to do", async () => {
    const { places } = await held("evidence");
    for (const dir of [world.dir, places.stateDir]) chmodSync(dir, 0o755);
    chmodSync(places.evidenceCopy, 0o700);
    const checkout = world.fresh("checkout");
    await runOk("git", ["clone", "--quiet", "--template=", places.pkgs.dir, checkout], { env: gitEnv() });
    const env = { FIRSTMILE_STATE: places.stateDir, HOME: "/nonexistent" };
    const ended = await world.firstmile(["verify", checkout, "--no-cache"], { env, uid: 65534 });
    const said = `${ended.stdout}${ended.stderr}`.replace(/\s+/g, " ");
    expect([ended.code, said]).toEqual([
      1,
      expect.stringMatching(/evidence-unreadable.*may not read it \(EACCES\).*firstmile trust update/),
    ]);
  });
});
