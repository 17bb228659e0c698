/**
 * `GET /source/NAME/REV.tar.gz` and `GET /source/NAME/channel.tar.gz`: a source's tree as a tarball that a flake can be
 * locked to (Nix manual, "Lockable HTTP Tarball Protocol"). A denial is 404, with its reason in a header, as elsewhere.
 * Claims: a path has one reading, and memory stays flat however large the tree is. Against: a page in somebody's browser
 * whose name was made to lead here, and which would read sources that are nobody else's. Leaves out which commits are
 * handed out, and ranges: a compressed stream has no middle to begin at.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { sriHash } from "@firstmile/formats/nix/hash";
import { firstRefusal, type Reason } from "@firstmile/trust/verdict/verdict";
import { GitTree } from "../../git/git-tree.ts";
import { neutralGit } from "../../git/neutral.ts";
import { GitObjects } from "../../git/objects.ts";
import { tarOfTree } from "../../git/tree-tar.ts";
import type { FoundArchive, SourceArchive } from "../source-archives.ts";
import { REASON_HEADER } from "./narstream.ts";

export interface SourceTarget {
  readonly name: string;
  readonly which: CommitId | "channel";
}

const PREFIX = "/source/";
const TARGET = /^\/source\/([a-z0-9][a-z0-9._-]{0,63})\/([0-9a-f]{40}|[0-9a-f]{64}|channel)\.tar\.gz$/;

export function isSourceTarget(target: string): boolean {
  return target.startsWith(PREFIX);
}

/** Undefined for what is none. A lock's own words behind `?` are left aside: the path alone says what is meant. */
export function sourceTarget(target: string): SourceTarget | undefined {
  const [path = ""] = target.split("?", 1);
  const [, name, which] = TARGET.exec(path) ?? [];
  return name === undefined ? undefined : { name, which: which as SourceTarget["which"] };
}

export interface SourceResponderOptions {
  readonly find: (name: string, which: SourceTarget["which"]) => Promise<FoundArchive>;
  /** Where this server is reached: `http://127.0.0.1:17339`. */
  readonly base: () => string;
  readonly log: (line: string) => void;
}

export class SourceResponder {
  readonly #options: SourceResponderOptions;

  constructor(options: SourceResponderOptions) {
    this.#options = options;
  }

  async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    try {
      if (request.headers.host !== new URL(this.#options.base()).host)
        return absent(response, "unknown-source: this is asked for under the gate's own address alone");
      const target = sourceTarget(path);
      if (!target) return absent(response, "unknown-source: no path of a source: /source/NAME/COMMIT.tar.gz");
      const found = await this.#options.find(target.name, target.which);
      if (found.ok) return await this.#serve(found.archive, request, response);
      const reason = lineOf(found.reason);
      this.#options.log(`denied  ${path.slice(0, 200)}: ${reason}`);
      absent(response, reason);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.log(`failed  ${path.slice(0, 200)}: ${message}`);
      if (response.headersSent) response.destroy();
      else absent(response, `source-unavailable: ${message}`);
    }
  }

  async #serve(archive: SourceArchive, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const etag = `"${archive.commit}"`;
    const headers = { Link: `<${this.#locked(archive)}>; rel="immutable"`, ETag: etag };
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, "Content-Type": "application/gzip", "Accept-Ranges": "none" });
    if (request.method === "HEAD") response.end();
    else await stream(archive, response);
  }

  #locked({ source, commit, revCount, lastModified, narHash }: SourceArchive): string {
    const url = new URL(`${PREFIX}${source.name}/${commit}.tar.gz`, this.#options.base());
    const said = { rev: commit, revCount, lastModified, narHash: sriHash(narHash) };
    const query = Object.entries(said).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    return `${url.href}?${query.join("&")}`;
  }
}

async function stream(
  { repository, tree, lastModified }: SourceArchive,
  response: ServerResponse,
): Promise<void> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const pieces = Readable.from(tarOfTree(objects, await GitTree.read(objects, tree), lastModified), {
      objectMode: false,
      highWaterMark: 1,
    });
    // The network is this machine's own: what compresses best is not worth its time.
    await pipeline(pieces, createGzip({ level: 1 }), response);
  } finally {
    git.dispose();
  }
}

function lineOf(reason: Reason): string {
  const { code, message } = firstRefusal([reason]) ?? reason;
  return `${code}: ${message}`;
}

function absent(response: ServerResponse, reason: string): void {
  const line = reason.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500);
  response.writeHead(404, { "Content-Type": "text/plain", [REASON_HEADER]: line });
  response.end(`${line}\n`);
}
