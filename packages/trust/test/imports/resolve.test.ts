/** What of another repository reaches this one: what is named, as long as it is in force, and nothing else. */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { PrincipalName, RoleName, SourceName } from "@firstmile/trust/policy/names";
import type { IntroductionCommit, Policy } from "@firstmile/trust/policy/policy";
import { isMet, meets } from "@firstmile/trust/policy/thresholds";
import { lacking } from "@firstmile/trust/verdict/verdict";
import { describe, expect, test } from "vitest";
import { groupOf, had, id, map, NOW, policy, type Sketch, ssh } from "./policies.ts";

const names = (...list: string[]) => new Set(list as PrincipalName[]);
const role = (resolved: Policy, name: string) => resolved.roles.get(name as RoleName)!;
const meetsRole = (resolved: Policy, name: string, ...who: string[]) =>
  isMet(role(resolved, name), names(...who), resolved);
const codes = (resolved: ResolvedPolicy, where: string) =>
  resolved.findings.get(where)?.map(({ code }) => code);

function own(more: Partial<Sketch> = {}): Policy {
  return policy("own", {
    people: { alice: [ssh("a")], bob: [ssh("b")] },
    roles: { packager: { any: 1, of: ["alice", "acme/packager"] }, writer: { any: 1, of: ["alice", "bob"] } },
    imports: { acme: {} },
    ...more,
  });
}
const acme = policy("acme", {
  people: { carol: [ssh("c")], dave: [ssh("d")], eve: [ssh("e")] },
  roles: {
    packager: { any: 1, of: ["@core", { any: 1, of: ["dave"] }] },
    core: { any: 1, of: ["carol"] },
    boss: { any: 1, of: ["eve"] },
  },
});

describe("a named role", () => {
  const resolved = resolveImports(own(), map({ acme: had(acme) }), NOW);

  test("is met by its people, with their thresholds", () => {
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(true);
    expect(meetsRole(resolved, "packager", "acme/dave")).toBe(true);
    expect(meetsRole(resolved, "packager", "bob")).toBe(false);
    expect(resolved.findings).toEqual(new Map());
  });

  test("brings its people and nobody else", () => {
    expect([...resolved.principals.keys()]).toEqual(["alice", "bob", "acme/carol", "acme/dave"]);
    expect([...resolved.roles.keys()]).toEqual(["root", "packager", "writer", "acme/packager"]);
  });

  test("is filled in where rules have groups of their own", () => {
    const group = groupOf({ any: 1, of: ["acme/packager"] });
    const rule = {
      paths: [],
      write: group,
      role: undefined,
      review: { by: group, role: undefined, mergeIsReview: false, anywhere: false },
      waive: undefined,
      line: 7,
    };
    const source = {
      name: "x" as SourceName,
      urls: [],
      authenticate: "tip" as const,
      introduction: { commit: id("x") as string as IntroductionCommit, signedBy: "root" as RoleName },
      goodlist: new Set<string>(),
      head: undefined,
      channel: undefined,
      arguments: { kind: "none" as const },
      rules: [rule],
    };
    const filled = resolveImports(
      { ...own(), sources: new Map([[source.name, source]]) },
      map({ acme: had(acme) }),
      NOW,
    );
    const [made] = filled.sources.get(source.name)!.rules;
    expect(isMet(made!.write, names("acme/dave"), filled)).toBe(true);
    expect(isMet(made!.review!.by, names("acme/dave"), filled)).toBe(true);
  });

  test("may be filled by certification, by its own masters", () => {
    const primary = { fingerprint: "AB", material: { kind: "unsupported" } };
    const certificates = [{ fingerprint: "AB", primary, subkeys: [] }] as unknown as OpenPgpCertificate[];
    const by = groupOf({ any: 1, of: ["carol"] });
    const certified = {
      any: 1,
      of: [{ kind: "certified", certified: { by, keyring: "keys/all.gpg", certificates } }],
    } as const;
    const theirs = { ...acme, roles: new Map([...acme.roles, ["packager" as RoleName, certified]]) };
    const filled = resolveImports(own(), map({ acme: had(theirs) }), NOW);
    expect(role(filled, "acme/packager").of).toEqual([
      {
        kind: "certified",
        certified: {
          by: { any: 1, of: [{ kind: "principal", name: "acme/carol" }] },
          keyring: "acme/keys/all.gpg",
          certificates,
        },
      },
    ]);
  });
});

