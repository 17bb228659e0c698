/**
 * Which source of the policy a locked input belongs to, by URL. The URL proves nothing: it chooses the rules that
 * the input's commit is then held to. So an input that could be taken for two repositories has no source at all.
 */
import type { LockedReference } from "@firstmile/formats/nix/flake-lock";
import { type NamedCommit, namedCommit } from "@firstmile/formats/nix/forge-archive";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Policy, Source } from "@firstmile/trust/policy/policy";

/** The source whose URLs name the repository that the input is locked to; undefined where none does. */
export function sourceForInput(policy: Policy, locked: LockedReference): Source | undefined {
  const url = repositoryUrl(locked);
  const key = url === undefined ? undefined : repositoryKey(url);
  if (url === undefined || key === undefined) return undefined;
  const [, own] = OF_A_GATE.exec(url) ?? [];
  if (own !== undefined) return policy.sources.get(own as SourceName);
  return [...policy.sources.values()].find(({ urls }) => urls.some((own) => repositoryKey(own) === key));
}

/**
 * The path of an input that lies in the tree of the flake that names it: `./sub` gives `sub`. Undefined for any
 * other input, and for one that leads out of the tree.
 */
export function pathInsideTree(locked: LockedReference): string | undefined {
  const { type, path } = locked;
  if (type !== "path" || path === undefined || path === "" || path.startsWith("/")) return undefined;
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return names.includes("..") || path.includes("\0") ? undefined : names.join("/");
}

/**
 * What a gate hands out, on this machine or on that of whoever wrote the lock: ports differ, and only the loopback is
 * ever a gate. Whoever serves it there, the tree is held against the commit.
 */
const OF_A_GATE = /^http:\/\/127\.0\.0\.1(?::\d{1,5})?\/source\/([a-z0-9][a-z0-9._-]*)$/;

/** The commit that an input is locked to; undefined where it names none, or two. */
export function lockedCommit(locked: LockedReference): NamedCommit | undefined {
  if (locked.type === "tarball") return archivedCommit(locked);
  const repository = repositoryUrl(locked);
  return repository === undefined || locked.rev === undefined ? undefined : { repository, rev: locked.rev };
}

/** Of a tarball the address says it, where a forge serves archives of commits at such ones. */
function archivedCommit({ url = "", rev }: LockedReference): NamedCommit | undefined {
  // Parsers of URLs take out white space: Nix would not.
  if (!/^[!-~]+$/.test(url)) return undefined;
  const [address = "", query = ""] = url.split("?", 2);
  const words = [...new URLSearchParams(query)];
  // A gate puts what it knows of a commit behind it, where a lock may keep it; anything else may mean another tree.
  if (words.some(([word]) => !LOCK_WORDS.has(word))) return undefined;
  const named = namedCommit(address);
  const said = [rev, ...words.filter(([word]) => word === "rev").map(([, value]) => value)];
  return said.every((one) => one === undefined || one === named?.rev) ? named : undefined;
}

const LOCK_WORDS: ReadonlySet<string> = new Set(["rev", "revCount", "lastModified", "narHash"]);

/** Where the input's repository is; undefined for a kind of input that is no Git repository. */
export function repositoryUrl(locked: LockedReference): string | undefined {
  const { type, owner, repo, host, url } = locked;
  if (type === "git") return url?.replace(/^git\+/, "");
  if (type === "tarball") return archivedCommit(locked)?.repository;
  const defaultHost = FORGES.get(type);
  if (defaultHost === undefined || owner === undefined || repo === undefined) return undefined;
  const group = type === "gitlab" ? owner.replaceAll(/%2f/gi, "/") : owner;
  const names = [...(type === "gitlab" ? group.split("/") : [group]), repo];
  // A name with a slash or dots of its own would name another repository than it seems to.
  if (!names.every((name) => NAME.test(name)) || !HOST.test(host ?? defaultHost)) return undefined;
  return `https://${host ?? defaultHost}/${names.join("/")}`;
}

const FORGES: ReadonlyMap<string, string> = new Map([
  ["github", "github.com"],
  ["gitlab", "gitlab.com"],
  ["sourcehut", "git.sr.ht"],
]);
const NAME = /^(?!\.{1,2}$)~?[A-Za-z0-9._-]+$/;
const HOST = /^[A-Za-z0-9.-]+(?::\d{1,5})?$/;

/** Whether two URLs are spellings of one repository's. */
export function isSameRepository(a: string, b: string): boolean {
  const key = repositoryKey(a);
  return key !== undefined && key === repositoryKey(b);
}

/** Forges that take `NixOS/nixpkgs` and `nixos/nixpkgs` for one repository, as people write both. */
const CASELESS: ReadonlySet<string> = new Set(["github.com", "gitlab.com"]);

/**
 * One spelling for all spellings of a URL: without `.git` and slashes at the end, host in lower case. Undefined for
 * what is no URL, or has a query, fragment or password.
 */
export function repositoryKey(text: string): string | undefined {
  const url = URL.parse(text);
  if (url?.search !== "" || url.hash !== "" || url.password !== "" || /[?#]/.test(text)) return undefined;
  const host = url.host.toLowerCase();
  const user = url.username === "" ? "" : `${url.username}@`;
  const path = url.pathname
    .replace(/\/{2,}/g, "/")
    .replace(/\/$/, "")
    .replace(/\.git$/, "");
  return `${url.protocol}//${user}${host}${CASELESS.has(host) ? path.toLowerCase() : path}`;
}
