/** The graph says what the policy says: every way, each thing once, and nothing that no way leads to. */
import { type TrustGraph, trustGraph } from "@firstmile/trust/graph/graph";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { RoleName, SourceName } from "@firstmile/trust/policy/names";
import { compileGlob, type Glob } from "@firstmile/trust/policy/paths";
import type { Certified, IntroductionCommit, Policy, Source } from "@firstmile/trust/policy/policy";
import { describe, expect, test } from "vitest";
import {
  compromised,
  groupOf,
  had,
  id,
  map,
  NOW,
  nix,
  policy,
  retired,
  type Short,
  ssh,
} from "../imports/policies.ts";

type RuleSketch = { paths: string[]; write: Short & object; role?: string; review?: Short & object };

function withSource(of: Policy, rules: readonly RuleSketch[]): Policy {
  const source: Source = {
    name: "nixpkgs" as SourceName,
    urls: [],
    authenticate: "every-commit",
    introduction: { commit: id("x") as string as IntroductionCommit, signedBy: "packager" as RoleName },
    goodlist: new Set(),
    head: undefined,
    channel: undefined,
    arguments: { kind: "none" },
    rules: rules.map(({ paths, write, role, review }, i) => ({
      paths: paths.map((text) => compileGlob(text) as Glob),
      write: groupOf(write),
      role: role as RoleName | undefined,
      review: review && { by: groupOf(review), role: undefined, mergeIsReview: false, anywhere: false },
      waive: undefined,
      line: i + 1,
    })),
  };
  return { ...of, sources: new Map([[source.name, source]]) };
}

const packager = { any: 1, of: ["alice", "acme/packager"] };
const own = withSource(
  policy("own", {
    people: { alice: [ssh("a")], bob: [ssh("b")], idle: [ssh("i")] },
    roles: { root: { any: 1, of: ["alice"] }, packager, unused: { any: 1, of: ["idle"] } },
    imports: { acme: {} },
  }),
  [
    { paths: ["**"], write: packager, role: "packager", review: { any: 1, of: ["bob"] } },
    { paths: ["/lib/**"], write: { any: 2, of: ["alice", "bob"] } },
  ],
);
const acme = policy("acme", {
  people: { carol: [ssh("c")] },
  roles: { packager: { any: 1, of: ["carol"] } },
});

const node = (graph: TrustGraph, label: string) => graph.nodes.find((one) => one.label === label);
const ways = ({ nodes, edges }: TrustGraph) => {
  const label = new Map(nodes.map((one) => [one.id, one.label]));
  return edges.map(({ from, to, may }) => `${label.get(from)} -${may ?? ""}-> ${label.get(to)}`);
};

describe("ways", () => {
  const graph = trustGraph(resolveImports(own, map({ acme: had(acme) }), NOW), NOW);

  test("lead from what is protected to people, and through imports", () => {
    expect(ways(graph)).toEqual(
      expect.arrayContaining([
        "the rules of own -change the rules-> root",
        "root --> alice",
        "nixpkgs -introduce-> packager",
        "nixpkgs --> **",
        "** -write-> packager",
        "** -review-> any 1 of 1",
        "packager --> acme/packager",
        "acme/packager --> acme/carol",
        "/lib/** -write-> any 2 of 2",
      ]),
    );
    expect(node(graph, "acme/packager")).toMatchObject({ kind: "import", threshold: { any: 1, of: 1 } });
    expect(node(graph, "acme/packager")!.notes[0]).toBe("imported from https://acme.example.org/trust");
  });

  test("that nothing protected leads to are not there", () => {
    expect(node(graph, "unused")).toBeUndefined();
    expect(node(graph, "idle")).toBeUndefined();
  });

  test("join nodes that are there, each once", () => {
    const ids = graph.nodes.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { from, to } of graph.edges) expect(ids).toEqual(expect.arrayContaining([from, to]));
  });

  test("of one path are those of the rule that holds, the last one that matches", () => {
    const question = { source: "nixpkgs" as SourceName, path: "lib/default.nix" };
    expect(ways(trustGraph(own, NOW, question))).toEqual([
      "nixpkgs --> /lib/**",
      "any 2 of 2 --> alice",
      "any 2 of 2 --> bob",
      "/lib/** -write-> any 2 of 2",
    ]);
  });

  test("end at an import that cannot be had, with the reason", () => {
    const lost = trustGraph(resolveImports(own, new Map(), NOW), NOW);
    expect(node(lost, "acme/packager")!.problems).toEqual(["the import acme was never fetched"]);
    expect(ways(lost).filter((way) => way.startsWith("acme/packager"))).toEqual([]);
  });

  test("lead from the certified to their masters", () => {
    const masters = { any: 2, of: own.roles.get("unused" as RoleName)!.of };
    const certified: Certified = { by: masters, keyring: "keys/all.gpg", certificates: [] };
    const roles = new Map([
      ...own.roles,
      ["packager" as RoleName, { any: 1, of: [{ kind: "certified", certified } as const] }],
    ]);
    const graph = trustGraph({ ...own, roles }, NOW);
    expect(ways(graph)).toEqual(
      expect.arrayContaining(["packager --> whoever is certified", "whoever is certified -certify-> unused"]),
    );
    expect(node(graph, "whoever is certified")!.notes).toEqual([
      "0 certificates in keys/all.gpg",
      "each by any 2 of 1",
    ]);
  });
});

describe("keys", () => {
  const stateOf = (...keys: NonNullable<Parameters<typeof policy>[1]["people"][string]>[]) => {
    const one = policy("own", { people: { alice: keys.flat() as never } });
    return node(trustGraph(one, NOW), "alice")!;
  };

  test.each([
    ["good", ssh("a")],
    ["compromised", ssh("a", { life: [retired("11"), compromised()] })],
    ["retired", ssh("a", { life: [retired("11")] })],
    ["good", nix("n")],
  ])("%s", (state, key) => {
    expect(stateOf([key]).keys).toMatchObject([{ state }]);
  });

  test("a copy of a key is no second key, and the worse word holds", () => {
    expect(stateOf([ssh("a"), ssh("a", { life: [compromised()] })]).keys).toMatchObject([
      { state: "compromised", note: "stolen" },
    ]);
  });

  test("somebody without a key that counts is told", () => {
    expect(stateOf([ssh("a", { life: [compromised()] })]).problems).toEqual(["no key that counts"]);
    expect(stateOf([ssh("a", { life: [retired("11")] })]).problems).toEqual([]);
  });
});
