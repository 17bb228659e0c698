/**
 * Which commit of which repository an address stands for, by the addresses that forges serve archives at, and by
 * Nix's own spellings of a Git input. The address proves nothing; it says where to look.
 *
 * Undefined for every other address, and for one that could be read two ways: with a user or password in it, names
 * of dots, or a branch or tag in place of a whole commit id.
 */
import { isWholeCommitId } from "./pin.ts";

export interface NamedCommit {
  /** URL of the repository: `https://github.com/o/r`. */
  readonly repository: string;
  /** 40 or 64 lower-case digits. */
  readonly rev: string;
}

const ID = "([0-9a-f]{64}|[0-9a-f]{40})";
const ENDING = "\\.(?:tar\\.gz|tar\\.bz2|tar\\.xz|tgz|tar|zip)";

/** Path (and query) of an archive -> path of its repository. Tried in order. */
const ON_GITHUB = [
  new RegExp(`^/([^/]+/[^/]+?)(?:\\.git)?/(?:archive/${ID}${ENDING}|(?:tarball|zipball)/${ID})$`),
];
const ON_GITHUB_API = [new RegExp(`^/repos/([^/]+/[^/]+)/(?:tarball|zipball)/${ID}$`)];
const ON_CODELOAD = [new RegExp(`^/([^/]+/[^/]+)/(?:legacy\\.)?(?:tar\\.gz|zip)/${ID}$`)];
const ON_OTHERS = [
  // GitLab, and its programming interface.
  new RegExp(`^/(.+?)/-/archive/${ID}(?:${ENDING}|/[^/]+${ENDING})$`),
  new RegExp(`^/api/v4/projects/([^/]+)/repository/archive(?:${ENDING})?\\?sha=${ID}$`),
  // Forgejo, Gitea and SourceHut.
  new RegExp(`^/([^/]+/[^/]+?)(?:\\.git)?/archive/${ID}${ENDING}$`),
  new RegExp(`^/api/v1/repos/([^/]+/[^/]+)/archive/${ID}${ENDING}$`),
  // cgit, and Bitbucket.
  new RegExp(`^/(.+)/snapshot/(?:[^/]*-)?${ID}${ENDING}$`),
  new RegExp(`^/([^/]+/[^/]+)/get/${ID}${ENDING}$`),
  // A gate of Firstmile: the repository is what it has of a source.
  new RegExp(`^/(source/[^/]+)/${ID}\\.tar\\.gz$`),
];

export function namedCommit(address: string): NamedCommit | undefined {
  return flakeReference(address) ?? gitReference(address) ?? archive(address);
}

function archive(address: string): NamedCommit | undefined {
  const url = plainUrl(address);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const [host, patterns] = patternsFor(url.host);
  for (const pattern of patterns) {
    const [, path, ...ids] = pattern.exec(`${url.pathname}${url.search}`) ?? [];
    const rev = ids.find((id) => id !== undefined);
    if (path === undefined || rev === undefined) continue;
    const names = path.replaceAll(/%2f/gi, "/");
    return isPlainPath(names) ? { repository: `${url.protocol}//${host}/${names}`, rev } : undefined;
  }
  return undefined;
}

function patternsFor(host: string): [string, readonly RegExp[]] {
  if (host === "api.github.com") return ["github.com", ON_GITHUB_API];
  if (host === "codeload.github.com") return ["github.com", ON_CODELOAD];
  return [host, host === "github.com" ? ON_GITHUB : ON_OTHERS];
}

/** `github:o/r/REV?narHash=…`, as 2.34 writes what `fetchTree` is asked for. */
function flakeReference(address: string): NamedCommit | undefined {
  const match = new RegExp(`^(github|gitlab|sourcehut):([^/?#]+)/([^/?#]+)/${ID}(?:\\?([^#]*))?$`).exec(
    address,
  );
  if (!match) return undefined;
  const [, forge, owner, repo, rev, query] = match;
  const host = new URLSearchParams(query).get("host") ?? FORGES[forge as keyof typeof FORGES];
  const names = `${owner!.replaceAll(/%2f/gi, "/")}/${repo}`;
  if (!isPlainPath(names) || !/^[A-Za-z0-9.-]+$/.test(host)) return undefined;
  return { repository: `https://${host}/${names}`, rev: rev! };
}

const FORGES = { github: "github.com", gitlab: "gitlab.com", sourcehut: "git.sr.ht" } as const;

/** `git+https://host/path?rev=REV&…`, as 2.34 writes what `fetchGit` is asked for. */
function gitReference(address: string): NamedCommit | undefined {
  if (!address.startsWith("git+")) return undefined;
  const rev = new URLSearchParams(/\?([^#]*)$/.exec(address)?.[1]).get("rev");
  const repository = gitRepository(address);
  return rev !== null && isWholeCommitId(rev) && repository !== undefined ? { repository, rev } : undefined;
}

/**
 * The repository of a Git address, without what Nix puts round it: `git+` and the query. `git@host:path` becomes
 * `ssh://git@host/path`. Undefined for what is no URL, and for one with a password.
 */
export function gitRepository(address: string): string | undefined {
  const plain = address.replace(/^git\+/, "").replace(/\?[^#]*$/, "");
  const scp = /^([A-Za-z0-9._-]+@[A-Za-z0-9.-]+)[:/](?!\/)(.+)$/.exec(plain);
  const text = scp && !plain.includes("://") ? `ssh://${scp[1]}/${scp[2]}` : plain;
  const url = URL.parse(text);
  if (url?.password !== "" || url.hash !== "" || url.host === "") return undefined;
  if (url.username !== "" && url.protocol !== "ssh:") return undefined;
  // npins' loader writes GitLab's server with a slash, and one more behind it.
  const names = url.pathname.replace(/^\/+/, "").replace(/\/$/, "");
  return isPlainPath(names) && behindHost(text) === url.pathname ? text : undefined;
}

function plainUrl(address: string): URL | undefined {
  const url = URL.parse(address);
  if (url?.username !== "" || url.password !== "" || url.hash !== "") return undefined;
  // Not where `..` was resolved: others may ask for the path as it is written.
  return behindHost(address) === `${url.pathname}${url.search}` ? url : undefined;
}

function behindHost(address: string): string {
  return address.replace(/^[^/]*\/\/[^/]*/, "");
}

/** Names that mean themselves: no dots that climb, no escapes. */
function isPlainPath(path: string): boolean {
  return path.split("/").every((name) => /^(?!\.{1,2}$)~?[A-Za-z0-9._+-]+$/.test(name));
}
