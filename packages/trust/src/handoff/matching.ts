/**
 * Which handoffs are about a download: by the digest of its output, and by name. The digest says which bytes are
 * meant. The name is there against an older release under a newer one's name (file-names.ts): the author's signature
 * says nothing of names, and who hands it on does.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex, latin1 } from "@firstmile/formats/bytes/text";
import { hashObject } from "@firstmile/formats/git/object-id";
import { parseTag } from "@firstmile/formats/git/tag";
import { type NarHash, narHashOf } from "@firstmile/formats/nix/hash";
import type { HandedOutput, HandoffStatement, TaggedRelease } from "@firstmile/formats/statement/handoff";
import { canonicalUrl } from "../policy/upstream-urls.ts";
import type { Download } from "./download.ts";
import { askedName, isMirrorOf, isNamedAsTag } from "./file-names.ts";

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
  if (release.kind === "file") {
    const asked = askedName(download);
    const { name } = release.file;
    return asked.ok && asked.name === name && download.urls.every((url) => isMirrorOf(url, name, urls));
  }
  const stated = new Set(urls.map(canonicalUrl));
  const isStated = (url: string) => stated.has(canonicalUrl(url) ?? "");
  return download.urls.length > 0 && download.urls.every(isStated) && isRevision(release, download);
}

/** A repository's URL is the same for every release: what is asked of it must be this tag, or its commit. */
function isRevision({ tag, commit }: TaggedRelease, download: Download): boolean {
  try {
    const { name, hash } = parseTag(tag);
    const id = hashObject("commit", commit, hash);
    const { revision } = download;
    const isAsked =
      revision === undefined || [latin1(name), id].includes(revision.replace(/^refs\/tags\//, ""));
    return isAsked && isNamedAsTag(download, latin1(name), id);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

function narKey(hash: NarHash): string {
  return `nar ${hash}`;
}

function fileKey(algorithm: "sha256" | "sha512", hex: string): string {
  return `file ${algorithm} ${hex}`;
}
