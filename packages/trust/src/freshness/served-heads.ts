/**
 * What several places say is the newest of one repository. Claim: what is chosen is authentic, descends from all else
 * that is authentic, and from what was followed before; where two authentic heads are not on one line, nothing is
 * chosen and both are shown. Against: a mirror that is behind, one that serves what nobody signed, and people with
 * enough keys who show one history to some and another to others. Left out: a state that all places withhold (see
 * judge-head.ts).
 *
 * Who can freeze a reader: whoever controls every place; or whoever controls one and has, or once had, enough keys to
 * sign a second history. A mirror alone cannot: what it withholds or makes up is told as its fault, and the others
 * are followed.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { judgeAdvance } from "../root/follow.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";
import type { Ancestry } from "./judge-head.ts";

/** How a head stands to what is followed; `why` is the finding on its signatures. */
export type Standing =
  | { readonly kind: "same" }
  /** Authentic and newer, or the first ever. */
  | { readonly kind: "forward"; readonly why: Reason }
  /** An ancestor of what is followed. */
  | { readonly kind: "behind" }
  /** Authentic, and not on one line with what is followed. */
  | { readonly kind: "apart"; readonly why: Reason }
  | { readonly kind: "unauthentic"; readonly why: Reason };

export interface ServedHead {
  readonly url: string;
  readonly head: CommitId;
  readonly standing: Standing;
}

/** A place that could not be asked within its limits, and why. */
export interface SilentPlace {
  readonly url: string;
  readonly problem: string;
}

export interface ServedHeads {
  /** Undefined: nothing is followed yet. */
  readonly followed: CommitId | undefined;
  readonly served: readonly ServedHead[];
  readonly silent: readonly SilentPlace[];
  readonly ancestry: Ancestry;
}

export interface HeadsVerdict {
  /** The head to follow; undefined where there is none, and the reasons say why. */
  readonly newest: CommitId | undefined;
  /** Refusals, or what there is to tell of single places. */
  readonly reasons: readonly Reason[];
}

export function judgeServedHeads(question: ServedHeads): HeadsVerdict {
  const { served, ancestry } = question;
  const authentic = served.filter(({ standing }) => AUTHENTIC.has(standing.kind));
  const onward = authentic.filter(({ standing }) => standing.kind !== "apart");
  if (onward.length === 0) return { newest: undefined, reasons: nothingToFollow(question) };
  const newest = onward.find(({ head }) =>
    authentic.every((other) => ancestry(other.head, head) !== undefined),
  )?.head;
  if (newest === undefined) return { newest, reasons: [equivocation(authentic), ...told(question, newest)] };
  return { newest, reasons: told(question, newest) };
}

const AUTHENTIC: ReadonlySet<Standing["kind"]> = new Set(["same", "forward", "apart"]);

/** Both histories with where they were seen and who signed them: what a person takes to their owners. */
function equivocation(authentic: readonly ServedHead[]): Reason {
  const heads = Map.groupBy(authentic, ({ head }) => head);
  const because = [...heads].map(([head, places]) =>
    found(
      "authentic",
      `${short(head)} is served by ${places.map(({ url }) => url).join(", ")}`,
      signedBy(places[0]!),
    ),
  );
  const message = `${heads.size} heads are served that are not on one line, each signed by people who may: some readers are shown another history than others`;
  return lacking("equivocation", message, {
    because,
    remedy:
      "show both commits to the owners: one of them was made with keys that somebody should not have; nothing was changed here",
  });
}

function signedBy({ standing }: ServedHead): Reason[] {
  return "why" in standing ? [standing.why] : [found("followed", "it is what this machine follows")];
}

/** Nobody serves anything newer than, or as new as, what is followed. */
function nothingToFollow({ served, silent, followed }: ServedHeads): Reason[] {
  const refusals = [...Map.groupBy(served, ({ head }) => head)].map(([head, [place]]) => {
    const { standing } = place!;
    if (standing.kind === "unauthentic") return standing.why;
    return judgeAdvance({ followed, head, advance: standing.kind === "behind" ? "backward" : "diverged" });
  });
  return [...refusals, ...silent.map(unreachable)];
}

/** What is wrong with single places, below a finding that stands: with one place alone there is nothing to tell. */
function told({ served, silent, ancestry }: ServedHeads, newest: CommitId | undefined): Reason[] {
  if (served.length + silent.length < 2) return [];
  const answers = served.map((place) => standingOf(place, newest, ancestry));
  const count = `${served.length} of ${served.length + silent.length} places answered`;
  return [found("followed", count, [...answers, ...silent.map(unreachable)])];
}

function standingOf(
  { url, head, standing }: ServedHead,
  newest: CommitId | undefined,
  ancestry: Ancestry,
): Reason {
  if (standing.kind === "unauthentic")
    return lacking("mirror-unauthentic", `${url} serves ${short(head)}, which is not authentic`, {
      because: [standing.why],
    });
  const missing = newest === undefined ? 0 : ancestry(head, newest);
  if (missing === 0 || missing === undefined) return found("authentic", `${url} serves ${short(head)}`);
  const commits = missing === 1 ? "1 commit" : `${missing} commits`;
  return lacking("mirror-behind", `${url} serves ${short(head)}, ${commits} behind`);
}

function unreachable({ url, problem }: SilentPlace): Reason {
  return lacking("mirror-unreachable", `${url} did not answer: ${problem}`);
}

function short(id: CommitId): string {
  return id.slice(0, 12);
}
