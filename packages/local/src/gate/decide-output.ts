/**
 * Claim: a path is handed to Nix only if it is an output of an admitted derivation, the policy's builders agree on
 * what it holds or too few of them is what somebody waived, and nobody distrusts it. Caches are asked for what they
 * have; what they say counts only by the signatures in it.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type NarInfo, parseNarInfo } from "@firstmile/formats/nix/narinfo";
import { hashPartOf, parseStorePath, type StorePath } from "@firstmile/formats/nix/store-path";
import { judgeAgreement, type Testimony } from "@firstmile/trust/consensus/agree";
import { found, lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import { type Deciding, whyAdmitted } from "./decide-build.ts";
import { cacheUrl, type Outgoing } from "./http/outgoing.ts";
import { isAbsent, transferError } from "./http/transfer.ts";
import { againstOutput } from "./objections.ts";
import type { RulesInForce } from "./rules-in-force.ts";
import { waivedOutput } from "./waived-output.ts";

/** A path that may be handed out, and where its bytes can be had. */
export interface Release {
  readonly path: StorePath;
  /** Caches with the content agreed on, in order of preference. */
  readonly from: readonly Testimony[];
}

export interface OutputDecision {
  readonly verdict: Verdict;
  readonly release: Release | undefined;
}

export interface OutputDeciding extends Deciding {
  readonly outgoing: Outgoing;
  readonly storeDir: string;
}

const NARINFO_LIMITS = { maxBytes: 1 << 20, timeoutMs: 10_000 };

/** Decides on the path whose base name begins with these 32 characters. */
export async function decideOutput(deciding: OutputDeciding, hashPart: string): Promise<OutputDecision> {
  const rules = await deciding.rules.get();
  if (!rules.ok) return denied(hashPart, deciding.storeDir, [rules.reason]);
  const [known] = deciding.ledger.derivationsGiving(hashPart);
  if (!known) return denied(hashPart, deciding.storeDir, [notAnOutput(hashPart)]);
  const subject = { kind: "store path", path: known.path } as const;
  const admitted = await admittedOrigin(deciding, rules.rules, hashPart);
  if (admitted.some((reason) => !reason.ok))
    return { verdict: verdict(subject, admitted), release: undefined };
  const against = againstOutput(rules.rules.distrust, known.path);
  if (against) return { verdict: verdict(subject, [...admitted, against]), release: undefined };
  const { reason, from } = await agreedOrWaived(deciding, rules.rules, known.path);
  const decided = verdict(subject, [...admitted, reason]);
  return { verdict: decided, release: decided.allowed ? { path: known.path, from } : undefined };
}

/** What builders say of a path, and where too few agree, a waiver that accepts the one content they vouch for. */
async function agreedOrWaived(
  deciding: OutputDeciding,
  rules: RulesInForce,
  path: StorePath,
): Promise<{ reason: Reason; from: readonly Testimony[] }> {
  const { testimonies, problems } = await askCaches(deciding, rules, path);
  const { reason, agreed, undisputed } = judgeAgreement(rules.policy, rules.builders, path, testimonies);
  if (reason.ok) return { reason, from: agreed };
  const lacks = withProblems(reason, problems);
  const derivations = deciding.ledger.derivationsGiving(hashPartOf(path));
  const recipes = derivations.map(({ derivation }) => derivation);
  return waivedOutput(rules, path, recipes, { reason: lacks, undisputed });
}

/** One admitted derivation that gives the path is enough. */
async function admittedOrigin(
  deciding: OutputDeciding,
  rules: RulesInForce,
  hashPart: string,
): Promise<Reason[]> {
  let first: Reason[] | undefined;
  for (const { derivation, output } of deciding.ledger.derivationsGiving(hashPart)) {
    const reasons = await whyAdmitted(deciding, rules, derivation);
    const named = [found("admitted", `is output ${output} of ${derivation}`), ...reasons];
    if (reasons.every((reason) => reason.ok)) return named;
    first ??= named;
  }
  return first!;
}

async function askCaches(
  deciding: OutputDeciding,
  rules: RulesInForce,
  path: StorePath,
): Promise<{ testimonies: Testimony[]; problems: Reason[] }> {
  const caches = rules.policy.output?.caches ?? [];
  const answers = await Promise.all(caches.map((cache) => askCache(deciding, cache, path)));
  return {
    testimonies: answers.filter((answer) => answer !== undefined && "info" in answer),
    problems: answers.filter((answer) => answer !== undefined && "code" in answer),
  };
}

async function askCache(
  { outgoing, storeDir }: OutputDeciding,
  cache: string,
  path: StorePath,
): Promise<Testimony | Reason | undefined> {
  try {
    const hashPart = path.slice(storeDir.length + 1, storeDir.length + 33);
    const { status, body } = await outgoing.fetchSmall(
      cacheUrl(cache, `${hashPart}.narinfo`).href,
      NARINFO_LIMITS,
    );
    if (isAbsent(status)) return undefined;
    if (status !== 200) return lacking("no-builder-answered", `${cache} answered ${status}`);
    return { cache, info: readNarInfo(body, storeDir) };
  } catch (error) {
    if (error instanceof FormatError)
      return lacking("narinfo-invalid", `${cache} sent a narinfo that cannot be read: ${error.message}`);
    return lacking("no-builder-answered", `${cache} could not be asked: ${transferError(error).message}`);
  }
}

function readNarInfo(body: Uint8Array, storeDir: string): NarInfo {
  return parseNarInfo(body, storeDir);
}

function withProblems(reason: Reason, problems: readonly Reason[]): Reason {
  return problems.length === 0 ? reason : { ...reason, because: [...(reason.because ?? []), ...problems] };
}

function notAnOutput(hashPart: string): Reason {
  return lacking("not-an-output", `${hashPart} is no output of an admitted derivation`, {
    remedy: "admit what it belongs to: firstmile admit -f FILE -A ATTR, or firstmile admit FLAKE#ATTR",
  });
}

function denied(hashPart: string, storeDir: string, reasons: readonly Reason[]): OutputDecision {
  return {
    verdict: verdict({ kind: "store path", path: `${storeDir}/${hashPart}` }, reasons),
    release: undefined,
  };
}

/** The path that a person names, or undefined where it is none of this store. */
export function asStorePath(text: string, storeDir: string): StorePath | undefined {
  try {
    return parseStorePath(text, storeDir);
  } catch {
    return undefined;
  }
}
