/** Brings a repository's objects here. What it says of itself decides nothing: ids are checked by whoever reads. */

import { type Limits, packBytes, RemoteError, runLimited } from "./limited-git.ts";
import { quietGitEnv, RepositoryError } from "./neutral.ts";
import { refuseSpecialFilesAt } from "./special-files.ts";

export { RemoteError } from "./limited-git.ts";

export interface FetchOptions {
  /** Bare repository of our own to fetch into. */
  readonly into: string;
  readonly url: string;
  /** `+from:to` refspecs; globs may match nothing. */
  readonly refspecs: readonly string[];
  /** Only commits, no trees and files. A server that cannot do that sends everything. */
  readonly onlyCommits?: boolean;
  /** Name no commits that are here: for histories of their own, whose objects must not lean on others'. */
  readonly apart?: boolean;
  /** Only the newest commit of each reference: for what counts as it is now, however it came to be. */
  readonly newestOnly?: boolean;
  readonly limits?: Partial<Limits>;
}

export interface Fetched {
  /** Bytes that the packs grew by. */
  readonly bytes: number;
}

const DEFAULT_LIMITS: Limits = { timeoutMs: 600_000, maxBytes: 8 * 2 ** 30 };
/** For a question that is answered in one round. */
const LIST_LIMITS: Limits = { timeoutMs: 60_000, maxBytes: 2 ** 20 };

const NETWORK = [
  "-c",
  "http.lowSpeedLimit=1000",
  "-c",
  "http.lowSpeedTime=60",
  "-c",
  "fetch.fsckObjects=true",
  // One file a fetch, which the limit on its size watches; small ones would become loose objects otherwise.
  "-c",
  "fetch.unpackLimit=1",
  "-c",
  "gc.auto=0",
];

/** Fetches; throws `RemoteError` with Git's own last words where that fails. */
export async function gitFetch(options: FetchOptions): Promise<Fetched> {
  const { into, url, refspecs, onlyCommits = false, apart = false, limits = {} } = options;
  const { newestOnly = false } = options;
  refuseNoUrl(url);
  const before = packBytes(into);
  const args = [
    ...NETWORK,
    ...(onlyCommits ? PROMISOR.flatMap((setting) => ["-c", setting]) : []),
    ...(onlyCommits ? ["-c", `remote.${PLACE}.url=${url}`] : []),
    ...(apart ? ["-c", "fetch.negotiationAlgorithm=noop"] : []),
    "-C",
    into,
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    onlyCommits ? "--filter=tree:0" : "--no-filter",
    ...(newestOnly ? ["--depth=1"] : []),
    "--end-of-options",
    onlyCommits ? PLACE : url,
    ...refspecs,
  ];
  await talk(url, args, into, { ...DEFAULT_LIMITS, ...limits });
  return { bytes: packBytes(into) - before };
}

/** A partial clone's remote, named in no repository's configuration: nothing that reads there can fetch more. */
const PLACE = "place";
const PROMISOR = [`remote.${PLACE}.promisor=true`, `remote.${PLACE}.partialCloneFilter=tree:0`];

/** The ids of a server's references that are named so, or begin so where a pattern ends in `*`. */
export async function listRemote(
  dir: string,
  url: string,
  patterns: readonly string[],
  limits: Partial<Limits> = {},
): Promise<Map<string, string>> {
  refuseNoUrl(url);
  const args = [...NETWORK, "-C", dir, "ls-remote", "--quiet", "--end-of-options", url, ...patterns];
  const text = await talk(url, args, dir, { ...LIST_LIMITS, ...limits });
  const listed = text.split("\n").flatMap((line) => {
    const [id, name] = line.split("\t");
    return id && name && patterns.some((pattern) => names(pattern, name)) ? [[name, id] as const] : [];
  });
  return new Map(listed.slice(0, MAX_REFERENCES));
}

/** The branch that a server calls its own; undefined where it does not say, or names it as no branch is named. */
export async function remoteBranch(
  dir: string,
  url: string,
  limits: Partial<Limits> = {},
): Promise<string | undefined> {
  refuseNoUrl(url);
  const args = [...NETWORK, "-C", dir, "ls-remote", "--quiet", "--symref", "--end-of-options", url, "HEAD"];
  const text = await talk(url, args, dir, { ...LIST_LIMITS, ...limits });
  const branch = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(text)?.[1];
  return branch !== undefined && isBranchName(branch) ? branch : undefined;
}

/** Names that Git takes as a branch or tag, without those that mean something in a refspec or pattern. */
export function isBranchName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.+/-]{0,200}$/.test(name) && !/\.\.|\/\/|\/$|\.lock(?:\/|$)|\/\.|\.$/.test(name);
}

/** Most references of one server that are looked at. */
const MAX_REFERENCES = 256;

/** `git ls-remote` also gives whatever ends in the pattern. */
function names(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

async function talk(url: string, args: readonly string[], dir: string, limits: Limits): Promise<string> {
  refuseSpecialFilesAt(url, dir);
  const said = await runLimited({ args, env: fetchEnv(), dir, ...limits }).catch((error: unknown) => {
    throw error instanceof RemoteError
      ? new RemoteError(`${url} cannot be fetched: ${error.message}`)
      : error;
  });
  if (said.code === 0) return said.stdout;
  const problem = said.stderr.trim().split("\n").at(-1) ?? "";
  throw new RemoteError(`${url} cannot be fetched: ${problem}`);
}

/** Git would take these for options, or for a program to run (`ext::`), or read another address than is shown. */
function refuseNoUrl(url: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const refused = url === "" || /^-|^[A-Za-z0-9+.-]*::|[\0-\x1f\x7f]/.test(url);
  if (refused) throw new RepositoryError(`${JSON.stringify(url)} is no URL`);
}

/** Only transports that carry objects: `ext::` would run a command, and a repository's URL may come from others. */
function fetchEnv(): NodeJS.ProcessEnv {
  const { SSH_AUTH_SOCK, HOME } = process.env;
  return {
    ...quietGitEnv(),
    HOME: HOME ?? "/nonexistent",
    ...(SSH_AUTH_SOCK === undefined ? {} : { SSH_AUTH_SOCK }),
    GIT_ALLOW_PROTOCOL: "file:git:http:https:ssh",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
  };
}
