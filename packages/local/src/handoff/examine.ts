/**
 * What `firstmile handoff` finds out about one download before it asks anybody: by which rule it goes, whether it was
 * handed on already, and which signature of its author holds over it. Nothing here decides by a URL.
 */

import { FormatError } from "@firstmile/formats/bytes/error";
import { parseTag } from "@firstmile/formats/git/tag";
import { parseDetachedSignature } from "@firstmile/formats/openpgp/detached";
import { parseMinisign } from "@firstmile/formats/signify/minisign";
import { parseSignifySignature } from "@firstmile/formats/signify/signature";
import { parseSshsig } from "@firstmile/formats/ssh/sshsig";
import { type AuthorKeys, authorKeys } from "@firstmile/trust/handoff/author";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { type SignedUpstream, signatureUrl, upstreamFor } from "@firstmile/trust/policy/upstream";
import { sshFingerprint } from "@firstmile/trust/ssh/keys";
import { ArchiveRefused } from "../archives/refused.ts";
import { GitTreeError } from "../git/git-tree.ts";
import { RepositoryError } from "../git/neutral.ts";
import { type SignatureCandidate, signatureCandidates } from "./candidates.ts";
import type { Fetched, FoundSignature, ReleaseFetcher } from "./fetch.ts";
import {
  type Made,
  makeHandoff,
  makeTagged,
  type Source,
  SourceDiffers,
  sourceFrom,
  type Wanted,
} from "./make.ts";
import { signatureKind } from "./signature-kind.ts";
import { fetchTag, type TaggedTree, type TagPlace, tagPlaces } from "./tags.ts";

export interface ExamineOptions {
  /** Undefined: this machine follows no rules, and none were named. */
  readonly policy: Policy | undefined;
  /** Keys that the user gives for an author whom no rule names yet. */
  readonly author: AuthorKeys | undefined;
  /** Where the user says that the signature is: of this source alone. */
  readonly signature: string | undefined;
  readonly fetcher: ReleaseFetcher;
  readonly now: number;
}

/** What is asked of a download, as far as a policy says. */
export type Asked =
  | { readonly kind: "pinned"; readonly line: number }
  | { readonly kind: "author"; readonly author: PrincipalName; readonly rule: SignedUpstream }
  | { readonly kind: "nothing" };

export type Examined =
  | { readonly kind: "pinned"; readonly line: number }
  | { readonly kind: "holds"; readonly made: Made; readonly author: PrincipalName; readonly isNew: boolean }
  /** There is a signature, and nobody whose keys it could be checked by. */
  | { readonly kind: "unknown-author"; readonly found: readonly FoundSignature[] }
  | {
      readonly kind: "refused";
      readonly code: "handoff-invalid" | "not-the-author" | "archive-refused";
      readonly message: string;
    }
  | { readonly kind: "unsigned"; readonly tried: number; readonly problems: readonly string[] }
  | { readonly kind: "unavailable"; readonly problem: string };

/** The strictest of the rules that its URLs fall under. */
export function askedOf(urls: readonly string[], policy: Policy | undefined): Asked {
  const rules = urls.map((url) => policy && upstreamFor(url, policy.upstreams));
  const signed = rules.find((rule) => rule?.kind === "signed");
  if (signed?.kind === "signed") return { kind: "author", author: signed.author, rule: signed };
  const pinned = rules.find((rule) => rule?.kind === "pinned");
  return pinned && rules.every((rule) => rule !== undefined)
    ? { kind: "pinned", line: pinned.line }
    : { kind: "nothing" };
}

/** `source` fetches it, unless the store has it. */
export async function examine(
  wanted: Wanted,
  from: readonly string[],
  source: () => Promise<Fetched>,
  options: ExamineOptions,
): Promise<Examined> {
  const asked = askedOf(wanted.urls, options.policy);
  if (asked.kind === "pinned") return asked;
  const tagged = await searchTags(wanted, asked, options);
  if (tagged) return tagged;
  const fetched = await source();
  if (!fetched.ok) return { kind: "unavailable", problem: fetched.problem };
  try {
    const whole = await sourceFrom(wanted, fetched.bytes);
    return await search(wanted, whole, candidatesFor(from, asked, options), asked, options);
  } catch (error) {
    if (error instanceof ArchiveRefused)
      return { kind: "refused", code: "archive-refused", message: error.message };
    if (error instanceof SourceDiffers) return { kind: "unavailable", problem: error.message };
    throw error;
  }
}

