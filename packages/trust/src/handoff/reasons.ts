/** What a decision about a download says to a person, and what would turn it. */
import type { PrincipalName } from "../policy/names.ts";
import type { PinnedUpstream, SignedUpstream } from "../policy/upstream.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";
import type { RestsOn } from "./author-signature.ts";
import type { Download } from "./download.ts";
import { askedName } from "./file-names.ts";
import { outputKey } from "./matching.ts";
import type { HandoffCheck, VerifiedHandoff } from "./verify.ts";

/** One handoff of a download's very output, and what checking it came to. */
export interface Weighed {
  readonly handoff: VerifiedHandoff;
  readonly check: HandoffCheck;
  readonly by: ReadonlySet<PrincipalName>;
}

export function pinned(download: Download, rule: PinnedUpstream | undefined): Reason {
  const by = rule ? ` (upstream rule at line ${rule.line})` : "";
  return found("pinned", `${shown(download)} is pinned by its hash${by}`);
}

export function noRule(download: Download, url: string | undefined): Reason {
  const what = url === undefined ? "which names no URL" : `from ${printable(url)}`;
  return lacking("no-upstream-rule", `${shown(download)}, ${what}, falls under no upstream rule`, {
    remedy:
      "add an [[upstream]] for it to the trust repository: with the author whose signature it must carry, or pinned = true",
  });
}

export function noHandoff(
  download: Download,
  rule: SignedUpstream,
  other: readonly VerifiedHandoff[],
): Reason {
  const names = other.flatMap(({ statement: { release } }) =>
    release.kind === "file" ? [release.file.name] : [],
  );
  const known =
    names.length > 0 ? `; the same content was handed on as ${[...new Set(names)].join(" and ")}` : "";
  const asked = askedName(download);
  if (!asked.ok && !isTagged(other)) return contradicts(download, rule, asked.names);
  const weak = outputKey(download) === undefined;
  const why = weak
    ? `is pinned by ${download.method} ${download.hash.algorithm}, by which nothing can be handed on`
    : `was not handed on by anybody${known}`;
  return lacking("no-handoff", `${shown(download)} must carry a signature of ${rule.author}, and ${why}`, {
    remedy: weak ? "pin it by SHA-256" : handoffCommand(download),
  });
}

/** No handoff could be for all of these names. */
function contradicts(download: Download, rule: SignedUpstream, names: readonly string[]): Reason {
  const list = names.map(printable).join(" and ");
  const message = `${shown(download)} must carry a signature of ${rule.author}, and asks for it under different names: ${list}`;
  return lacking("no-handoff", message, {
    remedy: "let the name and the last part of every URL be the name under which the author released it",
  });
}

/** Whether it is known as the tree of a tag, where names do not count. */
function isTagged(handoffs: readonly VerifiedHandoff[]): boolean {
  return handoffs.some(({ statement: { release } }) => release.kind === "tag");
}

export function refusedCheck(download: Download, rule: SignedUpstream, weighed: readonly Weighed[]): Reason {
  const checks = weighed.map(({ check }) => check).filter((check) => !check.ok);
  const worst = checks.find(({ code }) => code === "handoff-invalid") ?? checks[0]!;
  const text =
    worst.code === "not-the-author"
      ? `is not by ${rule.author}, whose signature it must carry: ${worst.message}`
      : `was handed on by a statement that does not hold: ${worst.message}`;
  return lacking(worst.code, `${shown(download)} ${text}`, {
    remedy:
      worst.code === "not-the-author"
        ? `if this key is ${rule.author}'s, add it to their [principal] in the trust repository`
        : handoffCommand(download),
  });
}

export function tooFew(
  download: Download,
  rule: SignedUpstream,
  people: readonly PrincipalName[],
  completions: readonly (readonly PrincipalName[])[],
): Reason {
  const who =
    people.length > 0 ? `by ${people.toSorted().join(" and ")} alone` : "by nobody the policy names";
  const asked = rule.handoff.role
    ? `role ${rule.handoff.role}`
    : `the group of the rule at line ${rule.line}`;
  const others = completions.map((names) => names.join(" and ")).join(", or ");
  const remedy = others === "" ? handoffCommand(download) : `${others}: ${handoffCommand(download)}`;
  return lacking("no-handoff", `${shown(download)} was handed on ${who}; ${asked} must vouch for it`, {
    remedy,
  });
}

export function handedOff(
  download: Download,
  rule: SignedUpstream,
  people: readonly PrincipalName[],
  good: readonly Weighed[],
): Reason {
  const because = good.map(({ check, handoff, by }) => told(check, handoff, [...by]));
  const message = `${shown(download)} is signed by its author ${rule.author}, handed on by ${people.join(" and ")}`;
  return found("handed-off", message, because);
}

const RESTS: Readonly<Record<RestsOn, string>> = {
  content: "the author's signature was checked against it",
  digest: "the author's signature is over a digest that they say is of it",
  claim: "the author's signature can be checked where the source is at hand; till then this is their word",
};

function told(check: HandoffCheck, { digest }: VerifiedHandoff, by: readonly PrincipalName[]): Reason {
  if (!check.ok) return lacking(check.code, check.message);
  const lapsed = check.lapsed === undefined ? "" : `; its key is of the past: ${check.lapsed}`;
  const message = `handoff ${digest.slice(0, 12)} by ${by.join(" and ")}, with a signature of ${check.key}: ${RESTS[check.rests]}${lapsed}`;
  return found("handed-off", message);
}

function handoffCommand({ urls, drvPath, method }: Download): string {
  const [url] = urls;
  // What a derivation says is its author's: only what no shell reads otherwise is put into a command.
  return method === "flat" && url !== undefined && /^https?:[\w:/.+~%=-]+$/.test(url)
    ? `firstmile handoff ${url}`
    : `firstmile handoff ${drvPath}`;
}

/** A download in a sentence. */
export function shown({ name }: Download): string {
  return `download ${printable(name)}`;
}

/** Names and URLs of a derivation are its author's: nothing in them may move a cursor. */
function printable(text: string): string {
  return text.replace(/[^!-~]/g, "?").slice(0, 200);
}
