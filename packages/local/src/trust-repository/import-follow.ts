/**
 * One import, followed as this machine follows its own rules: all of its URLs are asked, what they offer is compared,
 * and only what is authentic and newer is taken. Claim: this never throws for what somebody serves, so that one
 * import's failure is nobody else's.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { Policy } from "@firstmile/trust/policy/policy";
import type { Introduction } from "@firstmile/trust/root/authenticate";
import { lacking, type Reason, verdict } from "@firstmile/trust/verdict/verdict";
import { RemoteError } from "../git/fetch.ts";
import { addTrust, type Followed, updateTrust } from "./follow.ts";
import { type Pin, readPin, writePin } from "./pin.ts";

/** Fetches and follows; a refusal leaves what was followed before. `known`: rules of those who import it. */
export async function followImport(
  dir: string,
  urls: readonly string[],
  introduction: Introduction,
  now: number,
  known: readonly Policy[] = [],
): Promise<Pick<Followed, "verdict" | "commits" | "lost">> {
  try {
    const { verdict: said, commits, lost = [] } = await follow(dir, urls, introduction, now, known);
    return { verdict: said, commits, lost };
  } catch (error) {
    const subject = { kind: "trust repository", name: "", commit: introduction.commit } as const;
    return { verdict: verdict(subject, [reasonOf(error)]), commits: 0 };
  }
}

/** A pin of another introduction is void: the import is authenticated from its new beginning, or not at all. */
async function follow(
  dir: string,
  [url = "", ...mirrors]: readonly string[],
  introduction: Introduction,
  now: number,
  known: readonly Policy[],
): Promise<Followed> {
  const pin = readPin(dir);
  if (!pin || !isSameIntroduction(pin.introduction, introduction))
    return addTrust(dir, url, introduction, now, { replace: true, mirrors, known });
  if (pin.url !== url || pin.mirrors.join(" ") !== mirrors.join(" ")) writePin(dir, { ...pin, url, mirrors });
  return updateTrust(dir, now, { known, isForeign: true });
}

/** In whatever order the keys are listed. */
export function isSameIntroduction(a: Pin["introduction"], b: Introduction): boolean {
  return a.commit === b.commit && a.signedBy.toSorted().join(" ") === b.signedBy.toSorted().join(" ");
}

function reasonOf(error: unknown): Reason {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RemoteError)
    return lacking("source-unavailable", message, {
      remedy: "firstmile trust update, when it can be reached again",
    });
  const broken = error instanceof FormatError ? "what it serves is broken: " : "";
  return lacking("policy-invalid", `${broken}${message}`, { remedy: "ask the owners of the import" });
}
