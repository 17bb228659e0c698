/** People count, keys do not, in however many repositories they stand; and no repository speaks for another. */
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Key, Policy, Principal } from "@firstmile/trust/policy/policy";
import { isMet, isMetByOperator } from "@firstmile/trust/policy/thresholds";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { sshFingerprint } from "@firstmile/trust/ssh/keys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compromised, groupOf, had, map, NOW, nix, policy, retired, ssh } from "./policies.ts";

const names = (...list: string[]) => new Set(list as PrincipalName[]);

/** Whether signatures by these keys meet the group, as a verdict would count them. */
function met(resolved: Policy, role: string, keys: readonly ReturnType<typeof ssh>[]): boolean {
  const { ownerOf } = identitiesOf(resolved);
  const people = keys.map(({ key }) => ownerOf.get(sshFingerprint(key) as Fingerprint));
  const who = new Set(people.filter((name) => name !== undefined));
  return isMet(resolved.roles.get(role as RoleName)!, who, resolved);
}

/** Local alice, bob; acme's packagers; whatever a role of both asks. */
function both(acme: Record<string, readonly Key[] | Partial<Principal>>, any = 2) {
  const own = policy("own", {
    people: { alice: [ssh("a"), ssh("a-home")], bob: [ssh("b")] },
    roles: { both: { any, of: ["alice", "acme/packager"] } },
    imports: { acme: {} },
  });
  const theirs = policy("acme", {
    people: acme,
    roles: { packager: { any: 1, of: Object.keys(acme) } },
  });
  return resolveImports(own, map({ acme: had(theirs) }), NOW);
}

describe("one person in two repositories", () => {
  test("has one vote", () => {
    const resolved = both({ al: [ssh("a")] });
    expect(met(resolved, "both", [ssh("a"), ssh("a-home")])).toBe(false);
    expect(met(both({ al: [ssh("c")] }), "both", [ssh("a"), ssh("c")])).toBe(true);
  });

  test("has one vote with a key of each as well", () => {
    const resolved = both({ al: [ssh("a"), ssh("a-acme")] });
    expect(met(resolved, "both", [ssh("a"), ssh("a-acme")])).toBe(false);
  });

  test("fills the imported role under the name that is known here", () => {
    const resolved = both({ al: [ssh("a")] }, 1);
    expect(isMet(resolved.roles.get("acme/packager" as RoleName)!, names("alice"), resolved)).toBe(true);
    expect([...resolved.principals.keys()]).toEqual(["alice", "bob"]);
  });

  test("is not counted who holds the key of a certification authority for another", () => {
    const { file, life, key } = ssh("ca");
    const authority = { kind: "ssh-authority", file, life, key, certifiedAs: ["x"] } as const;
    const own = (here: Key, there: Key) => {
      const ours = policy("own", {
        people: { alice: [ssh("a"), here], bob: [ssh("b")] },
        roles: { both: { any: 2, of: ["alice", "acme/packager"] } },
        imports: { acme: {} },
      });
      const theirs = policy("acme", { people: { x: [there] }, roles: { packager: { any: 1, of: ["x"] } } });
      return resolveImports(ours, map({ acme: had(theirs) }), NOW);
    };
    for (const [here, there] of [
      [authority, ssh("ca")],
      [ssh("ca"), authority],
    ] as const) {
      const resolved = own(here, there);
      expect([...resolved.principals.keys()]).toEqual(["alice", "bob"]);
      expect(resolved.findings.get("acme/packager")).toMatchObject([{ code: "import-contested" }]);
    }
    expect([...own(ssh("ca"), nix("other")).principals.keys()]).toEqual(["alice", "bob", "acme/x"]);
  });

  test("is found by the numbers of a key, whatever the format", () => {
    const resolved = both({ builder: [nix("a")] });
    expect([...resolved.principals.keys()]).toEqual(["alice", "bob"]);
  });

  test("a Nix key's name alone makes nobody the same", () => {
    const own = policy("own", { people: { hydra: [nix("h", "cache-1")] }, imports: { acme: {} } });
    const acme = policy("acme", {
      people: { cache: [nix("other", "cache-1")] },
      roles: { packager: { any: 1, of: ["cache"] } },
    });
    expect([...resolveImports(own, map({ acme: had(acme) }), NOW).principals.keys()]).toEqual([
      "hydra",
      "acme/cache",
    ]);
  });
});

