/**
 * Fetches a source and what may be its author's signature, through the one door out of this machine.
 *
 * Against: a signature file of a gigabyte, a server that never ends, a list of guesses that floods a server: each
 * answer is bounded in size and time, and so is the number of requests. What comes is held against hashes and
 * signatures; where it came from counts for nothing.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { MAX_LIST } from "@firstmile/formats/checksums/list";
import { MAX_AUTHOR_SIGNATURE } from "@firstmile/formats/statement/handoff";
import type { Outgoing } from "../gate/http/outgoing.ts";
import { TransferError, transferError } from "../gate/http/transfer.ts";
import type { SignatureCandidate } from "./candidates.ts";
import { signatureKind } from "./signature-kind.ts";
import { MAX_SOURCE } from "./store-content.ts";

/** A signature as it was found. */
export interface FoundSignature {
  readonly over: SignatureCandidate["kind"] | "tag";
  readonly url: string;
  readonly bytes: Buffer;
  /** The list that it is over, where it is over one. */
  readonly list?: Buffer;
}

export type Fetched =
  | { readonly ok: true; readonly bytes: Buffer; readonly url: string }
  | { readonly ok: false; readonly problem: string };

const SOURCE_TIMEOUT_MS = 1_800_000;
const SMALL_TIMEOUT_MS = 30_000;
/** A bundle of Sigstore has some ten kilobytes, OpenPGP's signatures some hundred bytes. */
const MAX_EMBEDDED = MAX_AUTHOR_SIGNATURE + MAX_LIST;

export class ReleaseFetcher {
  readonly #outgoing: Outgoing;
  readonly #lists = new Map<string, Promise<Buffer | undefined>>();
  /** What could not be had for another reason than that it is not there. */
  readonly problems: string[] = [];

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** The first of these URLs that answers. */
  async source(urls: readonly string[]): Promise<Fetched> {
    const problems: string[] = [];
    for (const url of urls) {
      try {
        const limits = { maxBytes: MAX_SOURCE, timeoutMs: SOURCE_TIMEOUT_MS };
        const { status, body } = await this.#outgoing.fetchSmall(url, limits);
        if (status === 200) return { ok: true, bytes: body, url };
        problems.push(`${url} answered ${status}`);
      } catch (error) {
        if (!(error instanceof TransferError)) throw error;
        problems.push(`${url}: ${error.message}`);
      }
    }
    return { ok: false, problem: problems.join("; ") || "it names no URL that can be fetched" };
  }

  /** Signatures at these places, as they are found: whoever asks stops at the first that holds. */
  async *signatures(candidates: readonly SignatureCandidate[]): AsyncGenerator<FoundSignature> {
    const seen = new Map<string, Buffer | undefined>();
    for (const candidate of candidates) {
      const { kind, url } = candidate;
      if (kind === "list" && candidate.list !== undefined && !(await this.#list(candidate.list))) continue;
      const limit = kind === "list" && candidate.list === undefined ? MAX_EMBEDDED : MAX_AUTHOR_SIGNATURE;
      const bytes = seen.has(url) ? seen.get(url) : await this.#small(url, limit);
      seen.set(url, bytes);
      if (bytes === undefined) continue;
      const found =
        kind === "list" ? await this.#listed(candidate.list, bytes, url) : { over: kind, url, bytes };
      // A page that says "not found" with status 200 is no signature.
      if (found && signatureKind(found.bytes) !== undefined) yield found;
    }
  }

  async #listed(list: string | undefined, bytes: Buffer, url: string): Promise<FoundSignature | undefined> {
    if (list !== undefined) {
      const text = await this.#list(list);
      return text && { over: "list", url, bytes, list: text };
    }
    // signify -e: two lines, and then the list.
    const end = bytes.indexOf("\n", bytes.indexOf("\n") + 1) + 1;
    if (end === 0 || end === bytes.length) return undefined;
    return { over: "list", url, bytes: bytes.subarray(0, end), list: bytes.subarray(end) };
  }

  #list(url: string): Promise<Buffer | undefined> {
    const known = this.#lists.get(url) ?? this.#small(url, MAX_LIST);
    this.#lists.set(url, known);
    return known;
  }

  async #small(url: string, maxBytes: number): Promise<Buffer | undefined> {
    try {
      const { status, body } = await this.#outgoing.fetchSmall(url, {
        maxBytes,
        timeoutMs: SMALL_TIMEOUT_MS,
      });
      return status === 200 && body.length > 0 ? body : undefined;
    } catch (error) {
      const { message } = transferError(error);
      this.problems.push(`${url}: ${message}`);
      return undefined;
    }
  }
}

/** A file that the user names, or a URL, as a URL. */
export function asUrl(text: string, cwd: string): string {
  const path = resolve(cwd, text);
  return !/^[a-z]+:\/\//i.test(text) && existsSync(path) ? pathToFileURL(path).href : text;
}
