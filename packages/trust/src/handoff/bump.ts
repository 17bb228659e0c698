/**
 * A change of version and hash alone that needs no reader, since the new source carries the signature of the same
 * author, by the same key, as the old one.
 *
 * Claims: both hashes are those of sources that people whom the same rule names handed on, with signatures by one key of
 * the rule's author; the new one's file is called as the old one's but for the version. Against: a bump to another
 * author's release, to a release by another key, to an older or a differently named one, and whatever comes with it in
 * the same file. Leaves out what the author changed: whoever takes bumps by rule trusts the author with that. A
 * warden's word against either source, or against the key, ends it.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { decodeHex, encodeHex } from "@firstmile/formats/bytes/text";
import { parseTag } from "@firstmile/formats/git/tag";
import { type NixHash, narHashOf } from "@firstmile/formats/nix/hash";
import {
  baseNameOf,
  fixedOutputPath,
  type IngestionMethod,
  narHashAsHash,
} from "@firstmile/formats/nix/store-path";
import type { HandedOutput, HandoffStatement } from "@firstmile/formats/statement/handoff";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { isMet } from "../policy/thresholds.ts";
import { type SignedUpstream, upstreamFor } from "../policy/upstream.ts";
import { type Identities, identitiesOf, peopleBehind } from "../signature/identities.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import type { Distrust } from "../slice/distrust.ts";
import { type AuthorKeys, authorKeys, NO_COMMIT } from "./author.ts";
import { type BumpText, bumpText, type Step } from "./bump-text.ts";
import { outputKeys } from "./matching.ts";
import { checkHandoff, type VerifiedHandoff } from "./verify.ts";

export type BumpAnswer =
  | {
      readonly safe: true;
      readonly version: Step<string>;
      readonly author: PrincipalName;
      readonly key: Fingerprint;
      /** Who handed on the new source. */
      readonly by: readonly PrincipalName[];
      /** One phrase for a person. */
      readonly because: string;
    }
  | { readonly safe: false; readonly why: string };

export interface BumpEvidence {
  /** As it is now: certified roles filled in, distrusted keys taken out. */
  readonly policy: Policy;
  readonly handoffs: readonly VerifiedHandoff[];
  readonly distrust?: Distrust;
  /** Unix seconds. */
  readonly now: number;
}

/** Whether a change of one file's content is such a bump. Never throws on bad input. */
export function safeBump(before: Uint8Array, after: Uint8Array, evidence: BumpEvidence): BumpAnswer {
  return new BumpJudge(evidence).judge(before, after);
}

/** A source with everything that its handoffs prove together. */
interface Proven {
  readonly rule: SignedUpstream;
  readonly key: Fingerprint;
  readonly name: string;
  readonly by: readonly PrincipalName[];
}

/** As `safeBump`, for many changes under one state of things. */
export class BumpJudge {
  readonly #evidence: BumpEvidence;
  readonly #byOutput = new Map<string, VerifiedHandoff[]>();
  readonly #identities: Identities;
  readonly #standing: Standing;
  readonly #authors = new Map<PrincipalName, AuthorKeys | undefined>();
  /** When the first of the authors' signatures that were looked at ends. */
  #authorsUntil: number | undefined;

  constructor(evidence: BumpEvidence) {
    this.#evidence = evidence;
    this.#identities = identitiesOf(evidence.policy);
    this.#standing = new Standing(this.#identities, NOTHING_OLD);
    for (const handoff of evidence.handoffs) {
      for (const key of outputKeys(handoff.statement.output))
        this.#byOutput.set(key, [...(this.#byOutput.get(key) ?? []), handoff]);
    }
  }

  /** Whether any handoff could make any change a bump. */
  get isIdle(): boolean {
    return this.#byOutput.size === 0;
  }

  /**
   * Unix seconds at which the first key behind a handoff expires, or behind an author's signature that an answer rests
   * on; undefined where none does. To be asked after the answers.
   */
  get validUntil(): number | undefined {
    const ends = this.#evidence.handoffs.flatMap(({ outcomes }) =>
      outcomes.flatMap((outcome) => (outcome.valid ? (outcome.validUntil ?? []) : [])),
    );
    const all = [...ends, this.#authorsUntil].filter((end) => end !== undefined);
    return all.length > 0 ? all.reduce((a, b) => Math.min(a, b)) : undefined;
  }

  judge(before: Uint8Array, after: Uint8Array): BumpAnswer {
    try {
      return this.#answer(bumpText(before, after));
    } catch (error) {
      if (error instanceof FormatError) return { safe: false, why: error.message };
      throw error;
    }
  }

  #answer({ version, hash }: BumpText): BumpAnswer {
    for (const keyOf of OUTPUT_KEYS) {
      const [from, to] = [keyOf(hash.from), keyOf(hash.to)].map((key) => this.#proven(key));
      const pair = from!
        .flatMap((old) => to!.map((fresh) => ({ old, fresh })))
        .find((one) => fits(one, version));
      if (!pair) continue;
      const { rule, key, by } = pair.fresh;
      const because = `version ${version.from} to ${version.to}, signed by the same author ${rule.author}, handed on by ${by.join(" and ")}`;
      return { safe: true, version, author: rule.author, key, by, because };
    }
    return {
      safe: false,
      why: "old and new source are not both handed on with signatures of one author by one key",
    };
  }