describe("a repository speaks for nobody of another", () => {
  test("no key is added to a person listed here", () => {
    const resolved = both({ al: [ssh("a"), ssh("mallory")] }, 1);
    const { ownerOf } = identitiesOf(resolved);
    expect(ownerOf.get(sshFingerprint(ssh("mallory").key))).toBeUndefined();
  });

  test("whoever would be two people of this policy is nobody", () => {
    const resolved = both({ x: [ssh("a"), ssh("b"), ssh("x")], y: [ssh("y")] }, 1);
    expect(resolved.findings.get("acme/packager")).toMatchObject([{ code: "import-contested" }]);
    expect(met(resolved, "acme/packager", [ssh("x")])).toBe(false);
    expect(met(resolved, "acme/packager", [ssh("a"), ssh("b")])).toBe(false);
    expect(met(resolved, "acme/packager", [ssh("y")])).toBe(true);
  });

  /** acme lists beta's packager beside a key of its own. */
  function stolenSeat(order: readonly ["acme" | "beta", "acme" | "beta"]) {
    const own = policy("own", {
      people: { alice: [ssh("a")] },
      roles: { pair: { any: 2, of: ["acme/packager", "beta/packager"] } },
      imports: { [order[0]]: {}, [order[1]]: {} },
    });
    const roles = { packager: { any: 1, of: ["bob"] } };
    const acme = policy("acme", { people: { bob: [ssh("bob"), ssh("mallory")] }, roles });
    const beta = policy("beta", { people: { bob: [ssh("bob")] }, roles });
    return resolveImports(own, map({ acme: had(acme), beta: had(beta) }), NOW);
  }

  test.each([[["acme", "beta"] as const], [["beta", "acme"] as const]])("not by order %s", (order) => {
    const resolved = stolenSeat(order);
    expect(met(resolved, "beta/packager", [ssh("mallory")])).toBe(false);
    expect(met(resolved, "pair", [ssh("bob"), ssh("mallory")])).toBe(false);
  });

  test("and the one imported first keeps its people", () => {
    expect(met(stolenSeat(["beta", "acme"]), "beta/packager", [ssh("bob")])).toBe(true);
    const later = stolenSeat(["acme", "beta"]);
    expect(later.findings.get("beta/packager")).toMatchObject([{ code: "import-contested" }]);
    expect(met(later, "acme/packager", [ssh("bob")])).toBe(true);
  });

  test("an address of somebody here stays theirs", () => {
    const own = policy("own", {
      people: { alice: { keys: [ssh("a")], emails: ["alice@example.org"] } },
      imports: { acme: {} },
    });
    const acme = policy("acme", {
      people: { x: { keys: [ssh("x")], emails: ["Alice@example.org", "x@example.org"] } },
      roles: { packager: { any: 1, of: ["x"] } },
    });
    const { principals } = resolveImports(own, map({ acme: had(acme) }), NOW);
    expect(principals.get("acme/x" as PrincipalName)!.emails).toEqual(["x@example.org"]);
  });
});

describe("operators", () => {
  /** Two of hydra here and acme's builders. */
  function builders(acme: Record<string, Partial<Principal>>) {
    const own = policy("own", {
      people: {
        hydra: { keys: [nix("h")], operator: "nixos.org" as Principal["operator"] },
        other: { keys: [nix("o")] },
      },
      roles: { builder: { any: 2, of: ["hydra", "other", "acme/packager"] } },
      imports: { acme: {} },
    });
    const theirs = policy("acme", { people: acme, roles: { packager: { any: 1, of: Object.keys(acme) } } });
    return resolveImports(own, map({ acme: had(theirs) }), NOW);
  }
  const operator = (name: string) => name as Principal["operator"];
  const votes = (resolved: Policy, ...who: string[]) =>
    isMetByOperator(resolved.roles.get("builder" as RoleName)!, names(...who), resolved);

  test("the same name is the same operator", () => {
    const resolved = builders({ mirror: { keys: [nix("m")], operator: operator("nixos.org") } });
    expect(votes(resolved, "hydra", "acme/mirror")).toBe(false);
    expect(votes(resolved, "other", "acme/mirror")).toBe(true);
  });

  test("whoever runs a builder known here is the operator known here, under any name", () => {
    const resolved = builders({
      known: { keys: [nix("h")], operator: operator("them") },
      second: { keys: [nix("s")], operator: operator("them") },
    });
    expect(votes(resolved, "hydra", "acme/second")).toBe(false);
    expect(votes(resolved, "other", "acme/second")).toBe(true);
  });

  test("one that would be several operators known here has no further builders", () => {
    const resolved = builders({
      one: { keys: [nix("h")], operator: operator("them") },
      two: { keys: [nix("o")], operator: operator("them") },
      three: { keys: [nix("t")], operator: operator("them") },
    });
    expect(resolved.principals.has("acme/three" as PrincipalName)).toBe(false);
    expect(resolved.findings.get("acme/packager")).toMatchObject([{ code: "import-contested" }]);
    expect(votes(resolved, "hydra", "other")).toBe(true);
  });

  test("the name of a builder here stands for its operator", () => {
    const resolved = builders({ hydra: { keys: [nix("h2")] } });
    expect(votes(resolved, "hydra", "acme/hydra")).toBe(false);
  });
});

