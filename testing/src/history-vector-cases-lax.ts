/**
 * Cases in which a lax reader lets something pass: one key under two listings, names of directories, people whom a
 * commit names in another spelling, and signatures over nearly what they should be over.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  forgeCertificate,
  forgeKey,
  keyExpiry,
  MADE,
  packet,
} from "../../packages/trust/test/openpgp/forge.ts";
import { type ForgedKey, publicLine, sshsig, string } from "../../packages/trust/test/ssh/forge.ts";
import { anyOf, type Cast, type HistoryCase, type Told } from "./history-vector-case.ts";
import { certificateHolder, gpgOf } from "./history-vector-cases-keys.ts";
import { change, reviewCase, unread } from "./history-vector-cases-reviews.ts";
import { forged } from "./history-vector-forged.ts";
import { oddCase } from "./history-vector-odd.ts";
import { reviewOf, state } from "./history-vector-statements.ts";
import { DAY, type Person, type PolicySpec, type WorldRepository } from "./world.ts";

const FILE = "a.nix";

/** One secret as an SSH key, for the key that `forgeKey` makes of the same seed. */
function sshOf(seed: Buffer): ForgedKey {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const point = createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32);
  const [type, fields] = ["ssh-ed25519", string(point)];
  const make = (data: Buffer) => Buffer.concat([string(type), string(sign(null, data, secret))]);
  return { type, fields, blob: Buffer.concat([string(type), fields]), sign: make };
}

function newSeed(): Buffer {
  const { privateKey }: { privateKey: KeyObject } = generateKeyPairSync("ed25519");
  return privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
}

/** Bob lists his keys as `listed` says; what he signs with is for the case to say. */
function listing(
  name: string,
  claim: string,
  needs: HistoryCase["needs"],
  play: (cast: Cast) => Promise<{
    readonly listed: string;
    readonly files: ReadonlyMap<string, Uint8Array>;
    readonly sign: Person["sign"];
  }>,
  code: string,
): HistoryCase {
  return {
    name,
    group: "key life",
    claim,
    needs: ["openpgp", "key-life", "standing", ...needs],
    tell: async (cast): Promise<Told> => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { listed, files, sign } = await play(cast);
      const { repository, introduction, odd } = await cast.story([alice], { by: { ...bob, sign } });
      return {
        repository,
        policy: anyOf(introduction, [alice, bob]),
        rewrite: (toml) => toml.replace(`[${JSON.stringify(bob.keyFile)}]`, `[${listed}]`),
        keyFiles: files,
        denied: [[code, odd]],
      };
    },
  };
}

const STOLEN = 'compromised = { reason = "stolen"';

/** An event that names the authority of a certificate. */
function authorityEvent(name: string, claim: string, said: string, code: string): HistoryCase {
  return listing(
    name,
    claim,
    ["ssh", "ssh-authority", "told-time"],
    async (cast) => {
      const ca = await cast.person("authority", "ssh-ed25519");
      const bob = await certificateHolder(cast, `holder-${name}`);
      const entry = `{ file = "${ca.keyFile}", authority = ["bob"], ${said}, key = "${ca.fingerprint}" } }`;
      return { listed: entry, files: new Map([[ca.keyFile, await ca.publicKey()]]), sign: bob.sign };
    },
    code,
  );
}

