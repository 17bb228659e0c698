/** sq-git and Guix, inside the tree that `scripts/sid-tree --peers` makes. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS, ROOT } from "../places.ts";
import type { Peer } from "./peer.ts";
import { type Asked, keyFiles } from "./question.ts";

const RUN = join(ROOT, "scripts/sid-run");

/** Runs a command in the tree with a home of the question's own. */
export function inTree(asked: Asked, argv: readonly string[]) {
  const home = join(asked.dir, "home-sid");
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, ".gitconfig"), "[safe]\n\tdirectory = *\n");
  const result = spawnSync(RUN, [PEERS, "--", ...argv], {
    cwd: asked.repository,
    env: { HOME: home, PATH: process.env.PATH, LC_ALL: "C" },
    timeout: 60_000,
  });
  // Neither a tree that could not be entered nor a tool that ran out of time has refused anything.
  if (result.status === null || [69, 77, 126, 127].includes(result.status)) {
    throw new Error(`${argv[0]} did not answer: ${result.stderr}`);
  }
  return result;
}

export function versionInTree(...argv: string[]): string {
  const { stdout, stderr } = spawnSync(RUN, [PEERS, "--", ...argv], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
  });
  return (stdout.toString() || stderr.toString()).trim().split("\n")[0]!;
}

export const SQ_GIT: Peer = {
  name: "sq-git",
  how: "`sq-git log --policy-file … --trust-root INTRODUCTION TIP`, with a policy that lets everybody sign commits whom some rule lets write. It asks for one authenticated path, so cases about every commit are not put to it.",
  version: () => versionInTree("dpkg-query", "-W", "-f", "sequoia-git ${Version}", "sequoia-git"),
  notions: new Set(["openpgp", "introduction", "roles", "key-life", "object-form", "object-integrity"]),
  ask: (asked) => {
    const file = join(asked.dir, "openpgp-policy.toml");
    writeFileSync(file, sequoiaPolicy(asked));
    const flags = ["--policy-file", file, "--trust-root", asked.introduction];
    return inTree(asked, ["sq-git", "log", ...flags, asked.tip]).status === 0;
  },
};

function sequoiaPolicy({ vector, writers }: Asked): string {
  const entries = writers.flatMap((writer) =>
    keyFiles([writer], "openpgp").map((file, i) => {
      const armored = armor(vector.policy.get(file)!);
      return `[authorization."${writer.name}-${i}"]\nsign_commit = true\nkeyring = """\n${armored}"""\n`;
    }),
  );
  return `version = 0\ncommit_goodlist = []\n\n${entries.join("\n")}`;
}

function armor(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  const sum = checksum(bytes).toString("base64");
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${lines}\n=${sum}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
}

/** The armor's CRC-24 (RFC 9580 section 6.1.1), without which Guix reads no key. */
function checksum(bytes: Uint8Array): Buffer {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let i = 0; i < 8; i++) crc = crc & 0x800000 ? (crc << 1) ^ 0x1864cfb : crc << 1;
  }
  return Buffer.of((crc >> 16) & 255, (crc >> 8) & 255, crc & 255);
}

export const GUIX: Peer = {
  name: "guix git authenticate",
  how: "from the introduction and the key of its first writer to the tip, with `.guix-authorizations` in the signed trees and all certificates of the writers on a keyring branch. By its manual it looks at no key's expiry or revocation, so those cases are not put to it.",
  version: () => versionInTree("dpkg-query", "-W", "-f", "guix ${Version}", "guix"),
  notions: new Set(["openpgp", "introduction", "roles", "every-commit", "object-form", "object-integrity"]),
  ask: (asked) => {
    const signer = firstFingerprint(asked);
    if (signer === undefined || !hasAuthorizations(asked)) return undefined;
    addKeyring(asked);
    const flags = [
      "-r",
      asked.repository,
      "--keyring=keyring",
      `--end=${asked.tip}`,
      "--cache-key=conformance",
    ];
    return inTree(asked, ["guix", "git", "authenticate", asked.introduction, signer, ...flags]).status === 0;
  },
};

function firstFingerprint({ writers }: Asked): string | undefined {
  const [key] = writers[0]?.keys ?? [];
  return key?.kind === "openpgp" ? key.certificate.fingerprint : undefined;
}

function hasAuthorizations({ vector }: Asked): boolean {
  return vector.objects.some(({ content }) => Buffer.from(content).includes("(authorizations (version 0)"));
}

/** A branch with each certificate in a file, as Guix takes them. */
function addKeyring({ vector, repository, policy }: Asked): void {
  const git = (args: readonly string[], input: string | Uint8Array = "") =>
    execFileSync("git", ["-C", repository, ...args], { input, env: GIT_ENV, stdio: ["pipe", "pipe", "pipe"] })
      .toString()
      .trim();
  const files = keyFiles([...policy.principals.values()], "openpgp");
  const entries = files.map((file, i) => {
    const id = git(["hash-object", "-w", "--stdin"], armor(vector.policy.get(file)!));
    return `100644 blob ${id}\tperson-${i}.key\n`;
  });
  const tree = git(["mktree"], entries.join(""));
  const commit = git(["commit-tree", tree, "-m", "keyring"]);
  git(["update-ref", "refs/heads/keyring", commit]);
}

const GIT_ENV = {
  PATH: process.env.PATH,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "keyring",
  GIT_AUTHOR_EMAIL: "keyring@example.org",
  GIT_COMMITTER_NAME: "keyring",
  GIT_COMMITTER_EMAIL: "keyring@example.org",
};
