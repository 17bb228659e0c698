/** Who counts: roles, thresholds and co-signatures. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DAY as FORGED_DAY,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  MADE,
} from "../../../trust/test/openpgp/forge.ts";

let world: World;
let alice: Person;
let bob: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

test("not-in-role: a known person whom no rule lets write", async () => {
  const repository = await world.repository("role");
  const introduction = await repository.commit({ by: alice });
  const odd = await repository.commit({ by: bob, files: { a: "1" } });
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { writer: [alice] },
    sources: { pkgs: { introduction } },
  };
  const verdict = await world.verify({ repository, policy });
  expect(offences(verdict)).toEqual(expected([odd, "not-in-role"]));
  expect(verdict.denied[0]).toMatchObject({ principal: "bob", key: bob.fingerprint });
});

test("not-a-signing-key: a key that may certify and not sign", async () => {
  const key = forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, 7) });
  const certificate = forgeCertificate({ primary: key, flags: 1 });
  const certifier: Person = {
    ...bob,
    name: "certifier",
    fingerprint: key.fingerprint,
    keyFile: "keys/certifier.gpg",
    publicKey: async () => certificate,
    sign: async (message) => {
      const bytes = forgeSignature(key, Buffer.from(message), { created: MADE + FORGED_DAY });
      return Buffer.from(
        `-----BEGIN PGP SIGNATURE-----\n\n${bytes.toString("base64")}\n-----END PGP SIGNATURE-----\n`,
      );
    },
  };
  const repository = await world.repository("certifier");
  const introduction = await repository.commit({ by: alice });
  const odd = await repository.commit({ by: certifier });
  const policy: PolicySpec = { people: [alice, certifier], sources: { pkgs: { introduction } } };
  expect(offences(await world.verify({ repository, policy }))).toEqual(expected([odd, "not-a-signing-key"]));
});

describe("two people", () => {
  async function story(): Promise<{
    repository: WorldRepository;
    commit: CommitId;
    judge: () => Promise<[CommitId, string][]>;
  }> {
    const second = await world.person("alice-2", "openpgp-ed25519");
    const repository = await world.repository("two");
    const introduction = await repository.commit({ by: alice });
    const commit = await repository.commit({ by: alice, files: { a: "1" } });
    const policy: PolicySpec = {
      people: { alice: [alice, second], bob: [bob] },
      roles: { writer: { any: 2, of: [alice, bob] } },
      sources: { pkgs: { introduction, signedBy: "root" } },
    };
    return { repository, commit, judge: async () => offences(await world.verify({ repository, policy })) };
  }

  test("too-few-signers: one alone", async () => {
    const { commit, judge } = await story();
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("the commit's signature and a note are two", async () => {
    const { repository, commit, judge } = await story();
    await repository.cosign(commit, bob);
    expect(await judge()).toEqual([]);
  });

  test("too-few-signers: one person with two keys is one", async () => {
    const { repository, commit, judge } = await story();
    await repository.cosign(commit, await world.person("alice-2"));
    await repository.cosign(commit, alice);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("too-few-signers: a co-signature over another commit, moved here", async () => {
    const { repository, commit, judge } = await story();
    const other = await repository.commit({ by: alice, branch: "other" });
    await repository.cosign(commit, bob, other);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("too-few-signers: by somebody unknown, and noise between", async () => {
    const { repository, commit, judge } = await story();
    await repository.cosign(commit, mallory);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("too-few-signers: bob's signature of a Git commit is none of its id", async () => {
    const { repository, commit, judge } = await story();
    const asCommit: Person = {
      ...bob,
      sign: (message) => bob.sign(Buffer.concat([message, Buffer.from("x")])),
    };
    await repository.cosign(commit, asCommit);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("an SSH co-signature in Git's namespace does not count", async () => {
    const { repository, commit } = await story();
    const dora = await world.person("dora");
    const wrong: Person = { ...dora, sign: (message) => dora.sign(message) };
    const policy: PolicySpec = {
      people: [alice, dora],
      roles: { writer: { any: 2, of: [alice, dora] } },
      sources: {
        pkgs: {
          introduction: (await repository.git("rev-parse", `${commit}^`)) as CommitId,
          signedBy: "root",
        },
      },
    };
    await repository.cosign(commit, wrong);
    expect(offences(await world.verify({ repository, policy }))).toEqual(
      expected([commit, "too-few-signers"]),
    );
    await repository.cosign(commit, dora);
    expect(offences(await world.verify({ repository, policy }))).toEqual([]);
  });

  test("co-signatures do not outweigh an own signature that is forged", async () => {
    const { repository, judge } = await story();
    const forged = await repository.commit({
      by: alice,
      files: { a: "2" },
      tamper: (object) => Buffer.from(object.toString("latin1").replace(/\n\n/, "\n\nnot "), "latin1"),
    });
    await repository.cosign(forged, bob);
    await repository.cosign(forged, alice);
    expect(await judge()).toContainEqual([forged, "bad-signature"]);
  });

  test("two who sign what nobody signed vouch for it; one does not", async () => {
    const { repository, commit, judge } = await story();
    const unsigned = await repository.commit({ files: { a: "2" } });
    await repository.cosign(commit, bob);
    expect(await judge()).toEqual(expected([unsigned, "unsigned"]));
    await repository.cosign(unsigned, bob);
    expect(await judge()).toEqual(expected([unsigned, "too-few-signers"]));
    await repository.cosign(unsigned, alice);
    expect(await judge()).toEqual([]);
  });
});
