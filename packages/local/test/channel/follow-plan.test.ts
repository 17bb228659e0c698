/** What following a curator adds to one's own rules: what is missing, and nothing else. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type FollowRequest, planToFollow, sourceToFollow } from "@firstmile/local/channel/follow-plan";
import { makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { amendPolicy } from "@firstmile/trust/policy/amend";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, carol] = await Promise.all([world.person("alice"), world.person("carol")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const INTRODUCTION = "1".repeat(40) as CommitId;
const SOURCE = { introduction: "2".repeat(40) as CommitId, authenticate: "slice" } as const;

async function load(files: ReadonlyMap<string, Uint8Array>): Promise<Policy> {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  return loaded.policy;
}

const filesOf = (spec: Partial<PolicySpec>) => policyFiles({ people: [alice], ...spec });
const curatorRules = async (name: string) =>
  load(
    await policyFiles({
      name,
      people: [carol],
      roles: { curator: [carol] },
      sources: { pkgs: SOURCE },
    }),
  );

async function follow(
  spec: Partial<PolicySpec>,
  more: Partial<FollowRequest> = {},
  curatorName = "ACME Curators",
) {
  const files = await filesOf(spec);
  const [own, curator] = [await load(files), await curatorRules(curatorName)];
  const plan = planToFollow(own, curator, {
    url: "https://example.org/acme.git",
    introduction: { commit: INTRODUCTION, signedBy: [carol.fingerprint as never] },
    role: "curator",
    source: sourceToFollow(curator, undefined)!,
    name: undefined,
    review: undefined,
    ...more,
  });
  if (plan.kind !== "amend") return { plan, policy: own };
  const text = Buffer.from(files.get("firstmile.toml")!).toString();
  const amended = amendPolicy(text, plan.amendment);
  if (!amended.ok) throw new Error(amended.missing.join());
  return { plan, policy: await load(new Map([...files, ["firstmile.toml", Buffer.from(amended.text)]])) };
}

const importText = (more = "") =>
  `[import.acme]\nurls = ["https://example.org/acme.git"]\nintroduction = { commit = "${INTRODUCTION}", signed_by = ["${carol.fingerprint}"] }\nroles = ["curator"${more}]`;

describe("is added", () => {
  test("everything, where nothing is there", async () => {
    const { policy } = await follow({ roles: { reviewer: ["alice"] } });
    expect(policy.imports.get("acme-curators" as never)).toMatchObject({
      urls: ["https://example.org/acme.git"],
      introduction: { commit: INTRODUCTION, signedBy: [carol.fingerprint] },
      roles: ["curator"],
      transitive: false,
    });
    expect(policy.roles.get("curator" as never)).toEqual({
      any: 1,
      of: [{ kind: "imported", from: "acme-curators", role: "curator" }],
    });
    const source = policy.sources.get("pkgs" as never)!;
    expect(source).toMatchObject({
      authenticate: "slice",
      channel: "curator",
      urls: ["https://example.org/pkgs"],
    });
    expect(source.introduction.commit).toBe(SOURCE.introduction);
    expect(source.rules[0]!.review?.role).toBe("reviewer");
  });

  test("only the channel's line to a source that is there, whose rules stay", async () => {
    const rules = [{ paths: ["/lib/"], review: "root" }];
    const { policy } = await follow({ sources: { pkgs: { ...SOURCE, rules } } });
    expect(policy.sources.get("pkgs" as never)).toMatchObject({ channel: "curator" });
    expect(policy.sources.get("pkgs" as never)!.rules.map(({ review }) => review?.role)).toEqual(["root"]);
  });

  test("a role of another name, where that name is somebody else's", async () => {
    const { policy, plan } = await follow({ roles: { curator: ["alice"] } });
    expect(plan).toMatchObject({ role: "acme-curators-curator" });
    expect(policy.sources.get("pkgs" as never)!.channel).toBe("acme-curators-curator");
    expect(policy.roles.get("curator" as never)!.of).toEqual([{ kind: "principal", name: "alice" }]);
  });

  test("names with dots, which TOML would take apart", async () => {
    const { policy } = await follow({ roles: { curator: ["alice"] } }, {}, "acme.example.org");
    expect([...policy.imports.keys()]).toEqual(["acme.example.org"]);
    expect(policy.sources.get("pkgs" as never)!.channel).toBe("acme.example.org-curator");
  });

  test("nothing where all is there, and what is missing where only that is", async () => {
    const roles = { curator: ["acme/curator"] };
    const there = {
      roles,
      sources: { pkgs: { ...SOURCE, more: 'channel = "curator"' } },
      more: importText(),
    };
    expect((await follow(there)).plan).toEqual({ kind: "there" });
    const { plan } = await follow({ roles, sources: { pkgs: SOURCE }, more: importText() });
    expect(plan).toMatchObject({
      amendment: { into: [{ table: ["source", "pkgs"], line: 'channel = "curator"' }], behind: [] },
    });
  });
});

describe("is refused", () => {
  test.each<[string, Partial<PolicySpec>, Partial<FollowRequest>, string]>([
    ["a role that the curator does not have", {}, { role: "boss" }, "has no role boss"],
    ["a name that is none", {}, { name: "A B" }, "cannot be called"],
    ["a review by nobody here", {}, { review: "nobody" }, "unknown-role"],
  ])("%s", async (_, spec, more, problem) => {
    const said = await follow(spec, more).then(
      ({ plan }) => (plan.kind === "refused" ? plan.problem : plan.kind),
      (error: Error) => error.message,
    );
    expect(said).toContain(problem);
  });

  test("a source that is judged by its commits here, or follows somebody else", async () => {
    const commits = { introduction: SOURCE.introduction };
    expect((await follow({ sources: { pkgs: commits } })).plan).toMatchObject({
      problem: expect.stringContaining("judged by its commits"),
    });
    const other = { ...SOURCE, more: 'channel = "root"' };
    expect((await follow({ sources: { pkgs: other } })).plan).toMatchObject({
      problem: expect.stringContaining("follows the role root already"),
    });
  });

  test("an import of the same repository without that role", async () => {
    const more = importText().replace('"curator"', '"other"');
    expect((await follow({ more })).plan).toMatchObject({
      help: expect.stringContaining('add "curator" to its roles'),
    });
  });
});