describe("nobody meets what cannot be had, and only that", () => {
  function lost(resolved: ResolvedPolicy, code: string) {
    expect(codes(resolved, "acme/packager")).toEqual([code]);
    expect(
      meets(role(resolved, "acme/packager"), names("alice", "acme/carol", "acme/dave"), resolved).met,
    ).toBe(false);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(false);
    expect(meetsRole(resolved, "packager", "alice")).toBe(true);
    expect(meetsRole(resolved, "writer", "bob")).toBe(true);
  }

  test("never fetched", () => lost(resolveImports(own(), new Map(), NOW), "import-unavailable"));

  test("not authentic, with the reason", () => {
    const reason = lacking("rollback", "an older state is served");
    const resolved = resolveImports(own(), map({ acme: { ok: false, reason } }), NOW);
    lost(resolved, "import-unavailable");
    expect(resolved.findings.get("acme/packager")![0]!.because).toEqual([reason]);
  });

  test("past its own end", () => {
    const imported = map({ acme: had({ ...acme, expires: NOW }) });
    lost(resolveImports(own(), imported, NOW), "import-unavailable");
    const before = resolveImports(own(), imported, NOW - 1);
    expect(meetsRole(before, "packager", "acme/carol")).toBe(true);
    expect(before.resolvedUntil).toBe(NOW);
  });

  test("a role that is not there", () => {
    const roles = new Map([...acme.roles].filter(([name]) => name !== "packager"));
    lost(resolveImports(own(), map({ acme: had({ ...acme, roles }) }), NOW), "import-role-missing");
  });

  test("a role that is there and not named", () => {
    const sneaky = own({ roles: { packager: { any: 1, of: ["acme/boss"] } } });
    const resolved = resolveImports(sneaky, map({ acme: had(acme) }), NOW);
    expect(codes(resolved, "acme/boss")).toEqual(["import-role-missing"]);
    expect(meetsRole(resolved, "packager", "acme/eve")).toBe(false);
    expect(resolved.principals.has("acme/eve" as PrincipalName)).toBe(false);
  });

  test("an import that the policy does not have", () => {
    const sneaky = own({ roles: { packager: { any: 1, of: ["other/packager"] } } });
    const resolved = resolveImports(sneaky, map({ acme: had(acme), other: had(acme) }), NOW);
    expect(codes(resolved, "other/packager")).toEqual(["import-role-missing"]);
    expect(meetsRole(resolved, "packager", "other/carol", "acme/carol")).toBe(false);
  });

  test("a threshold that its lost people leave out of reach stays", () => {
    const two = policy("acme", {
      people: { x: [ssh("a"), ssh("b")], y: [ssh("y")] },
      roles: { packager: { any: 2, of: ["x", "y"] } },
    });
    const resolved = resolveImports(own(), map({ acme: had(two) }), NOW);
    expect(meetsRole(resolved, "acme/packager", "acme/y", "alice", "bob")).toBe(false);
  });
});

describe("root", () => {
  test.each([
    ["itself", { root: { any: 1, of: ["alice", "acme/packager"] } }],
    ["by a role", { root: { any: 1, of: ["alice", "@team"] }, team: { any: 1, of: ["acme/packager"] } }],
    ["by a group", { root: { any: 1, of: ["alice", { any: 1, of: ["acme/packager"] }] } }],
  ])("rests on no import: %s", (_, roles) => {
    const resolved = resolveImports(own({ roles }), map({ acme: had(acme) }), NOW);
    expect(codes(resolved, "root")).toEqual(["import-in-root"]);
    expect(meetsRole(resolved, "root", "alice", "acme/carol")).toBe(false);
  });

  test("the other's root is a role like another, and not this one's", () => {
    const mine = own({
      imports: { acme: { roles: ["root" as RoleName] } },
      roles: { packager: { any: 1, of: ["acme/root"] } },
    });
    const resolved = resolveImports(mine, map({ acme: had(acme) }), NOW);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(true);
    expect(meetsRole(resolved, "root", "acme/carol")).toBe(false);
  });
});

