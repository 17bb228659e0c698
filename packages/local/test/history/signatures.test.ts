/** One attack or slip a test: a commit between good ones whose signature does not count, found by code and commit. */

import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  DAY,
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  WORLD_NOW,
  type World,
} from "@firstmile/testing/world";
import { BEGINNING, type KeyKind, type Signing } from "@firstmile/testing/world-people";
import type { CommitSpec, WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
});
afterAll(() => world[Symbol.asyncDispose]());

/** Introduction and one more by alice, then the odd one, then alice again on top of it. */
async function story(odd: CommitSpec, format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository("pkgs", format);
  const introduction = await repository.commit({ by: alice, files: { "README.md": "hello\n" } });
  await repository.commit({ by: alice, files: { "a.nix": "1\n" } });
  const suspect = await repository.commit({ files: { "b.nix": "2\n" }, ...odd });
  await repository.commit({ by: alice, files: { "c.nix": "3\n" } });
  return { repository, introduction, suspect };
}

function rules(
  introduction: CommitId,
  people: readonly Person[],
  more: Partial<PolicySpec> = {},
): PolicySpec {
  return { people, sources: { pkgs: { introduction } }, ...more };
}

async function judge(
  told: { repository: WorldRepository; introduction: CommitId },
  people: readonly Person[],
  more: Partial<PolicySpec> = {},
  now = WORLD_NOW,
) {
  const policy = rules(told.introduction, people, more);
  return world.verify({ repository: told.repository, policy, now });
}

describe.each<KeyKind>([
  "ssh-ed25519",
  "ssh-ecdsa",
  "ssh-rsa",
  "openpgp-ed25519",
  "openpgp-rsa",
  "openpgp-p256",
  "fido",
])("%s", (kind) => {
  test("is good", async () => {
    const signer = await world.person(`good-${kind}`, kind);
    const verdict = await judge(await story({ by: signer }), [alice, signer]);
    expect(verdict).toMatchObject({ allowed: true, denied: [], checked: 3 });
  });

  test("bad-signature: the message was edited behind the signer's back", async () => {
    const signer = await world.person(`good-${kind}`, kind);
    const edit = (object: Buffer) =>
      Buffer.from(object.toString("latin1").replace(/a change\n$/, "b change\n"), "latin1");
    const told = await story({ by: signer, tamper: edit });
    const verdict = await judge(told, [alice, signer]);
    expect(offences(verdict)).toEqual(expected([told.suspect, "bad-signature"]));
  });
});

test("a SHA-256 repository is judged like any other", async () => {
  const told = await story({}, "sha256");
  expect(told.suspect).toHaveLength(64);
  expect(offences(await judge(told, [alice]))).toEqual(expected([told.suspect, "unsigned"]));
});

test("bad-signature: another commit's signature, moved over", async () => {
  const repository = await world.repository("moved");
  const introduction = await repository.commit({ by: alice, files: { a: "1" } });
  const good = (await repository.content(introduction)).toString("latin1");
  const signature = /gpgsig [\s\S]*?-----END SSH SIGNATURE-----\n/.exec(good)![0];
  const graft = (object: Buffer) =>
    Buffer.from(object.toString("latin1").replace("\n\n", `\n${signature}\n`), "latin1");
  const suspect = await repository.commit({ files: { a: "2" }, tamper: graft });
  const verdict = await judge({ repository, introduction }, [alice]);
  expect(offences(verdict)).toEqual(expected([suspect, "bad-signature"]));
});

test("bad-signature: signed for another purpose than Git", async () => {
  const told = await story({ by: alice, signing: { namespace: "file" } });
  expect(offences(await judge(told, [alice]))).toEqual(expected([told.suspect, "bad-signature"]));
});

test("unsigned", async () => {
  const told = await story({});
  const verdict = await judge(told, [alice]);
  expect(offences(verdict)).toEqual(expected([told.suspect, "unsigned"]));
});

test("several-signatures: whichever of them is good", async () => {
  const double = (object: Buffer) => {
    const text = object.toString("latin1");
    const header = /gpgsig [\s\S]*?-----END SSH SIGNATURE-----\n/.exec(text)![0];
    return Buffer.from(text.replace(header, header + header), "latin1");
  };
  const told = await story({ by: alice, tamper: double });
  expect(offences(await judge(told, [alice]))).toEqual(expected([told.suspect, "several-signatures"]));
});

