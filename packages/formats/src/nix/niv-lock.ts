/**
 * nix/sources.json: what niv pins. An object of pins by name, without a version. A `tarball` of a forge and a `git`
 * pin stand for a commit; a `file`, a `local` path and what niv itself has given up do not, and are kept with the
 * reason. Source: niv's sources.nix, which reads `type`, `url`, `sha256`, `rev`, `repo`, `ref`, `branch`, `builtin`.
 *
 * Unsigned like every lock: see pin.ts. Members that are not known are passed over, as the loader does.
 */
import { gitRepository, namedCommit } from "./forge-archive.ts";
import { type JsonValue, parseStrictJson } from "./json.ts";
import { asObject, FETCHED_NAME, type Pin, PinFields, pinText } from "./pin.ts";

export interface NivLock {
  /** By name, in the file's order. */
  readonly pins: ReadonlyMap<string, Pin>;
}

const FORMAT = "niv sources";
const MAX_BYTES = 16 << 20;

/** Throws `FormatError` that names the pin and member. */
export function parseNivLock(bytes: Uint8Array): NivLock {
  const file = asObject(FORMAT, "file", parseStrictJson(pinText(bytes, FORMAT, MAX_BYTES), FORMAT));
  return { pins: new Map(Object.entries(file).map(([name, value]) => [name, readPin(name, value)])) };
}

function readPin(name: string, value: JsonValue): Pin {
  const fields = new PinFields(FORMAT, `pin ${name}`, value);
  const type = fields.text("type") ?? "";
  switch (type) {
    case "tarball":
      return readTarball(name, fields);
    case "git":
      return readGit(name, fields);
    default:
      return { kind: "other", name, url: fields.text("url"), ...otherKind(type) };
  }
}

function readTarball(name: string, fields: PinFields): Pin {
  const url = fields.needed("url");
  const narHash = fields.hash("sha256");
  const named = namedCommit(url) ?? byMembers(fields);
  if (!named)
    return {
      kind: "other",
      name,
      url,
      problem: "names no commit: neither its url nor its owner, repo and rev do",
      remedy: `pin a commit of the repository: niv modify ${name} -a rev=COMMIT, with its url_template`,
    };
  const storeNames = [`${sanitized(name)}-src`, FETCHED_NAME];
  return { kind: "commit", name, fetcher: "fetchTarball", url, ...named, narHash, storeNames };
}

/** niv's own templates are GitHub's. */
function byMembers(fields: PinFields): { repository: string; rev: string } | undefined {
  const [owner, repo] = [fields.text("owner"), fields.text("repo")];
  if (owner === undefined || repo === undefined || fields.text("rev") === undefined) return undefined;
  const repository = `https://github.com/${owner}/${repo}`;
  return gitRepository(repository) === undefined ? undefined : { repository, rev: fields.commitId("rev") };
}

function readGit(name: string, fields: PinFields): Pin {
  const url = fields.needed("repo");
  const repository = gitRepository(url);
  if (repository === undefined)
    return {
      kind: "other",
      name,
      url: undefined,
      problem: "names no repository by a plain URL, without password or ..",
      remedy: `niv modify ${name} -a repo=URL`,
    };
  const rev = fields.commitId("rev");
  return {
    kind: "commit",
    name,
    fetcher: "fetchGit",
    url,
    repository,
    rev,
    narHash: undefined,
    storeNames: [FETCHED_NAME],
  };
}

/** As niv's loader makes a store path's name of a pin's. */
function sanitized(name: string): string {
  return name.replace(/^\.+/, "").replaceAll(/[^A-Za-z0-9+._?=-]+/g, "-");
}

function otherKind(type: string): { problem: string; remedy: string } {
  if (type === "file")
    return {
      problem: "is a single file, which names no Git commit",
      remedy: "pin the Git repository that has it, or fetch it in a derivation",
    };
  if (type === "local")
    return {
      problem: "is a path of one machine",
      remedy: "take the files into the repository, or pin the repository that they are in",
    };
  return {
    problem: `is of type ${JSON.stringify(type)}, which names no Git commit`,
    remedy: "pin it as a tarball of a forge, or as git",
  };
}
