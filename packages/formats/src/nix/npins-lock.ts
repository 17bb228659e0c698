/**
 * npins/sources.json: what npins pins. Reads versions 3 to 8. A pin of a branch or release of a Git repository is a
 * commit and the hash of its tree; a channel, a package of PyPI, a container or a plain URL names no commit, and is
 * kept with the reason why nothing can authenticate it. Source: npins 0.4 and its main branch, `versions.rs`.
 *
 * Unsigned like every lock: see pin.ts. Members that are not known are passed over, as the loader does.
 */
import { FormatError } from "../bytes/error.ts";
import { gitRepository } from "./forge-archive.ts";
import { type JsonValue, parseStrictJson } from "./json.ts";
import {
  asObject,
  type CommitPin,
  FETCHED_NAME,
  type OtherPin,
  type Pin,
  PinFields,
  pinText,
} from "./pin.ts";

export interface NpinsLock {
  readonly version: number;
  /** By name, in the file's order. */
  readonly pins: ReadonlyMap<string, Pin>;
}

const FORMAT = "npins sources";
const MAX_BYTES = 16 << 20;
const OLDEST = 3;
const NEWEST = 8;

/** Throws `FormatError` that names the pin and member. */
export function parseNpinsLock(bytes: Uint8Array): NpinsLock {
  const file = asObject(FORMAT, "file", parseStrictJson(pinText(bytes, FORMAT, MAX_BYTES), FORMAT));
  const { version } = file;
  if (typeof version !== "number" || !Number.isInteger(version) || version < OLDEST || version > NEWEST) {
    const problem = `is not ${OLDEST} to ${NEWEST}: npins upgrade writes a newer one`;
    throw new FormatError(FORMAT, "version", 0, problem);
  }
  const pins = Object.entries(asObject(FORMAT, "pins", file.pins));
  return { version, pins: new Map(pins.map(([name, value]) => [name, readPin(name, value)])) };
}

function readPin(name: string, value: JsonValue): Pin {
  const fields = new PinFields(FORMAT, `pin ${name}`, value);
  const type = fields.needed("type");
  if (type === "Git" || type === "GitRelease") return readCommit(name, fields);
  const url = fields.text("locked_url") ?? fields.text("url");
  return { kind: "other", name, url, ...otherKind(type) };
}

function readCommit(name: string, fields: PinFields): Pin {
  const repository = readRepository(fields.inner("repository"));
  const url = fields.text("url");
  if (typeof repository !== "string") return { kind: "other", name, url, ...repository };
  const fetched = url === undefined || fields.flag("submodules");
  const rev = fields.commitId("revision");
  const pin: CommitPin = {
    kind: "commit",
    name,
    fetcher: fetched ? "fetchGit" : "fetchTarball",
    url: fetched ? repository : url,
    repository: repository.replace(/\.git$/, ""),
    rev,
    narHash: fields.hash("hash"),
    storeNames: [FETCHED_NAME],
  };
  return pin;
}

type Refusal = Pick<OtherPin, "problem" | "remedy">;

/** The repository's URL as the loader puts it together for `fetchGit`. */
function readRepository(repository: PinFields): string | Refusal {
  const type = repository.needed("type");
  if (repository.text("private_token") !== undefined) return WITH_CREDENTIALS;
  const url = repositoryUrl(type, repository);
  return gitRepository(url) === undefined ? notPlain(url) : url;
}

function repositoryUrl(type: string, repository: PinFields): string {
  switch (type) {
    case "Git":
      return repository.needed("url");
    case "GitHub":
      return `https://github.com/${repository.needed("owner")}/${repository.needed("repo")}.git`;
    case "GitLab":
      return `${server(repository)}/${repository.needed("repo_path")}.git`;
    case "Forgejo":
      return `${server(repository)}/${repository.needed("owner")}/${repository.needed("repo")}.git`;
    default:
      return repository.fail("type", "is none of Git, GitHub, GitLab and Forgejo");
  }
}

function server(repository: PinFields): string {
  return repository.needed("server").replace(/\/$/, "");
}

const WITH_CREDENTIALS: Refusal = {
  problem: "carries a password or token, which a lock that others read must not",
  remedy: "take it out of the lock, and give Git its credentials by itself",
};

/** The address itself is not repeated: it may be what holds the password. */
function notPlain(url: string): Refusal {
  if (/\/\/[^/]*@/.test(url)) return WITH_CREDENTIALS;
  return {
    problem: "names no repository by a plain URL",
    remedy: "pin it by a URL of scheme, host and names, without .. or escapes",
  };
}

function otherKind(type: string): Refusal {
  switch (type) {
    case "Channel":
      return {
        problem: "is a channel's release, which a server puts together, and no commit's tree",
        remedy: "pin the branch instead: npins add github nixos nixpkgs --branch BRANCH",
      };
    case "PyPi":
    case "Tarball":
    case "Url":
    case "MutableUrl":
      return {
        problem: `is of type ${type}, which names no Git commit`,
        remedy: "pin the Git repository that it is made from: npins add git URL, or npins add github",
      };
    case "Container":
      return {
        problem: "is a container image, which names no Git commit",
        remedy: "fetch it in a derivation: its hash is then an upstream rule's business",
      };
    default:
      return {
        problem: `is of type ${JSON.stringify(type)}, which is not known`,
        remedy: "pin the Git repository that it is made from",
      };
  }
}
