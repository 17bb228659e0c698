/**
 * Which handoffs are about a download: by the digest of its output, and by name. The digest says which bytes are
 * meant. The name is there against an older release of the same author, validly signed and with holes that are long
 * known, under the URL of a newer one: the author's signature says nothing of names, and who hands it on does.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex, latin1 } from "@firstmile/formats/bytes/text";
import { hashObject } from "@firstmile/formats/git/object-id";
import { parseTag } from "@firstmile/formats/git/tag";
import { type NarHash, narHashOf } from "@firstmile/formats/nix/hash";
import type { HandedOutput, HandoffStatement, TaggedRelease } from "@firstmile/formats/statement/handoff";
import { canonicalUrl } from "../policy/upstream-urls.ts";
import type { Download } from "./download.ts";

/** What a download's output is looked up by; undefined where its hash is too weak to name it, or of another kind. */
export function outputKey({ method, hash }: Download): string | undefined {
  const { algorithm, digest } = hash;
  if (method === "nar" && algorithm === "sha256") return narKey(narHashOf(digest));
  const strong = algorithm === "sha256" || algorithm === "sha512";
  return method === "flat" && strong ? fileKey(algorithm, encodeHex(digest)) : undefined;
}

/** What a handoff's output is looked up by. */
export function outputKeys(output: HandedOutput): string[] {
  if (output.kind === "nar") return [narKey(output.narHash)];
  const { sha256, sha512 } = output;
  return [fileKey("sha256", sha256), ...(sha512 === undefined ? [] : [fileKey("sha512", sha512)])];
}

/** Whether a handoff of this output is meant for this download too: of a tag by where it is, else by the file's name. */
export function isMeant({ urls, release }: HandoffStatement, download: Download): boolean {
  if (release.kind === "file") return fileNames(download).has(release.file.name);
  const stated = new Set(urls.map(canonicalUrl));
  return download.urls.some((url) => stated.has(canonicalUrl(url) ?? "")) && isRevision(release, download);
}

/** A repository's URL is the same for every release: what is asked of it must be this tag, or its commit. */
function isRevision({ tag, commit }: TaggedRelease, { revision }: Download): boolean {
  if (revision === undefined) return true;
  try {
    const { name, hash } = parseTag(tag);
    return [latin1(name), hashObject("commit", commit, hash)].includes(revision.replace(/^refs\/tags\//, ""));
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** What a download calls the file that it fetches: by its URLs, or where these name none by its own name. */
export function fileNames({ urls, name }: Pick<Download, "urls" | "name">): Set<string> {
  const named = urls.map(fileNameOf).filter((part) => part !== "");
  return new Set(named.length > 0 ? named : [name]);
}

/** The last part of a URL's path; empty where it has none. */
export function fileNameOf(url: string): string {
  const canonical = canonicalUrl(url)?.split(/[?#]/, 1)[0] ?? "";
  return canonical.split("/").slice(3).at(-1) ?? "";
}

function narKey(hash: NarHash): string {
  return `nar ${hash}`;
}

function fileKey(algorithm: "sha256" | "sha512", hex: string): string {
  return `file ${algorithm} ${hex}`;
}