const KEYS: readonly HistoryCase[] = [
  authorityEvent(
    "compromised-authority-by-its-key",
    "root calls an SSH authority compromised, by its fingerprint",
    STOLEN,
    "compromised-key",
  ),
  authorityEvent(
    "retired-authority-by-its-key",
    "root retired an SSH authority, by its fingerprint",
    `retired = { after = "${"0".repeat(40)}"`,
    "retired-key",
  ),
  listing(
    "compromised-in-another-format",
    "root calls an OpenPGP key compromised, and the same key signs as an SSH key that is listed beside it",
    ["ssh"],
    async () => {
      const seed = newSeed();
      const primary = forgeKey("ed25519-legacy", { created: MADE, seed });
      const key = sshOf(seed);
      return {
        listed: `{ file = "keys/both.gpg", ${STOLEN} } }, "keys/both.pub"`,
        files: new Map<string, Uint8Array>([
          ["keys/both.gpg", forgeCertificate({ primary })],
          ["keys/both.pub", Buffer.from(publicLine(key))],
        ]),
        sign: async (message) => sshsig(key, key.blob, message),
      };
    },
    "compromised-key",
  ),
  listing(
    "compromised-subkey-in-two-certificates",
    "root calls a subkey of one certificate compromised, and another certificate has it too",
    [],
    async () => {
      const [one, two, sub] = [
        forgeKey("ed25519-legacy"),
        forgeKey("ed25519-legacy"),
        forgeKey("ed25519-legacy"),
      ];
      const subkeys = [{ key: sub }];
      return {
        listed: `{ file = "keys/one.gpg", ${STOLEN}, key = "${sub.fingerprint}" } }, "keys/two.gpg"`,
        files: new Map<string, Uint8Array>([
          ["keys/one.gpg", forgeCertificate({ primary: one, subkeys })],
          ["keys/two.gpg", forgeCertificate({ primary: two, subkeys })],
        ]),
        sign: forged("two", { primary: two, subkeys }, {}, sub).sign,
      };
    },
    "compromised-key",
  ),
  listing(
    "compromised-primary-key",
    "root calls a primary key compromised by its fingerprint, and a subkey of its certificate signs",
    [],
    async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const subkeys = [{ key: sub }];
      return {
        listed: `{ file = "keys/one.gpg", ${STOLEN}, key = "${primary.fingerprint}" } }`,
        files: new Map([["keys/one.gpg", forgeCertificate({ primary, subkeys })]]),
        sign: forged("one", { primary, subkeys }, {}, sub).sign,
      };
    },
    "compromised-key",
  ),
];

const newer = { created: MADE + DAY };
type Subkey = NonNullable<Parameters<typeof forgeCertificate>[0]["subkeys"]>[number];

/** A certificate with two bindings of the subkey that signs, or with a revocation behind the first. */
function bindings(name: string, claim: string, second: Omit<Subkey, "key">, code?: string): HistoryCase {
  return oddCase({
    name,
    group: "key life",
    claim,
    ...(code === undefined ? {} : { code }),
    by: async () => {
      const [primary, sub] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
      const copy = (more: Omit<Subkey, "key">) =>
        forgeCertificate({ primary, subkeys: [{ key: sub, ...more }] });
      const person = forged(`bob-${name}`, { primary }, { created: MADE + 2 * DAY }, sub);
      const beforeIt = forgeCertificate({ primary }).length + packet(14, sub.body).length;
      const file = Buffer.concat([copy({}), copy(second).subarray(beforeIt)]);
      return { ...person, publicKey: async () => file, signingFingerprint: sub.fingerprint };
    },
    needs: ["key-life"],
  });
}

const OPENPGP: readonly HistoryCase[] = [
  bindings(
    "subkey-newer-sha1-binding-takes-signing",
    "a newer binding over SHA-1 takes the right to sign from a subkey: too weak to give, it still takes away",
    { flags: 0x20, options: { ...newer, hash: "sha1" } },
    "not-a-signing-key",
  ),
  bindings(
    "subkey-newer-md5-binding-ends",
    "a newer binding over MD5 gives a subkey an end that has passed",
    { options: { ...newer, hash: "md5", hashed: [keyExpiry(30 * DAY)] } },
    "expired-key",
  ),
  bindings("subkey-newer-sha1-binding-agrees", "a newer binding over SHA-1 says the same as the older one", {
    options: { ...newer, hash: "sha1" },
  }),
  bindings(
    "subkey-revoked-over-md5",
    "a subkey that was withdrawn over MD5: what only takes away is heard",
    { revocations: [{ ...newer, hash: "md5" }] },
    "revoked-key",
  ),
  {
    name: "cosignature-without-line-break",
    group: "thresholds",
    claim: "a note has an OpenPGP signature over the commit's id without a line break",
    needs: ["openpgp", "threshold", "cosignature"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob]);
      const commit = await repository.commit({ by: alice, files: { [FILE]: "1\n" }, message: "needs two\n" });
      const over = (message: Uint8Array) => bob.sign(message.subarray(0, -1));
      await repository.cosign(commit, { ...bob, sign: over });
      const policy: PolicySpec = {
        people: [alice, bob],
        roles: { writer: { any: 2, of: [alice, bob] } },
        sources: { pkgs: { introduction, signedBy: "root" } },
      };
      return { repository, policy, tip: commit, denied: [["too-few-signers", commit]] };
    },
  },
  {
    name: "certified-by-a-persona",
    group: "certified",
    claim: "a packager whom two masters certified, one of them without having looked (class 0x11)",
    needs: ["openpgp", "certified", "threshold"],
    tell: async (cast): Promise<Told> => {
      const [alice, one, two] = await cast.people("alice", "master-one", "master-two");
      const packager = await cast.person("certified-by-a-persona");
      const gpg = gpgOf(cast);
      for (const [by, level] of [
        [one, "3"],
        [two, "1"],
      ] as const) {
        const how = ["--local-user", by.fingerprint, "--faked-system-time", "20250102T000000!"];
        gpg(...how, "--default-cert-level", level, "--quick-sign-key", packager.fingerprint);
      }
      const { repository, introduction, odd } = await cast.story([alice], { by: packager });
      const group =
        '{ any = 1, of = ["alice"], certified = { by = "masters", any = 2, keyring = "keys/packagers.gpg" } }';
      return {
        repository,
        policy: { ...anyOf(introduction, [alice, one, two]), roles: { masters: [one, two] } },
        rewrite: (toml) => toml.replace(/^writer = .*$/m, `writer = ${group}`),
        keyFiles: new Map([["keys/packagers.gpg", await packager.publicKey()]]),
        denied: [["unknown-key", odd]],
      };
    },
  },
];