describe("what an import imports", () => {
  const beta = policy("beta", { people: { zoe: [ssh("z")] }, roles: { packager: { any: 1, of: ["zoe"] } } });
  const middle = (more: Partial<Sketch> = {}) =>
    policy("acme", {
      people: { carol: [ssh("c")] },
      roles: { packager: { any: 1, of: ["carol", "beta/packager"] } },
      imports: { beta: {} },
      ...more,
    });
  const asked = (transitive: boolean) => own({ imports: { acme: { transitive } } });

  test("is refused with the role that rests on it, unless said", () => {
    const resolved = resolveImports(asked(false), map({ acme: had(middle(), { beta: had(beta) }) }), NOW);
    expect(codes(resolved, "acme/packager")).toEqual(["import-not-transitive"]);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(false);
    expect([...resolved.principals.keys()]).toEqual(["alice", "bob"]);
  });

  test("counts where it is said", () => {
    const resolved = resolveImports(asked(true), map({ acme: had(middle(), { beta: had(beta) }) }), NOW);
    expect(meetsRole(resolved, "packager", "acme/beta/zoe")).toBe(true);
    expect(resolved.findings).toEqual(new Map());
  });

  test("does not go on where the one between did not say so", () => {
    const gamma = policy("gamma", {
      people: { gus: [ssh("g")] },
      roles: { packager: { any: 1, of: ["gus"] } },
    });
    const further = policy("beta", {
      people: { zoe: [ssh("z")] },
      roles: { packager: { any: 1, of: ["zoe", "gamma/packager"] } },
      imports: { gamma: {} },
    });
    const chain = map({ acme: had(middle(), { beta: had(further, { gamma: had(gamma) }) }) });
    const resolved = resolveImports(asked(true), chain, NOW);
    expect(codes(resolved, "acme/packager")).toEqual(["import-not-transitive"]);
    expect(meetsRole(resolved, "packager", "acme/beta/zoe")).toBe(false);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(true);
  });

  test("is lost alone where it has expired", () => {
    const expired = had({ ...beta, expires: NOW - 5 });
    const resolved = resolveImports(asked(true), map({ acme: had(middle(), { beta: expired }) }), NOW);
    expect(codes(resolved, "acme/packager")).toEqual(["import-unavailable"]);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(true);
  });

  test("in a circle ends, and gives nothing from there on", () => {
    const introduction = { commit: id("acme") as string as IntroductionCommit, signedBy: ["x"] };
    const circling = middle({
      imports: { beta: { introduction, transitive: true } },
      roles: { packager: { any: 1, of: ["carol", "beta/packager"] } },
    });
    const round = new Map();
    const endless = { ...had(circling), imported: round };
    round.set("beta", endless);
    const resolved = resolveImports(asked(true), map({ acme: endless }), NOW);
    expect(codes(resolved, "acme/packager")).toEqual(["import-cycle"]);
    expect(meetsRole(resolved, "packager", "acme/carol")).toBe(true);
  });

  test("ends after eight repositories", () => {
    const link = (n: number): ReturnType<typeof had> => {
      const name = `r${n}`;
      const next = { [`r${n + 1}`]: { transitive: true } };
      const of = policy(name, {
        people: { [`p${n}`]: [ssh(`p${n}`)] },
        roles: { packager: { any: 1, of: [`p${n}`, `r${n + 1}/packager`] } },
        imports: next,
      });
      return had(of, n < 20 ? { [`r${n + 1}`]: link(n + 1) } : {});
    };
    const mine = own({
      imports: { r1: { transitive: true } },
      roles: { packager: { any: 1, of: ["r1/packager"] } },
    });
    const resolved = resolveImports(mine, map({ r1: link(1) }), NOW);
    expect(codes(resolved, "r1/packager")).toEqual(["import-cycle"]);
    expect(resolved.principals.has("r1/r2/r3/r4/r5/r6/r7/r8/p8" as PrincipalName)).toBe(true);
    expect([...resolved.principals.keys()].filter((name) => name.includes("p9"))).toEqual([]);
  });

  test("that forks at every step ends", () => {
    const fork = (depth: number, name: string): ReturnType<typeof had> => {
      const next = depth < 8 ? ["l", "r", "m", "n"] : [];
      const of = policy(name, {
        people: { p: [ssh(name)] },
        roles: { packager: { any: 1, of: ["p", ...next.map((side) => `${side}/packager`)] } },
        imports: Object.fromEntries(
          next.map((side) => [
            side,
            {
              transitive: true,
              introduction: { commit: id(name + side) as string as IntroductionCommit, signedBy: ["x"] },
            },
          ]),
        ),
      });
      return had(
        of,
        Object.fromEntries(
          next.slice(0, depth < 3 ? 4 : 0).map((side) => [side, fork(depth + 1, name + side)]),
        ),
      );
    };
    const mine = own({
      imports: { f: { transitive: true } },
      roles: { packager: { any: 1, of: ["f/packager"] } },
    });
    const resolved = resolveImports(mine, map({ f: fork(1, "f") }), NOW);
    expect(resolved.principals.size).toBeLessThan(80);
    expect(codes(resolved, "f/packager")).toBeDefined();
  });
});

