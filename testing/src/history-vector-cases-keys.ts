/**
 * Cases about what root says of keys and commits (retired, compromised, goodlist), and about those who speak through
 * somebody else: certified people and SSH certificates.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  forgeCertificate,
  forgeKey,
  forgeSignature,
  MADE,
  subpacket,
} from "../../packages/trust/test/openpgp/forge.ts";
import { anyOf, armoredSignature, type Cast, type HistoryCase, type Told } from "./history-vector-case.ts";
import { DAY, type Person, type PolicySpec } from "./world.ts";

type Life = (commits: { readonly first: CommitId; readonly second: CommitId }) => string;

/** Alice's introduction, two commits by bob, and what root says of bob's key. */
function life(
  name: string,
  claim: string,
  said: Life,
  denied: readonly [code: string, which: "first" | "second"][],
  signer: (cast: Cast) => Promise<Person> = (cast) => cast.person("bob"),
): HistoryCase {
  return {
    name,
    group: "key life",
    claim,
    needs: ["openpgp", "key-life", "standing"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const bob = await signer(cast);
      const { repository, introduction } = await cast.begin([alice, bob]);
      const first = await repository.commit({ by: bob, files: { "a.nix": "1\n" }, message: "first\n" });
      const second = await repository.commit({ by: bob, files: { "a.nix": "2\n" }, message: "second\n" });
      const commits = { first, second };
      const entry = JSON.stringify(bob.keyFile);
      return {
        repository,
        policy: anyOf(introduction, [alice, bob]),
        rewrite: (toml) => toml.replace(`[${entry}]`, `[{ file = ${entry}, ${said(commits)} }]`),
        denied: denied.map(([code, which]) => [code, commits[which]] as const),
      };
    },
  };
}

const retiredAfter =
  (which: "first" | "second"): Life =>
  (commits) =>
    `retired = { after = "${commits[which]}" }`;

function revoked(name: string, reason: number): (cast: Cast) => Promise<Person> {
  return async () => {
    const primary = forgeKey("ed25519-legacy");
    const revocations = [{ created: MADE + 2 * DAY, hashed: [subpacket(29, Buffer.of(reason))] }];
    const bytes = forgeCertificate({ primary, revocations });
    return {
      name,
      kind: "openpgp-ed25519",
      fingerprint: primary.fingerprint,
      keyFile: `keys/${name}.gpg`,
      publicKey: async () => bytes,
      sign: async (message) =>
        Buffer.from(armoredSignature(forgeSignature(primary, Buffer.from(message), { created: MADE + DAY }))),
      gitConfig: {},
      revoke: () => Promise.reject(new Error("a forged key is withdrawn already")),
    };
  };
}

const SHORT = (cast: Cast) => cast.person("bob-30-days", "openpgp-ed25519", { expires: "30d" });

const LIVES: readonly HistoryCase[] = [
  life(
    "retired-before",
    "a key retired after a commit is good for it and what lies before",
    retiredAfter("second"),
    [],
  ),
  life("retired-after", "a key signs behind the commit after which root retired it", retiredAfter("first"), [
    ["retired-key", "second"],
  ]),
  life(
    "compromised",
    "nothing counts that a key has signed which root calls compromised, however old it looks",
    () => 'compromised = { reason = "stolen" }',
    [
      ["compromised-key", "first"],
      ["compromised-key", "second"],
    ],
  ),
  life(
    "expired-and-retired",
    "what an expired key signed counts up to the commit after which root retired it, and not behind",
    retiredAfter("first"),
    [["expired-key", "second"]],
    SHORT,
  ),
  life(
    "soft-revoked-and-retired",
    "what a key signed that its owner gave up counts up to the commit after which root retired it",
    retiredAfter("second"),
    [],
    revoked("bob-soft", 3),
  ),
  life(
    "hard-revoked-and-retired",
    "no retirement makes good what was signed with a key that its owner calls compromised",
    retiredAfter("second"),
    [
      ["revoked-key", "first"],
      ["revoked-key", "second"],
    ],
    revoked("bob-hard", 2),
  ),
  {
    name: "retired-on-a-side-branch",
    group: "key life",
    claim: "a retired key signs a branch off an old commit, which is none of what root saw",
    needs: ["openpgp", "key-life", "standing"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob]);
      const first = await repository.commit({ by: bob, files: { "a.nix": "1\n" }, message: "first\n" });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { "b.nix": "evil\n" },
        message: "from the past\n",
      });
      const tip = await repository.merge({ by: alice, parents: [first, side], message: "merge\n" });
      const said = `[{ file = "${bob.keyFile}", retired = { after = "${first}" } }]`;
      return {
        repository,
        tip,
        policy: anyOf(introduction, [alice, bob]),
        rewrite: (toml) => toml.replace(`["${bob.keyFile}"]`, said),
        denied: [["retired-key", side]],
      };
    },
  },
];

function goodlist(name: string, claim: string, listsOdd: boolean): HistoryCase {
  return {
    name,
    group: "goodlist",
    claim,
    needs: ["openpgp", "goodlist"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const { repository, introduction, odd } = await cast.story([alice], {});
      const listed = listsOdd ? odd : repository.tip();
      const head = "[source.pkgs]";
      return {
        repository,
        policy: anyOf(introduction, [alice]),
        rewrite: (toml) => toml.replace(head, `${head}\ngoodlist = ["${listed}"]`),
        denied: listsOdd ? [] : [["unsigned", odd]],
      };
    },
  };
}

