/**
 * `urn:firstmile:channel:1`: who signs vouches for what the named attributes read at one commit of a source.
 *
 * Claims: the files are named by their paths at that commit, and bound by one SHA-256 over the SHA-256 of each, so that
 * a list of thousands stays small and Git's SHA-1 need not be believed. So are the directories that were listed and the
 * names that were asked for. Leaves out every other file of the commit: of them nothing is said.
 */
import { createHash } from "node:crypto";
import type { JsonMembers } from "../dsse/json-members.ts";
import type { CommitId } from "../git/object-id.ts";
import { parseDirectory, spellDirectory } from "./listing.ts";
import { parsePath, spellPath } from "./path.ts";
import { checkSourceName, commitSubject, readCommitSubject, type StatementBody } from "./subject.ts";

export interface ChannelStatement {
  readonly kind: "channel";
  readonly commit: CommitId;
  readonly source: string;
  /** What was evaluated, for people: `default.nix -A hello`. */
  readonly attributes: readonly string[];
  /** What it was evaluated for: `x86_64-linux`. */
  readonly system: string;
  /** Latin-1, sorted by bytes, each once; at least one. */
  readonly paths: readonly string[];
  /** Directories whose names were listed, spelt and sorted like `paths`; "" for the root. Undefined: none. */
  readonly listed?: readonly string[] | undefined;
  /** Names that were asked for, whether or not they exist. Undefined: none. */
  readonly asked?: readonly string[] | undefined;
  /** `contentsDigest` of the files, the listings and the answers, in the order of `paths`, `listed` and `asked`. */
  readonly contents: string;
}

/** One file that is vouched for; or a listing, or an answer about a name, as listing.ts makes contents of them. */
export interface ChannelContent {
  readonly path: string;
  /** As in a Git tree. */
  readonly mode: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

export const MAX_CHANNEL_PATHS = 20_000;
const MAX_ATTRIBUTES = 1_000;
const DOMAIN = "firstmile channel 1\0";

export function readChannel(statement: JsonMembers): ChannelStatement {
  const commit = readCommitSubject(statement);
  const predicate = statement.object("predicate");
  const source = checkSourceName(predicate, "source", predicate.string("source"));
  const attributes = predicate.strings("attributes", MAX_ATTRIBUTES);
  if (attributes.length === 0 || attributes.some((text) => !/^[ -~]{1,1000}$/.test(text))) {
    predicate.fail("attributes", "are none, or not in printable ASCII");
  }
  const system = predicate.string("system");
  if (!/^[a-z0-9_-]{1,64}$/.test(system)) predicate.fail("system", "is none");
  const paths = predicate.strings("paths", MAX_CHANNEL_PATHS).map(parsePath);
  if (paths.length === 0 || !isSorted(paths)) predicate.fail("paths", "are none, or not sorted, each once");
  const listed = readPaths(predicate, "listed", parseDirectory);
  const asked = readPaths(predicate, "asked", parsePath);
  const contents = predicate.string("contents");
  if (!/^[0-9a-f]{64}$/.test(contents)) predicate.fail("contents", "is not 64 hexadecimal digits");
  predicate.end();
  return {
    kind: "channel",
    commit,
    source,
    attributes,
    system,
    paths,
    ...(listed && { listed }),
    ...(asked && { asked }),
    contents,
  };
}

/** A list that is absent or has something in it. */
function readPaths(
  predicate: JsonMembers,
  key: "listed" | "asked",
  parse: (spelling: string) => string,
): readonly string[] | undefined {
  if (!predicate.has(key)) return undefined;
  const paths = predicate.strings(key, MAX_CHANNEL_PATHS).map(parse);
  if (paths.length === 0 || !isSorted(paths)) predicate.fail(key, "are none, or not sorted, each once");
  return paths;
}

function isSorted(paths: readonly string[]): boolean {
  return paths.every((path, i) => i === 0 || paths[i - 1]! < path);
}

export function channelBody(channel: ChannelStatement): StatementBody {
  const { commit, source, attributes, system, paths, listed = [], asked = [], contents } = channel;
  const names = {
    ...(listed.length === 0 ? {} : { listed: listed.map(spellDirectory) }),
    ...(asked.length === 0 ? {} : { asked: asked.map(spellPath) }),
  };
  return {
    subject: [commitSubject(commit)],
    predicate: {
      source,
      attributes: [...attributes],
      system,
      paths: paths.map(spellPath),
      ...names,
      contents,
    },
  };
}

/**
 * SHA-256 in hex over `firstmile channel 1` NUL and, for each file in the order of its path, the mode in octal, a
 * space, the SHA-256 of its content in hex, a space, the path's bytes and NUL. Then the same for each listing, with mode
 * 40000, and for each answer, with mode 0.
 */
export function contentsDigest(files: Iterable<ChannelContent>): string {
  const hash = createHash("sha256").update(DOMAIN);
  for (const { path, mode, sha256 } of files) {
    hash.update(`${mode.toString(8)} ${sha256} ${path}\0`, "latin1");
  }
  return hash.digest("hex");
}