/** A signed tag, of which an archive or a checkout is pinned; undefined where there is none to look for, or none. */
async function searchTags(
  wanted: Wanted,
  asked: Asked,
  options: ExamineOptions,
): Promise<Examined | undefined> {
  if (wanted.method !== "nar" || options.signature !== undefined) return undefined;
  for (const place of tagPlaces(wanted.urls, wanted.revision)) {
    const found = await tagAt(place, options.fetcher.problems);
    if (!found) continue;
    const { author, isNew } = authorOf(asked, options);
    if (!author)
      return { kind: "unknown-author", found: [{ over: "tag", url: place.url, bytes: found.tag }] };
    try {
      const made = makeTagged(wanted, found, author, options.now);
      if (made.check.ok) return { kind: "holds", made, author: author.name, isNew };
      const { code, message } = made.check;
      return { kind: "refused", code, message: `tag ${found.name} of ${place.url}: ${message}` };
    } catch (error) {
      if (!(error instanceof SourceDiffers)) throw error;
      options.fetcher.problems.push(error.message);
    }
  }
  return undefined;
}

async function tagAt(place: TagPlace, problems: string[]): Promise<TaggedTree | undefined> {
  try {
    return await fetchTag(place);
  } catch (error) {
    if (!(error instanceof RepositoryError || error instanceof FormatError || error instanceof GitTreeError))
      throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** By whose keys it is checked: the rule's author, or whom the user gives. */
function authorOf(asked: Asked, { policy, author }: ExamineOptions) {
  const listed = asked.kind === "author" ? authorKeys(policy!, asked.author) : undefined;
  return { author: listed ?? author, isNew: listed === undefined };
}

function candidatesFor(
  from: readonly string[],
  asked: Asked,
  { signature }: ExamineOptions,
): SignatureCandidate[] {
  const template = asked.kind === "author" ? asked.rule.signature : undefined;
  return from.flatMap((url) => {
    const place = signature ?? (template && signatureUrl(template, url));
    return signatureCandidates(url, place);
  });
}

async function search(
  wanted: Wanted,
  source: Source,
  candidates: readonly SignatureCandidate[],
  asked: Asked,
  options: ExamineOptions,
): Promise<Examined> {
  const { fetcher, now } = options;
  const { author, isNew } = authorOf(asked, options);
  const found: FoundSignature[] = [];
  let refused: Made | undefined;
  for await (const signature of fetcher.signatures(candidates)) {
    found.push(signature);
    const made = author && (await makeHandoff(wanted, source, signature, author, now));
    if (made?.check.ok) return { kind: "holds", made, author: author!.name, isNew };
    refused ??= made;
    // Whose signature it is, is all that can be said without keys.
    if (!author) break;
  }
  if (refused && !refused.check.ok) {
    const { code, message } = refused.check;
    return { kind: "refused", code, message: `${refused.signature.url}: ${message}` };
  }
  if (found.length > 0) return { kind: "unknown-author", found };
  return { kind: "unsigned", tried: candidates.length, problems: fetcher.problems };
}

/** Whose signature it says it is, for a person to look the key up by. */
export function claimedKey({ over, bytes: found }: FoundSignature): string {
  try {
    const bytes = over === "tag" ? (parseTag(found).signature ?? new Uint8Array(0)) : found;
    switch (signatureKind(bytes)) {
      case "openpgp": {
        const [made] = parseDetachedSignature(bytes);
        const issuer = made?.kind === "signature" ? made.issuer : undefined;
        if (issuer?.kind === "fingerprint") return `OpenPGP key ${issuer.fingerprint}`;
        return issuer?.kind === "key-id"
          ? `OpenPGP key ${issuer.keyId}`
          : "an OpenPGP key that it does not name";
      }
      case "ssh":
        return `SSH key ${sshFingerprint(parseSshsig(bytes).key)}`;
      case "minisign":
        return `minisign key number ${parseMinisign(bytes).number}`;
      case "signify":
        return `signify key number ${parseSignifySignature(bytes).number}`;
      default:
        return "a key that it does not name in a way that is known";
    }
  } catch (error) {
    if (error instanceof FormatError) return `a signature that cannot be read (${error.message})`;
    throw error;
  }
}