function signedWith(armor: string): (object: Buffer) => Buffer {
  const header = `gpgsig ${armor.trimEnd().replaceAll("\n", "\n ")}`;
  return (object) => Buffer.from(object.toString("latin1").replace("\n\n", `\n${header}\n\n`), "latin1");
}

test.each([
  ["malformed-signature", "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"],
  ["malformed-signature", "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"],
  ["malformed-signature", "-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----\n"],
  ["unsupported-signature", "signed, the management\n"],
])("%s", async (code, armor) => {
  const told = await story({ tamper: signedWith(armor) });
  expect(offences(await judge(told, [alice]))).toEqual(expected([told.suspect, code]));
});

test("unknown-key", async () => {
  const mallory = await world.person("mallory");
  const told = await story({ by: mallory });
  const verdict = await judge(told, [alice]);
  expect(offences(verdict)).toEqual(expected([told.suspect, "unknown-key"]));
  expect(verdict.denied[0]!.key).toBe(mallory.fingerprint);
});

test("weak-signature: OpenPGP over SHA-1, which GnuPG takes", async () => {
  const bob = await world.person("bob", "openpgp-rsa");
  const told = await story({ by: bob, signing: { gpg: ["--digest-algo", "SHA1"] } });
  expect(offences(await judge(told, [alice, bob]))).toEqual(expected([told.suspect, "weak-signature"]));
});

test.each<KeyKind>(["openpgp-rsa-1024", "ssh-rsa-1024"])("weak-key: %s", async (kind) => {
  const weak = await world.person(`weak-${kind}`, kind);
  const told = await story({ by: weak });
  expect(offences(await judge(told, [alice, weak]))).toEqual(expected([told.suspect, "weak-key"]));
});

test("expired-key: judged by today, whenever it signed", async () => {
  const carol = await world.person("carol", "openpgp-ed25519", { expires: "30d" });
  const told = await story({ by: carol });
  const before = await judge(told, [alice, carol], {}, BEGINNING + 29 * DAY);
  expect(before).toMatchObject({ allowed: true, validUntil: BEGINNING + 30 * DAY });
  const after = await judge(told, [alice, carol], {}, BEGINNING + 30 * DAY);
  expect(offences(after)).toEqual(expected([told.suspect, "expired-key"]));
});

test("revoked-key", async () => {
  const dave = await world.person("dave", "openpgp-ed25519");
  const told = await story({ by: dave });
  expect((await judge(told, [alice, dave])).allowed).toBe(true);
  await dave.revoke();
  const verdict = await judge(told, [alice, dave], {}, Math.floor(Date.now() / 1000));
  expect(offences(verdict)).toEqual(expected([told.suspect, "revoked-key"]));
});

test("expired-signature", async () => {
  const bob = await world.person("bob", "openpgp-rsa");
  const told = await story({ by: bob, signing: { gpg: ["--default-sig-expire", "2d"] } });
  expect((await judge(told, [alice, bob], {}, BEGINNING + DAY)).allowed).toBe(true);
  expect(offences(await judge(told, [alice, bob]))).toEqual(expected([told.suspect, "expired-signature"]));
});

test.each<[string, Signing, "touch" | "pin"]>([
  ["touch-missing", { flags: 0 }, "touch"],
  ["touch-missing", { flags: 4 }, "touch"],
  ["pin-missing", { flags: 1 }, "pin"],
  ["pin-missing", { flags: 0 }, "pin"],
])("%s with %o", async (code, signing, demand) => {
  const fido = await world.person("frank", "fido");
  const told = await story({ by: fido, signing });
  const verdict = await judge(told, [alice, fido], { [demand]: [fido] });
  expect(offences(verdict)).toEqual(expected([told.suspect, code]));
});

test("a FIDO key that was touched and asked for its PIN meets both demands", async () => {
  const fido = await world.person("frank", "fido");
  const told = await story({ by: fido, signing: { flags: 5 } });
  expect((await judge(told, [alice, fido], { touch: [fido], pin: [fido] })).allowed).toBe(true);
});

test("every offending commit is told, not the first alone", async () => {
  const mallory = await world.person("mallory");
  const repository = await world.repository("many");
  const introduction = await repository.commit({ by: alice });
  const one = await repository.commit({ files: { a: "1" } });
  await repository.commit({ by: alice, files: { a: "2" } });
  const two = await repository.commit({ by: mallory, files: { a: "3" } });
  const three = await repository.commit({ files: { a: "4" } });
  const verdict = await judge({ repository, introduction }, [alice]);
  expect(offences(verdict)).toEqual(expected([one, "unsigned"], [two, "unknown-key"], [three, "unsigned"]));
});