  /** By rule, key and name: handoffs that agree in these are counted together. */
  #proven(output: string): Proven[] {
    const proven = new Map<string, { one: Omit<Proven, "by">; people: Set<PrincipalName> }>();
    for (const handoff of this.#byOutput.get(output) ?? []) {
      const one = this.#proves(handoff);
      if (!one) continue;
      const id = `${one.rule.line} ${one.key} ${one.name}`;
      const known = proven.get(id) ?? { one, people: new Set() };
      for (const name of this.#signers(handoff)) known.people.add(name);
      proven.set(id, known);
    }
    return [...proven.values()].flatMap(({ one, people }) =>
      isMet(one.rule.handoff.group, people, this.#evidence.policy)
        ? [{ ...one, by: [...people].sort() }]
        : [],
    );
  }

  #proves({ statement }: VerifiedHandoff): Omit<Proven, "by"> | undefined {
    const rule = this.#ruleOf(statement.urls);
    const author = rule && this.#author(rule.author);
    if (!author || this.#isDistrusted(statement)) return undefined;
    const check = checkHandoff(statement, author, this.#evidence.now);
    const name = releaseName(statement);
    if (check.ok && check.until !== undefined)
      this.#authorsUntil = Math.min(check.until, this.#authorsUntil ?? check.until);
    // A key of the past signs nothing new: what it released is for people to read.
    return check.ok && check.lapsed === undefined && name !== undefined
      ? { rule, key: check.key, name }
      : undefined;
  }

  /** The one rule that all of its URLs fall under. */
  #ruleOf(urls: readonly string[]): SignedUpstream | undefined {
    const rules = new Set(urls.map((url) => upstreamFor(url, this.#evidence.policy.upstreams)));
    const [rule] = rules;
    return rules.size === 1 && rule?.kind === "signed" ? rule : undefined;
  }

  #isDistrusted({ output, release }: HandoffStatement): boolean {
    const { distrust } = this.#evidence;
    const contents = [
      // Of a tree the NAR is its content, as wardens name downloads.
      output.kind === "file" ? output.sha256 : encodeHex(narHashAsHash(output.narHash).digest),
      ...(release.kind === "file" ? [release.file.sha256] : []),
    ];
    if (distrust === undefined) return false;
    const isNamed = contents.some((sha256) => distrust.ofContent(sha256, undefined) !== undefined);
    return isNamed || isStored(output, distrust.storePaths());
  }

  #signers({ outcomes }: VerifiedHandoff): Set<PrincipalName> {
    const weighed = outcomes.map((outcome) => this.#standing.weigh(outcome, NO_COMMIT));
    return peopleBehind(weighed, this.#identities.ownerOf);
  }

  #author(name: PrincipalName): AuthorKeys | undefined {
    if (!this.#authors.has(name)) this.#authors.set(name, authorKeys(this.#evidence.policy, name));
    return this.#authors.get(name);
  }
}

/** Whether one of these paths of the store is this output, under whichever name. */
function isStored(output: HandedOutput, basePaths: Iterable<string>): boolean {
  const hashes = hashesOf(output);
  for (const base of basePaths) {
    const name = base.slice(HASH_PART);
    if (hashes.some(([method, hash]) => baseNameOf(fixedOutputPath(method, hash, name)) === base))
      return true;
  }
  return false;
}

/** `HASH-` in front of a name. */
const HASH_PART = 33;

function hashesOf(output: HandedOutput): (readonly [IngestionMethod, NixHash])[] {
  if (output.kind === "nar") return [["nar", narHashAsHash(output.narHash)]];
  const { sha256, sha512 } = output;
  const hash = (algorithm: "sha256" | "sha512", hex: string) =>
    ["flat", { algorithm, digest: decodeHex(hex) }] as const;
  return [hash("sha256", sha256), ...(sha512 === undefined ? [] : [hash("sha512", sha512)])];
}

/** What an expression's hash may be of: a file, or the NAR of what it becomes. */
const OUTPUT_KEYS: readonly ((hash: NixHash) => string)[] = [
  ({ algorithm, digest }) => `file ${algorithm} ${encodeHex(digest)}`,
  ({ algorithm, digest }) => (algorithm === "sha256" ? `nar ${narHashOf(digest)}` : ""),
];

/** The same rule, the same key, and the old name with the new version in place of the old one. */
function fits({ old, fresh }: { old: Proven; fresh: Proven }, { from, to }: Step<string>): boolean {
  const parts = old.name.split(from);
  const isSame = old.rule === fresh.rule && old.key === fresh.key;
  return isSame && parts.length === 2 && fresh.name === parts.join(to);
}

/** What the author calls a release: the file, or the tag. */
function releaseName({ release }: HandoffStatement): string | undefined {
  if (release.kind === "file") return release.file.name;
  try {
    return Buffer.from(parseTag(release.tag).name).toString("latin1");
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
