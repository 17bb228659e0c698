/** Brings a repository's objects here. What it says of itself decides nothing: ids are checked by whoever reads. */
import { run } from "../process/run.ts";
import { quietGitEnv, RepositoryError } from "./neutral.ts";

const TEN_MINUTES = 600_000;

/** A remote that cannot be reached or does not answer as one: nothing that the user named wrongly here. */
export class RemoteError extends RepositoryError {
  constructor(message: string) {
    super(message);
    this.name = "RemoteError";
  }
}

export interface FetchOptions {
  /** Bare repository of our own to fetch into. */
  readonly into: string;
  readonly url: string;
  /** `+from:to` refspecs; globs may match nothing. */
  readonly refspecs: readonly string[];
}

/** Fetches; throws `RemoteError` with Git's own last words where that fails. */
export async function gitFetch({ into, url, refspecs }: FetchOptions): Promise<void> {
  if (url.startsWith("-")) throw new RepositoryError(`${url} is no URL`);
  const limits = [
    "-c",
    "http.lowSpeedLimit=1000",
    "-c",
    "http.lowSpeedTime=60",
    "-c",
    "fetch.fsckObjects=true",
    "-c",
    "gc.auto=0",
  ];
  const args = [
    ...limits,
    "-C",
    into,
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--end-of-options",
    url,
    ...refspecs,
  ];
  const fetched = await run("git", args, { env: fetchEnv(), timeoutMs: TEN_MINUTES });
  if (fetched.code === 0) return;
  const problem = fetched.stderr.trim().split("\n").at(-1) ?? "";
  throw new RemoteError(`${url} cannot be fetched: ${problem}`);
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