export function gpgOf(cast: Cast) {
  const env = {
    PATH: process.env.PATH,
    LC_ALL: "C",
    HOME: cast.world.dir,
    GNUPGHOME: join(cast.world.dir, "gnupg"),
  };
  const flags = ["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
  return (...args: string[]) =>
    execFileSync("gpg", [...flags, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Two masters are asked for to certify whoever packages. */
function certified(name: string, claim: string, masters: readonly string[], code?: string): HistoryCase {
  return {
    name,
    group: "certified",
    claim,
    needs: ["openpgp", "certified", "threshold"],
    tell: async (cast): Promise<Told> => {
      const [alice, one, two, mallory] = await cast.people("alice", "master-one", "master-two", "mallory");
      const packager = await cast.person(name);
      const gpg = gpgOf(cast);
      for (const by of await cast.people(...masters)) {
        gpg(
          "--local-user",
          by.fingerprint,
          "--faked-system-time",
          "20250102T000000!",
          "--quick-sign-key",
          packager.fingerprint,
        );
      }
      const { repository, introduction, odd } = await cast.story([alice], { by: packager });
      const writer = /^writer = .*$/m;
      const group =
        '{ any = 1, of = ["alice"], certified = { by = "masters", any = 2, keyring = "keys/packagers.gpg" } }';
      return {
        repository,
        policy: { ...anyOf(introduction, [alice, one, two, mallory]), roles: { masters: [one, two] } },
        rewrite: (toml) => toml.replace(writer, `writer = ${group}`),
        keyFiles: new Map([["keys/packagers.gpg", await packager.publicKey()]]),
        denied: code ? [[code, odd]] : [],
      };
    },
  };
}

/** Signs with a certificate that an authority gave out for a name. */
export async function certificateHolder(
  cast: Cast,
  name: string,
  { as = "bob", valid = "20250101000000Z:20260101000000Z", ca = "authority", host = false } = {},
): Promise<Person> {
  const authority = await cast.person(ca, "ssh-ed25519");
  const holder = await cast.person(name, "ssh-ed25519");
  const at = (person: Person) => cast.world.path(`${person.name}.key`);
  const flags = ["-I", "id", "-n", as, "-V", valid, ...(host ? ["-h"] : [])];
  execFileSync("ssh-keygen", ["-q", "-s", at(authority), ...flags, `${at(holder)}.pub`], { stdio: "pipe" });
  copyFileSync(at(holder), `${at(holder)}-cert`);
  const sign = async (message: Uint8Array) =>
    execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", "git", "-f", `${at(holder)}-cert.pub`], {
      input: message,
      stdio: ["pipe", "pipe", "pipe"],
    });
  return { ...holder, sign };
}

function authority(
  name: string,
  claim: string,
  how: Parameters<typeof certificateHolder>[2],
  code?: string,
): HistoryCase {
  return {
    name: `ssh-certificate-${name}`,
    group: "ssh certificates",
    claim,
    needs: ["ssh", "ssh-authority", "told-time"],
    tell: async (cast) => {
      const alice = await cast.person("alice-ssh", "ssh-ed25519");
      const ca = await cast.person("authority", "ssh-ed25519");
      const bob = await certificateHolder(cast, `holder-${name}`, how);
      const { repository, introduction, odd } = await cast.story([alice], { by: bob });
      const policy: PolicySpec = {
        people: { alice: [alice], bob: [ca] },
        sources: { pkgs: { introduction } },
      };
      const entry = JSON.stringify(ca.keyFile);
      return {
        repository,
        policy,
        rewrite: (toml) => toml.replace(`[${entry}]`, `[{ file = ${entry}, authority = ["bob"] }]`),
        denied: code ? [[code, odd]] : [],
      };
    },
  };
}

export const KEY_CASES: readonly HistoryCase[] = [
  ...LIVES,
  goodlist("goodlist", "root accepts one unsigned commit in spite of that", true),
  goodlist("goodlist-of-another", "a goodlist that names another commit accepts this one not", false),
  certified("certified-by-two", "a packager whom two masters certified", ["master-one", "master-two"]),
  certified(
    "certified-by-one",
    "a packager whom one master certified, where two are asked for",
    ["master-one"],
    "unknown-key",
  ),
  certified(
    "certified-by-a-stranger",
    "a packager whom one master certified, and somebody who is none",
    ["master-one", "mallory"],
    "unknown-key",
  ),
  authority("good", "a key that the listed authority certified for this name", {}),
  authority(
    "other-name",
    "a certificate for another name than the one listed",
    { as: "mallory" },
    "unknown-key",
  ),
  authority(
    "other-authority",
    "a certificate by an authority that nobody listed",
    { ca: "authority-2" },
    "unknown-key",
  ),
  authority(
    "expired",
    "a certificate that has run out",
    { valid: "20250101000000Z:20250201000000Z" },
    "expired-key",
  ),
  authority(
    "host",
    "a certificate for a host, which signs nothing of a person's",
    { host: true },
    "not-a-signing-key",
  ),
];
