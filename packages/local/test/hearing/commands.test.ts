/** The commands about words in doubt, typed as `trust update` prints them, and readings by keys that were retired. */
import { readFileSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { runOk } from "@firstmile/local/process/run";
import { makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import { signingEnv } from "@firstmile/testing/world-people";
import { emailOf, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import {
  contentTarget,
  distrustOf,
  publish,
  signedBy,
  wholeReviewOf,
} from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person, bob: Person, later: Person, carol: Person;
let source: WorldRepository;
let commit: CommitId;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, later, carol] = (await Promise.all(
    ["alice", "bob", "bob-2", "carol"].map((name) => world.person(name)),
  )) as [Person, Person, Person, Person];
  source = await world.repository("pkgs");
  commit = await source.commit({ by: alice, files: { "a.nix": "1\n" } });
});
afterAll(() => world[Symbol.asyncDispose]());

const rules = (more: Partial<PolicySpec> = {}): PolicySpec => ({
  people: { alice: [alice], bob: [bob], carol: [carol] },
  roles: { root: [alice], warden: [bob, carol], reader: [bob] },
  sources: {
    pkgs: { introduction: commit, authenticate: "slice", rules: [{ paths: ["**"], review: "reader" }] },
  },
  ...more,
});
const left = () => rules({ people: { alice: [alice], bob: [later], carol: [carol] } });

/** A trust repository whose root let bob's key go after bob distrusted a file, and a checkout of it. */
async function story(next: PolicySpec, said: readonly Buffer[] | readonly Uint8Array[]) {
  const trust = await world.repository("trust");
  const files = Object.fromEntries(said.map((envelope, i) => [`statements/${i}.json`, envelope]));
  const introduction = await world.rules(trust, { by: alice, policy: rules(), files });
  const state = { FIRSTMILE_STATE: world.fresh("state") };
  const types = (person: Person, cwd: string, ...args: readonly string[]) =>
    world.firstmile(args, {
      cwd,
      env: { ...state, ...signingEnv(person, { "user.email": emailOf(person.name) }) },
    });
  const pinned = await types(
    alice,
    world.dir,
    "trust",
    "add",
    trust.dir,
    "--introduction",
    introduction,
    "--signed-by",
    alice.fingerprint,
  );
  expect(pinned.code).toBe(0);
  await world.rules(trust, { by: alice, policy: next, files });
  const checkout = world.fresh("checkout");
  await runOk("git", ["clone", "--quiet", "--template=", trust.dir, checkout], { env: gitEnv() });
  const follow = () => types(alice, world.dir, "trust", "update");
  return { trust, checkout, types, follow };
}

const flat = (text: string) => text.replace(/\s+/g, " ");

async function distrusted(): Promise<Uint8Array> {
  const target = await contentTarget(source, commit, "a.nix");
  return signedBy(distrustOf({ targets: [target], because: "a back door" }), [bob]);
}

/** What is in the checkout is signed by root and pushed. */
async function push(checkout: string, person: Person): Promise<void> {
  const env = {
    ...gitEnv(),
    ...signingEnv(person, { "user.email": emailOf(person.name), "user.name": person.name }),
  };
  await runOk("git", ["-C", checkout, "add", "statements"], { env });
  await runOk("git", ["-C", checkout, "commit", "--quiet", "-S", "-m", "more"], { env });
  await runOk("git", ["-C", checkout, "push", "--quiet", "origin", "HEAD:main"], { env });
}

/** The commands that a listing prints, as words; quotes are those of a shell. */
function commandsIn(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.trim().startsWith("firstmile "));
  return lines.map((line) =>
    [
      ...line
        .trim()
        .slice("firstmile ".length)
        .matchAll(/'([^']*)'|(\S+)/g),
    ].map(([, quoted, plain]) => quoted ?? plain!),
  );
}