describe("the life of a key", () => {
  const life = (resolved: Policy, name: string) =>
    resolved.principals
      .get(name as PrincipalName)!
      .keys.flatMap((key) => (key.kind === "nix" ? [] : key.life));

  test("compromised there is compromised here, and says who says so", () => {
    const resolved = both({ al: [ssh("a", { life: [compromised()] })] });
    expect(life(resolved, "alice")).toContainEqual({
      kind: "compromised",
      key: undefined,
      reason: "stolen (says acme)",
    });
    expect(life(resolved, "bob")).toEqual([]);
  });

  test("compromised here is compromised there", () => {
    const own = policy("own", {
      people: { alice: [ssh("a")], gone: [ssh("g", { life: [compromised()] })] },
      roles: { both: { any: 1, of: ["acme/packager"] } },
      imports: { acme: {} },
    });
    const acme = policy("acme", {
      people: { gina: [nix("g")] },
      roles: { packager: { any: 1, of: ["gina"] } },
    });
    const resolved = resolveImports(own, map({ acme: had(acme) }), NOW);
    expect(life(resolved, "gone")).toEqual([compromised()]);
    expect(isMet(resolved.roles.get("acme/packager" as RoleName)!, names("gone"), resolved)).toBe(true);
  });

  test("a Nix key, which has no life of its own, is gone", () => {
    const own = policy("own", { people: { hydra: [nix("h"), nix("h2")] }, imports: { acme: {} } });
    const acme = policy("acme", { people: { x: [ssh("h", { life: [compromised()] })] } });
    const { principals } = resolveImports(own, map({ acme: had(acme) }), NOW);
    expect(principals.get("hydra" as PrincipalName)!.keys).toEqual([nix("h2")]);
  });

  test("retired by two is retired by both", () => {
    const own = policy("own", {
      people: { alice: [ssh("a", { life: [retired("11")] })] },
      imports: { acme: {} },
    });
    const acme = policy("acme", { people: { al: [ssh("a", { life: [retired("22")] })] } });
    const resolved = resolveImports(own, map({ acme: had(acme) }), NOW);
    expect(life(resolved, "alice")).toEqual([retired("11"), retired("22")]);
  });

  test("touch asked for there is asked for here", () => {
    const resolved = both({ al: [ssh("a", { touch: true })] });
    const { keys } = resolved.principals.get("alice" as PrincipalName)!;
    // Of two entries for one key, each demand counts that either of them makes: ssh/keys.ts.
    expect(keys).toEqual([ssh("a"), ssh("a-home"), ssh("a", { touch: true })]);
  });
});

describe("for any two repositories", () => {
  const seeds = ["k1", "k2", "k3", "k4", "k5", "k6"];
  /** Keys shared out among people: no two people of one repository have one key. */
  const repository = fc
    .array(fc.integer({ min: 0, max: 4 }), { minLength: seeds.length, maxLength: seeds.length })
    .map((owners) => {
      const people: Record<string, Key[]> = {};
      owners.forEach((owner, i) => {
        if (owner > 0) people[`p${owner}`] = [...(people[`p${owner}`] ?? []), ssh(seeds[i]!)];
      });
      return people;
    })
    .filter((people) => Object.keys(people).length > 0);

  test("each key has one owner, nobody is two, and nobody here is given or loses a key", () => {
    fc.assert(
      fc.property(repository, repository, repository, (ours, acme, beta) => {
        const role = (people: object) => ({ packager: { any: 1, of: Object.keys(people) } });
        const own = policy("own", { people: ours, imports: { acme: {}, beta: {} } });
        const imported = map({
          acme: had(policy("acme", { people: acme, roles: role(acme) })),
          beta: had(policy("beta", { people: beta, roles: role(beta) })),
        });
        const { principals } = resolveImports(own, imported, NOW);
        const files = (name: string) =>
          new Set(
            principals
              .get(name as PrincipalName)!
              .keys.map((key) => (key.kind === "ssh" ? sshFingerprint(key.key) : "")),
          );
        for (const [name, keys] of Object.entries(ours))
          expect(files(name)).toEqual(
            new Set(keys.map((key) => (key.kind === "ssh" ? sshFingerprint(key.key) : ""))),
          );
        const owners = new Map<string, string>();
        for (const name of principals.keys()) {
          for (const key of files(name)) {
            expect(owners.has(key)).toBe(false);
            owners.set(key, name);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a group of one person's keys is never two votes", () => {
    fc.assert(
      fc.property(repository, repository, (ours, acme) => {
        const of = [...Object.keys(ours), "acme/packager"];
        const own = policy("own", {
          people: ours,
          roles: { two: { any: Math.min(2, of.length), of } },
          imports: { acme: {} },
        });
        const theirs = policy("acme", {
          people: acme,
          roles: { packager: { any: 1, of: Object.keys(acme) } },
        });
        const resolved = resolveImports(own, map({ acme: had(theirs) }), NOW);
        for (const keys of [...Object.values(ours), ...Object.values(acme)]) {
          const several = Object.values(ours).filter((mine) =>
            mine.some((a) => keys.some((b) => JSON.stringify(a) === JSON.stringify(b))),
          );
          if (several.length < 2) expect(met(resolved, "two", keys as ReturnType<typeof ssh>[])).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("groupOf reads what the tests write", () => {
  expect(groupOf({ any: 1, of: ["acme/packager"] }).of[0]).toMatchObject({ kind: "imported" });
});
