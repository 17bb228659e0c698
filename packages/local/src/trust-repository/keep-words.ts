/**
 * What a place said stays said: before a new state of a place takes the old one's room, every statement that the new
 * one lacks is kept.
 *
 * Claims: a ref that is rewound, pushed with force or served in part takes away no word that this machine held, and each
 * such loss is told; where the room for words is full, the new state is not taken. Against: a server, an owner or
 * an accident that drops a distrust. A waiver alone is not kept: who carries it no longer takes it back, and that can
 * only deny. Leaves out what a word counts for, and words that came and went between two looks.
 */
import type { Statement } from "@firstmile/formats/statement/statement";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { openStatement, type VerifiedStatement, verifyOpened } from "@firstmile/trust/statement/verify";
import { electorateNow } from "../evidence/electorate.ts";
import { KEPT_LIMITS, KeptFull, keepStatements, keptDirectory, keptPlaces } from "../statements/kept.ts";
import type { FoundStatement, StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { lostText } from "./lost-text.ts";

export interface Keeping {
  readonly stateDir: string;
  /** Rules by which signatures are checked: those of before and of now, with their imports resolved. */
  readonly policies: readonly Policy[];
  /** Unix seconds. */
  readonly now: number;
}

/** A statement, and who signed it by any of the rules. */
export interface Word {
  readonly found: FoundStatement;
  /** Undefined: it is of a kind that this version does not know, or is not a statement at all. */
  readonly statement: Statement | undefined;
  /** Names its payload and the keys that signed it: another spelling of the same is the same. */
  readonly key: string;
  /** People of the rules; empty where only others signed it. */
  readonly by: readonly string[];
}

/** What carried a place until now, what it carries from now on, and how people call it. */
export interface Replaced {
  readonly before: readonly StatementPlace[];
  readonly after: readonly StatementPlace[];
  readonly from: string;
}

/**
 * Keeps what `after` lacks, before `after` is taken; gives a sentence for each loss. Throws `KeptFull` where a word by
 * a person of the rules cannot be kept: then `after` must not be taken.
 */
export async function keepLost(keeping: Keeping, { before, after, from }: Replaced): Promise<string[]> {
  const had = (await readStatements(before)).found;
  if (had.length === 0) return [];
  const carried = (await readStatements(after)).found;
  const names = new Set(carried.map(({ name }) => name));
  const missing = had.filter(({ name }) => !names.has(name));
  if (missing.length === 0) return [];
  const lost = lacking(wordsOf(keeping, missing), wordsOf(keeping, carried));
  const kept = lost.filter(({ statement }) => statement?.kind !== "waiver");
  await keep(keeping, kept, from);
  return lostText(lost, from);
}

/** Keeps all that speaks against something, so that no later state of any place can take it back. */
export async function keepAgainst(keeping: Keeping, found: readonly FoundStatement[]): Promise<void> {
  const directory = keptDirectory(keeping.stateDir);
  const fresh = found.filter(({ where }) => !where.startsWith(directory));
  const against = wordsOf(keeping, fresh).filter(
    (word) => word.by.length > 0 && speaksAgainst(word.statement),
  );
  await keep(keeping, against, undefined);
}

/** A kind that is not known to speak for something is taken for one that does not. */
function speaksAgainst(statement: Statement | undefined): boolean {
  switch (statement?.kind) {
    case undefined:
      return false;
    case "review":
      return statement.verdict === "reject";
    case "cosign":
    case "head":
    case "handoff":
    case "waiver":
    case "channel":
      return false;
    default:
      return true;
  }
}

async function keep(
  { stateDir, policies, now }: Keeping,
  words: readonly Word[],
  from: string | undefined,
): Promise<void> {
  if (words.length === 0) return;
  const { found } = await readStatements(keptPlaces(stateDir));
  const here = wordsOf({ stateDir, policies, now }, found);
  const fresh = lacking(words, here);
  const isKnown = ({ by }: Word) => by.length > 0;
  const known = fresh.filter(isKnown);
  const strangers = fresh.filter((word) => !isKnown(word));
  const left = KEPT_LIMITS.strangers - here.filter((word) => !isKnown(word)).length;
  const all = [...known, ...strangers.slice(0, Math.max(0, left))].map((word) => word.found);
  const bytes = [...found, ...known.map((word) => word.found)].reduce(
    (sum, { envelope }) => sum + envelope.length,
    0,
  );
  if (found.length + known.length > KEPT_LIMITS.statements || bytes > KEPT_LIMITS.bytes)
    throw new KeptFull(keptDirectory(stateDir));
  await keepStatements(stateDir, all, from);
}

/** Those of `words`, each once, that `others` does not have. */
function lacking(words: readonly Word[], others: readonly Word[]): Word[] {
  const there = new Set(others.map(({ key }) => key));
  return [...new Map(words.map((word) => [word.key, word])).values()].filter(({ key }) => !there.has(key));
}

function wordsOf({ policies, now }: Keeping, found: readonly FoundStatement[]): Word[] {
  const known = policies.map((policy) => statementIdentities(electorateNow(policy, now).policy));
  return found.map((one) => {
    const opened = openStatement(one.envelope);
    if (!opened.ok) return { found: one, statement: undefined, key: one.name, by: [] };
    const verified = known.map(({ keys }) => verifyOpened(opened, keys, now));
    const signers = known.flatMap(({ ownerOf }, i) => signersIn(verified[i]!, ownerOf));
    const keys = [...new Set(signers.map(({ key }) => key))].sort();
    const by = [...new Set(signers.map(({ name }) => name))].sort();
    const { digest } = verified[0]!;
    // Without a known signer two envelopes are two words: a later state of the rules may know one of them.
    const key = keys.length === 0 ? one.name : [digest, ...keys].join(" ");
    return { found: one, statement: opened.statement, key, by };
  });
}

/** Also by a key that has ended since. */
function signersIn({ outcomes }: VerifiedStatement, ownerOf: ReadonlyMap<string, string>) {
  return outcomes.flatMap((outcome) => {
    const good = outcome.valid ? outcome : outcome.lapsed;
    const name = good && ownerOf.get(good.key);
    return name === undefined ? [] : [{ key: good!.key, name }];
  });
}
