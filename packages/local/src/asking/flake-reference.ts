/** Flake references as people type them. Only what can be tied to a signed commit is taken. */
import { UnadmittableError } from "./nix-command.ts";

export type FlakeReference = LocalFlake | RemoteFlake;

export interface LocalFlake {
  readonly kind: "local";
  readonly path: string;
  readonly attrs: readonly string[];
}

export interface RemoteFlake {
  readonly kind: "remote";
  /** The repository's URL. */
  readonly url: string;
  readonly commit: string;
  readonly dir: string;
  readonly attrs: readonly string[];
}

const WHOLE_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Reads `PATH#ATTR`, `github:OWNER/REPO/REV#ATTR` and `git+URL?rev=REV#ATTR`. Throws `UnadmittableError`. */
export function parseFlakeReference(text: string): FlakeReference {
  const hash = text.indexOf("#");
  const [base, fragment] = hash < 0 ? [text, ""] : [text.slice(0, hash), text.slice(hash + 1)];
  const attrs = [fragment || "default"].map((attr) => attr.replace(/\^.*$/, ""));
  if (/^(?:\.|\/|~)/.test(base) || base === "" || base.startsWith("path:")) {
    return { kind: "local", path: base.replace(/^path:/, "") || ".", attrs };
  }
  if (base.startsWith("github:")) return github(base, attrs);
  if (base.startsWith("git+")) return git(base, attrs);
  throw new UnadmittableError(
    `${base} names no commit that could be authenticated`,
    "name a checkout (.#x), github:OWNER/REPO/COMMIT#x, or git+URL?rev=COMMIT#x",
  );
}

function github(base: string, attrs: readonly string[]): RemoteFlake {
  const [path, query] = base.slice("github:".length).split("?");
  const [owner, repo, rev, ...more] = path!.split("/");
  const commit = rev ?? new URLSearchParams(query).get("rev") ?? "";
  if (!owner || !repo || more.length > 0)
    throw new UnadmittableError(`${base} is no github reference`, "write github:OWNER/REPO/COMMIT");
  return {
    kind: "remote",
    url: `https://github.com/${owner}/${repo}`,
    commit: whole(base, commit),
    dir: new URLSearchParams(query).get("dir") ?? "",
    attrs,
  };
}

function git(base: string, attrs: readonly string[]): RemoteFlake {
  const url = URL.parse(base.slice("git+".length));
  if (!url)
    throw new UnadmittableError(
      `${base} is no URL of a repository`,
      "write git+https://HOST/PATH?rev=COMMIT",
    );
  const commit = url.searchParams.get("rev") ?? "";
  const dir = url.searchParams.get("dir") ?? "";
  url.search = "";
  return { kind: "remote", url: url.href, commit: whole(base, commit), dir, attrs };
}

/** A branch or tag is whatever a server says today: only a commit can be pinned and judged. */
function whole(base: string, commit: string): string {
  if (WHOLE_ID.test(commit)) return commit;
  throw new UnadmittableError(
    `${base} names no whole commit`,
    "add it: github:OWNER/REPO/COMMIT, git+URL?rev=COMMIT",
  );
}
