/**
 * A history of signed commits, the same in every run: four people in turn, one file changed by each commit, a merge
 * every tenth. Its trees also carry what Guix and sq-git judge by, so that all tools are asked about one history.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../places.ts";
import { PackWriter, treeOf } from "./pack.ts";
import { type Signer, type SignerKind, signers } from "./signers.ts";

export interface World {
  /** A bare repository: `base` after `COMMITS` commits, `main` after `NEW` more. */
  readonly repository: string;
  /** Rules for `firstmile verify --policy`. */
  readonly policy: string;
  readonly introduction: string;
  readonly people: readonly Signer[];
}

export const COMMITS = 20_000;
export const NEW = 100;
/** Raised when what is made changes. */
const EDITION = 1;
const STARTED = 1_704_153_600;

/** Made once, then found in the cache. */
export function world(kind: SignerKind): World {
  const dir = join(CACHE, `${kind}-${COMMITS}-${EDITION}`);
  const people = signers(kind, ["anna", "ben", "carla", "dan"]);
  if (!existsSync(dir)) make(`${dir}.part`, people, () => renameSync(`${dir}.part`, dir));
  const repository = join(dir, "repository.git");
  const introduction = git(repository, "rev-parse", "refs/tags/introduction");
  return { repository, policy: join(dir, "policy"), introduction, people };
}

function make(dir: string, people: readonly Signer[], done: () => void) {
  rmSync(dir, { recursive: true, force: true });
  const repository = join(dir, "repository.git");
  mkdirSync(repository, { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const pack = new PackWriter();
  const ids = history(pack, people);
  const keyring = keyringCommit(pack, people);
  pack.into(repository);
  const refs = { "tags/introduction": ids[0]!, "heads/base": ids[COMMITS - 1]!, "heads/main": ids.at(-1)! };
  for (const [ref, id] of Object.entries({ ...refs, "heads/keyring": keyring })) {
    git(repository, "update-ref", `refs/${ref}`, id);
  }
  writePolicy(join(dir, "policy"), people, ids[0]!);
  done();
}

function history(pack: PackWriter, people: readonly Signer[]): string[] {
  const rules = {
    ".guix-authorizations": pack.add("blob", Buffer.from(guixAuthorizations(people))),
    "openpgp-policy.toml": pack.add("blob", Buffer.from(sequoiaPolicy(people))),
  };
  const ids: string[] = [];
  for (let i = 0; i < COMMITS + NEW; i++) {
    const file = pack.add("blob", Buffer.from(`{ revision = ${i}; }\n`));
    const tree = pack.add("tree", treeOf({ ...rules, "default.nix": file }));
    ids.push(pack.add("commit", signed(commit(tree, parentsAt(i, ids), i), people[i % people.length]!)));
  }
  return ids;
}

/** One line, but for every ninth commit of ten, which stands beside the one before it and is merged by the tenth. */
function parentsAt(i: number, ids: readonly string[]): string[] {
  if (i === 0) return [];
  if (i % 10 === 8) return [ids[i - 2]!];
  return i % 10 === 9 ? [ids[i - 2]!, ids[i - 1]!] : [ids[i - 1]!];
}

interface Unsigned {
  readonly headers: string;
  readonly message: string;
}

function commit(tree: string, parents: readonly string[], i: number): Unsigned {
  const who = `Firstmile Bench <bench@example.org> ${STARTED + i * 60} +0000`;
  const lines = [`tree ${tree}`, ...parents.map((id) => `parent ${id}`), `author ${who}`, `committer ${who}`];
  return { headers: `${lines.join("\n")}\n`, message: `\ndefault: revision ${i}\n` };
}

function signed({ headers, message }: Unsigned, signer: Signer): Buffer {
  const signature = signer.sign(Buffer.from(headers + message));
  const folded = signature.trimEnd().replaceAll("\n", "\n ");
  return Buffer.from(`${headers}gpgsig ${folded}\n${message}`);
}

function keyringCommit(pack: PackWriter, people: readonly Signer[]): string {
  const files = people.map(({ name, publicKey }) => [
    `${name}.key`,
    pack.add("blob", Buffer.from(publicKey)),
  ]);
  const { headers, message } = commit(pack.add("tree", treeOf(Object.fromEntries(files))), [], 0);
  return pack.add("commit", Buffer.from(headers + message));
}

function guixAuthorizations(people: readonly Signer[]): string {
  const entries = people.map(({ name, fingerprint }) => `  ("${fingerprint}" (name "${name}"))`);
  return `(authorizations\n (version 0)\n (\n${entries.join("\n")}))\n`;
}

function sequoiaPolicy(people: readonly Signer[]): string {
  const entries = people.map(
    ({ name, publicKey }) => `[authorization.${name}]\nsign_commit = true\nkeyring = """\n${publicKey}"""\n`,
  );
  return `version = 0\ncommit_goodlist = []\n\n${entries.join("\n")}`;
}

export function writePolicy(dir: string, people: readonly Signer[], introduction: string) {
  mkdirSync(join(dir, "keys"), { recursive: true });
  for (const { name, publicKey } of people) writeFileSync(join(dir, "keys", `${name}.key`), publicKey);
  const names = people.map(({ name }) => `"${name}"`).join(", ");
  const principals = people.map(({ name }) => `[principal.${name}]\nkeys = ["keys/${name}.key"]\n`);
  writeFileSync(
    join(dir, "firstmile.toml"),
    `format = 1
name = "bench"
expires = 2100-01-01T00:00:00Z

${principals.join("")}
[role]
root = { any = 1, of = [${names}] }

[source.bench]
urls = ["https://example.org/bench"]
authenticate = "every-commit"
introduction = { commit = "${introduction}", signed_by = "root" }
[[source.bench.rule]]
paths = ["**"]
write = "root"
`,
  );
}

export function git(repository: string, ...args: string[]): string {
  return execFileSync("git", ["-C", repository, ...args], { encoding: "utf8", maxBuffer: 64 << 20 }).trim();
}