type Story = Parameters<typeof reviewCase>[2];
type Play = Parameters<Story>[0];

function reads(play: Play, tip: CommitId, by: Person, before: CommitId = play.introduction): Promise<void> {
  return state(play.repository, reviewOf(play.repository, before, tip, [FILE]), [by]);
}

/** Bob's change names alice as a co-author, and alice reviews it. */
function coAuthor(name: string, claim: string, trailer: string): HistoryCase {
  return reviewCase(`by-co-author-${name}`, claim, async (play) => {
    const tip = await change(play, { message: `a change\n\n${trailer}\n` });
    await reads(play, tip, play.alice);
    return unread(tip);
  });
}

const PEOPLE: readonly HistoryCase[] = [
  coAuthor("folded", "whose address stands on a folded line", "Co-authored-by: Alice\n <alice@example.org>"),
  coAuthor("bare", "whose address stands without brackets", "Co-authored-by: alice@example.org"),
  reviewCase(
    "by-committer",
    "somebody reviews what they committed for its author, who signed nothing, as a rebase or a cherry-pick does",
    async (play) => {
      const tip = await change(play, { author: "dan", committer: "alice" });
      await reads(play, tip, play.alice);
      return unread(tip);
    },
  ),
  reviewCase(
    "before-of-another-content",
    "a review whose version before has the SHA-256 of another content",
    async (play) => {
      const tip = await change(play);
      const { changes, ...said } = reviewOf(play.repository, play.introduction, tip, [FILE]);
      const [one] = changes;
      const before = { ...one!.before!, sha256: "0".repeat(64) };
      await state(play.repository, { ...said, changes: [{ ...one!, before }] }, [play.alice]);
      return unread(tip);
    },
  ),
];

/** Alice alone may write below `/secure/`; bob puts something at the name of that directory. */
function inPlace(
  name: string,
  claim: string,
  put: (repository: WorldRepository, by: Person) => Promise<CommitId>,
  by: "alice" | "bob" = "bob",
): HistoryCase {
  return {
    name: `directory-${name}`,
    group: "paths",
    claim,
    needs: ["openpgp", "paths", "roles"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob], { files: { "docs/k.nix": "1\n" } });
      const tip = await put(repository, by === "bob" ? bob : alice);
      const rules = [
        { paths: ["**"], write: "writer" },
        { paths: ["/secure/"], write: { any: 1, of: [alice] } },
      ];
      const sources = { pkgs: { introduction, rules } };
      const denied = by === "bob" ? ([["outside-paths", tip]] as const) : [];
      return { repository, tip, policy: { people: [alice, bob], sources }, denied };
    },
  };
}

const entry = (mode: number) => (repository: WorldRepository, by: Person) =>
  repository.commit({ by, files: { secure: { mode, content: "docs" } }, message: "in place\n" });

const PATHS: readonly HistoryCase[] = [
  inPlace("link", "a link is put where a directory has a rule of its own", entry(0o120000)),
  inPlace("file", "a file is put where a directory has a rule of its own", entry(0o100644)),
  inPlace("link-by-its-writer", "the same, by who may write both", entry(0o120000), "alice"),
];

export const LAX_CASES: readonly HistoryCase[] = [...KEYS, ...OPENPGP, ...PEOPLE, ...PATHS];
