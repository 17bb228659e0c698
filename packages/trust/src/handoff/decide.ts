/**
 * Whether each download is what its author released, by the policy's rules for downloads.
 *
 * Claims: a download that passes falls under rules, by each of its URLs, that its hash is enough for, or for which
 * people of the rule's `handoff` handed on this very output, under this very file name, with a signature by a key of
 * the rule's author. Against: a source that its author never released; an older release of the same author under a
 * newer one's name; a handoff by somebody whom the rule does not name.
 * Leaves out: whether the release is sound: a signature says who made it and not what it does.
 */
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { spokenIn } from "../hearing/words.ts";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { meets, peopleOf } from "../policy/thresholds.ts";
import { type SignedUpstream, type UpstreamRule, upstreamFor } from "../policy/upstream.ts";
import { type Identities, identitiesOf, peopleBehind } from "../signature/identities.ts";
import { type Distrust, WARDEN } from "../slice/distrust.ts";
import type { Waivers } from "../slice/waivers.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { lacking, type Reason } from "../verdict/verdict.ts";
import { type AuthorKeys, authorKeys, NO_COMMIT } from "./author.ts";
import type { Download } from "./download.ts";
import { distrustedDownload, waivedDownload } from "./exceptions.ts";
import { isMeant, outputKey, outputKeys } from "./matching.ts";
import { handedOff, noHandoff, noRule, pinned, refusedCheck, tooFew, type Weighed } from "./reasons.ts";
import { checkHandoff, type HandoffContent, type VerifiedHandoff } from "./verify.ts";

/** What else is known when downloads are decided. */
export interface DownloadEvidence {
  /** Unix seconds. */
  readonly now: number;
  /** What is at hand of a source, such as a valid output in the store. */
  readonly contentOf?: (download: Download, handoff: HandoffStatement) => HandoffContent | undefined;
  /** Under the same rules; absent: none are at hand. */
  readonly waivers?: Waivers;
  readonly distrust?: Distrust;
}

/** Handoffs among verified statements. */
export function handoffsOf(statements: Iterable<VerifiedStatement>): VerifiedHandoff[] {
  return [...statements].filter(
    (verified): verified is VerifiedHandoff => verified.statement.kind === "handoff",
  );
}

/** One reason a download, in their order. Without rules for downloads in the policy all of them are pinned. */
export function decideDownloads(
  policy: Policy,
  downloads: readonly Download[],
  handoffs: readonly VerifiedHandoff[],
  evidence: DownloadEvidence,
): Reason[] {
  const decision = new Decision(policy, handoffs, evidence);
  return downloads.map((download) => decision.decide(download));
}

/** Each handoff under whatever downloads name its output by. */
function indexed(handoffs: readonly VerifiedHandoff[]): Map<string, VerifiedHandoff[]> {
  const index = new Map<string, VerifiedHandoff[]>();
  for (const handoff of handoffs) {
    for (const key of outputKeys(handoff.statement.output)) {
      const known = index.get(key);
      if (known) known.push(handoff);
      else index.set(key, [handoff]);
    }
  }
  return index;
}

/** Everybody whose handoffs some rule counts, and wardens. */
function handersOf(policy: Policy): ReadonlySet<PrincipalName> {
  const handed = policy.upstreams.flatMap((rule) => (rule.kind === "signed" ? [rule.handoff.group] : []));
  const groups = [...handed, policy.roles.get(WARDEN)].filter((group) => group !== undefined);
  return new Set(groups.flatMap((group) => [...peopleOf(group, policy)]));
}

class Decision {
  readonly #policy: Policy;
  readonly #evidence: DownloadEvidence;
  readonly #byOutput: ReadonlyMap<string, readonly VerifiedHandoff[]>;
  readonly #identities: Identities;
  readonly #standing: Standing;
  readonly #authors = new Map<PrincipalName, AuthorKeys | undefined>();
  readonly #handers: ReadonlySet<PrincipalName>;

  constructor(policy: Policy, handoffs: readonly VerifiedHandoff[], evidence: DownloadEvidence) {
    this.#policy = policy;
    this.#evidence = evidence;
    this.#byOutput = indexed(handoffs);
    this.#identities = identitiesOf(policy);
    this.#standing = new Standing(this.#identities, NOTHING_OLD);
    this.#handers = handersOf(policy);
  }

