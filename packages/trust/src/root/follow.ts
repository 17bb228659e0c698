/**
 * Whether a machine may follow a trust repository to a new head. Claim: it only ever moves forward along authentic
 * commits, and decides nothing by rules that have run out. Against: a mirror that serves an old state (rollback), two
 * heads for two readers (fork), a freeze beyond `expires`, a clock set back to revive an expired policy. Left out:
 * whether a mirror hides newer commits that do not expire anything (see freshness).
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy } from "../policy/policy.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";

/** How a head offered now stands to the commit that this machine follows. */
export type Advance = "same" | "forward" | "backward" | "diverged";

export interface Offer {
  /** What this machine follows; undefined when it follows none yet. */
  readonly followed: CommitId | undefined;
  readonly head: CommitId;
  readonly advance: Advance;
}

/** Only forward: everything else is somebody showing this machine another past than it has seen. */
export function judgeAdvance({ followed, head, advance }: Offer): Reason {
  const [old, now] = [followed?.slice(0, 12), head.slice(0, 12)];
  switch (advance) {
    case "same":
      return found("followed", `${now} is what this machine follows already`);
    case "forward":
      return found(
        "followed",
        old === undefined
          ? `${now} is the first state that this machine follows`
          : `${now} descends from ${old}, which this machine follows`,
      );
    case "backward":
      return lacking(
        "rollback",
        `${now} is older than ${old}, which this machine follows: somebody serves an old state of the rules`,
        {
          remedy: "ask the trust repository's owners, or another of its mirrors; nothing was changed here",
        },
      );
    case "diverged":
      return lacking(
        "rollback",
        `${now} does not descend from ${old}, which this machine follows: its history was rewritten, or is another for you than for others`,
        {
          remedy:
            "ask the trust repository's owners; if they rewrote it, pin the new introduction with firstmile trust add --replace",
        },
      );
  }
}

/** Seconds by which a clock may be behind the latest time that was seen. */
const CLOCK_SLACK = 24 * 3600;

/** Whether the policy is in force at `now`, given the latest time this machine has ever decided at (Unix seconds). */
export function judgeTime(policy: Policy, now: number, latestSeen: number): Reason {
  if (now < latestSeen - CLOCK_SLACK) {
    return lacking(
      "clock-behind",
      `the clock says ${day(now)}, but this machine has decided things on ${day(latestSeen)}`,
      {
        remedy:
          "set the clock right: expiry cannot be judged by it. If it was once ahead by mistake: firstmile trust add --replace with the same introduction",
      },
    );
  }
  if (now >= policy.expires) {
    return lacking("policy-expired", `the rules of ${policy.name} expired on ${day(policy.expires)}`, {
      remedy: "firstmile trust update; if that brings nothing, ask its owners to sign a new expires",
    });
  }
  return found("followed", `the rules of ${policy.name} are in force until ${day(policy.expires)}`);
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}