describe("limits", () => {
  test("imports that together make a group slow to count are met by nobody", () => {
    const specs = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`i${i}`, {}]));
    const one = (i: number) =>
      had(policy(`i${i}`, { people: { p: [ssh(`p${i}`)] }, roles: { packager: { any: 1, of: ["p"] } } }));
    const mine = own({
      imports: specs,
      roles: { packager: { any: 15, of: Object.keys(specs).map((name) => `${name}/packager`) } },
    });
    const all = map(Object.fromEntries(Object.keys(specs).map((name, i) => [name, one(i)])));
    for (const imported of [all, new Map()]) {
      const started = performance.now();
      const resolved = resolveImports(mine, imported, NOW);
      expect(codes(resolved, "packager")).toEqual(["import-too-complex"]);
      expect(meetsRole(resolved, "packager", ...resolved.principals.keys())).toBe(false);
      expect(performance.now() - started).toBeLessThan(2_000);
    }
  });

  test("10,000 principals of twenty repositories are taken in soon", () => {
    const specs = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`i${i}`, {}]));
    const one = (r: number) => {
      const people = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, [ssh(`${r} ${i}`)]]));
      return had(policy(`i${r}`, { people, roles: { packager: { any: 1, of: Object.keys(people) } } }));
    };
    const imported = map(Object.fromEntries(Object.keys(specs).map((name, r) => [name, one(r)])));
    const started = performance.now();
    const resolved = resolveImports(own({ imports: specs, roles: {} }), imported, NOW);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(resolved.principals.size).toBe(10_002);
    expect(meetsRole(resolved, "i19/packager", "i19/p499")).toBe(true);
  });

  test.each(["__proto__", "constructor", "toString", "a/b"])(
    "a principal called %s is only a name",
    (name) => {
      const people = Object.fromEntries([[name === "__proto__" ? "x" : name, [ssh("x")]]]);
      const plain = policy("acme", { people, roles: { packager: { any: 1, of: ["y"] } } });
      const odd = name as PrincipalName;
      const principals = new Map([[odd, { ...[...plain.principals.values()][0]!, name: odd }]]);
      const roles = new Map([
        ["packager" as RoleName, { any: 1, of: [{ kind: "principal", name: odd } as const] }],
      ]);
      const resolved = resolveImports(own(), map({ acme: had({ ...plain, principals, roles }) }), NOW);
      expect(meetsRole(resolved, "acme/packager", `acme/${name}`)).toBe(true);
      expect(meetsRole(resolved, "acme/packager", name)).toBe(false);
    },
  );
});

describe("the digest", () => {
  const of = (imported: Parameters<typeof resolveImports>[1], now = NOW) =>
    resolveImports(own(), imported, now).digest;

  test("is another one for each state of the imports", () => {
    const states = [
      own().digest,
      of(new Map()),
      of(map({ acme: had(acme) })),
      of(map({ acme: had(acme) }), acme.expires),
      of(map({ acme: had({ ...acme, digest: own().digest }) })),
    ];
    expect(new Set(states).size).toBe(states.length);
    expect(of(map({ acme: had(acme) }))).toBe(states[2]);
  });

  test("without imports, the policy stays what it is", () => {
    const alone = own({ imports: {}, roles: {} });
    expect(resolveImports(alone, new Map(), NOW)).toMatchObject({ digest: alone.digest, roles: alone.roles });
  });
});