describe("a word in doubt", () => {
  test("is listed, stays in force, and ends by the command that is printed", async () => {
    const { checkout, types, follow } = await story(left(), [await distrusted()]);
    const updated = await follow();
    expect(flat(updated.stdout.toString())).toContain("distrust of a.nix by bob: a back door");
    expect(flat(updated.stdout.toString())).toContain(`${bob.fingerprint} is not listed any more`);
    const [, drop] = commandsIn(updated.stdout.toString());
    const dropped = await types(alice, checkout, ...drop!);
    expect([dropped.code, dropped.stderr]).toEqual([0, expect.any(String)]);
    await push(checkout, alice);
    expect(flat((await follow()).stdout.toString())).not.toContain("in doubt");
    const again = await types(carol, checkout, "repeat", drop![1]!, "--to", ".");
    expect(again.code).toBe(2);
    expect(flat(again.stderr)).toContain("a withdrawal of");
  });

  test("is in doubt no longer once another warden repeats it by the command that is printed", async () => {
    const { checkout, types, follow } = await story(left(), [await distrusted()]);
    const [repeat] = commandsIn((await follow()).stdout.toString());
    const repeated = await types(carol, checkout, ...repeat!);
    expect(repeated.code).toBe(0);
    await push(checkout, alice);
    expect(flat((await follow()).stdout.toString())).not.toContain("in doubt");
  });

  test("is told before the rules are signed", async () => {
    const { checkout, types } = await story(left(), [await distrusted()]);
    const checked = await types(alice, checkout, "check", "HEAD~1..HEAD");
    expect(checked.code).toBe(0);
    expect(flat(checked.stdout.toString())).toContain("1 word against something will be in doubt");
    expect(flat(checked.stdout.toString())).toContain("distrust of a.nix by bob");
    const json = JSON.parse(
      (await types(alice, checkout, "check", "HEAD~1..HEAD", "--json")).stdout.toString(),
    );
    expect(json.fresh).toHaveLength(1);
  });

  test("withdrawn words are not taken again in the same words", async () => {
    const { checkout, types } = await story(rules(), []);
    const words = ["distrust", `sha256:${"5".repeat(64)}`, "--because", "x", "--to", "."];
    expect((await types(bob, checkout, ...words)).code).toBe(0);
    const named = JSON.parse((await types(bob, checkout, ...words, "--json")).stdout.toString());
    const file = readFileSync(
      named.statements[0].where.includes("/") ? named.statements[0].where : `${checkout}/statements`,
    );
    const payload = Buffer.from(JSON.parse(file.toString()).payload, "base64");
    const { createHash } = await import("node:crypto");
    const digest = createHash("sha256").update(payload).digest("hex");
    expect((await types(bob, checkout, "withdraw", digest, "--because", "a slip", "--to", ".")).code).toBe(0);
    const refused = await types(bob, checkout, ...words);
    expect(refused.code).toBe(2);
    expect(flat(refused.stderr)).toContain("withdrawn before");
  });

  test.each([
    [["withdraw", "--because", "x"], "no word is named"],
    [["withdraw", "zz", "--because", "x"], "does not name a statement"],
    [["withdraw", "0".repeat(64), "--because", "x"], "no statement at hand"],
    [["withdraw", "--key", "nonsense", "--because", "x"], "is not a fingerprint"],
    [["repeat", "0".repeat(16)], "no statement at hand"],
  ])("%j is refused: %s", async (args, problem) => {
    const { checkout, types } = await story(rules(), []);
    const refused = await types(bob, checkout, ...args);
    expect(refused.code).toBe(2);
    expect(flat(refused.stderr)).toContain(problem);
  });
});

describe("a key that was retired", () => {
  const retired = (more = "") =>
    rules({
      people: { alice: [alice], bob: [bob, later], carol: [carol] },
      life: new Map([[bob, `retired = { after = "${"1".repeat(40)}"${more} }`]]),
    });

  test("what it read is said, and review --again signs it with the new key", async () => {
    const pkgs = await world.repository("more");
    const tip = await pkgs.commit({
      by: alice,
      files: { "default.nix": '{ }: { a = derivation { name = "a"; system = "x"; builder = "x"; }; }\n' },
    });
    await publish(pkgs, await wholeReviewOf(pkgs, tip), bob);
    const sources = {
      pkgs: {
        introduction: tip,
        authenticate: "slice" as const,
        rules: [{ paths: ["**"], review: "reader" }],
      },
    };
    const dir = await world.policyDirectory({ ...retired(), sources });
    const checkout = world.fresh("pkgs-checkout");
    await runOk("git", ["clone", "--quiet", "--template=", pkgs.dir, checkout], { env: gitEnv() });
    await runOk("git", ["-C", checkout, "fetch", "--quiet", "origin", "+refs/firstmile/*:refs/firstmile/*"], {
      env: gitEnv(),
    });
    const types = (...args: readonly string[]) =>
      world.firstmile(args, { cwd: checkout, env: signingEnv(later, { "user.email": emailOf("bob") }) });
    const again = await types("review", "--again", "--yes", "--policy", dir);
    expect([again.code, again.stderr]).toEqual([0, expect.any(String)]);
    expect(flat(again.stdout.toString())).toContain("1 signed again by bob");
    const none = await types("review", "--again", "--yes", "--policy", dir);
    expect(none.code).toBe(1);
  });

  test("root's list is what trust readings prints", async () => {
    const envelope = await signedBy(await wholeReviewOf(source, commit, ["a.nix"]), [bob]);
    const { checkout, types, follow } = await story(rules(), [envelope]);
    await follow();
    const listed = await types(alice, checkout, "trust", "readings", bob.fingerprint);
    expect([listed.code, listed.stdout.toString().trim()]).toEqual([
      0,
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
    const other = await types(alice, checkout, "trust", "readings", later.fingerprint);
    expect(other.code).toBe(2);
  });
});