  decide(download: Download): Reason {
    const { upstreams } = this.#policy;
    const against = this.#distrusted(download);
    if (against) return against;
    if (upstreams.length === 0) return pinned(download, undefined);
    const urls = download.urls.length > 0 ? download.urls : [undefined];
    const rules = urls.map((url) => upstreamFor(url, upstreams));
    const without = rules.indexOf(undefined);
    if (without >= 0) return noRule(download, urls[without]);
    const reasons = [...new Set(rules as UpstreamRule[])].map((rule) => this.#byRule(download, rule));
    return reasons.find(({ ok }) => !ok) ?? reasons.find(({ code }) => code !== "pinned") ?? reasons[0]!;
  }

  #byRule(download: Download, rule: UpstreamRule): Reason {
    if (rule.kind === "pinned") return pinned(download, rule);
    const reason = this.#signed(download, rule);
    const { waivers } = this.#evidence;
    return reason.ok || !waivers ? reason : (waivedDownload(download, rule, waivers) ?? reason);
  }

  /** A warden's word wins over every signature, and over hashes that are enough otherwise. */
  #distrusted(download: Download): Reason | undefined {
    const { distrust } = this.#evidence;
    if (!distrust || distrust.isEmpty) return undefined;
    const handoffs = this.#byOutput.get(outputKey(download) ?? "") ?? [];
    return distrustedDownload(
      download,
      handoffs.filter((handoff) => this.#isListenedTo(handoff)),
      distrust,
    );
  }

  /**
   * Whether a handoff says of what file an output was made: one of those whose handoffs some rule counts, or a warden,
   * signed it. A stranger's, or a thief's, would have a warden's word reach the output that its writer chose.
   * A key that has expired or was retired does not cut the word off from what it is about.
   */
  #isListenedTo({ outcomes }: VerifiedHandoff): boolean {
    return spokenIn(outcomes).some(({ key, signingKey }) => {
      const owner = this.#identities.ownerOf.get(key);
      const said = [key, signingKey].flatMap((one) => this.#identities.lives.get(one) ?? []);
      return owner !== undefined && this.#handers.has(owner) && said.every(({ kind }) => kind === "retired");
    });
  }

  #signed(download: Download, rule: SignedUpstream): Reason {
    const same = this.#byOutput.get(outputKey(download) ?? "") ?? [];
    const meant = same.filter(({ statement }) => isMeant(statement, download));
    if (meant.length === 0) return noHandoff(download, rule, same);
    const author = this.#author(rule.author);
    if (!author) return lacking("not-the-author", `the policy has no principal ${rule.author}`);
    const weighed = meant.map((handoff) => this.#weigh(handoff, download, author));
    return this.#counted(download, rule, weighed);
  }

  #weigh(handoff: VerifiedHandoff, download: Download, author: AuthorKeys): Weighed {
    const { statement } = handoff;
    const content = this.#evidence.contentOf?.(download, statement);
    const check = checkHandoff(statement, author, this.#evidence.now, content);
    return { handoff, check, by: this.#peopleBehind(handoff) };
  }

  #peopleBehind({ outcomes }: VerifiedHandoff): Set<PrincipalName> {
    const weighed = outcomes.map((outcome) => this.#standing.weigh(outcome, NO_COMMIT));
    return peopleBehind(weighed, this.#identities.ownerOf);
  }

  #counted(download: Download, rule: SignedUpstream, weighed: readonly Weighed[]): Reason {
    const good = weighed.filter(({ check }) => check.ok);
    if (good.length === 0) return refusedCheck(download, rule, weighed);
    const people = new Set(good.flatMap(({ by }) => [...by]));
    const tally = meets(rule.handoff.group, people, this.#policy);
    if (!tally.met) return tooFew(download, rule, [...people], tally.completions);
    const part = good.filter(({ by }) => tally.counted.some((name) => by.has(name)));
    return handedOff(download, rule, tally.counted, part);
  }

  #author(name: PrincipalName): AuthorKeys | undefined {
    if (!this.#authors.has(name)) this.#authors.set(name, authorKeys(this.#policy, name));
    return this.#authors.get(name);
  }
}
