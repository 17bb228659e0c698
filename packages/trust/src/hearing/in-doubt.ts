/**
 * Words against something that are in force and in doubt: root is asked whether each may end, and others whether they
 * say the same.
 */
import type { PrincipalName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Policy } from "../policy/policy.ts";
import { WARDEN } from "../slice/distrust.ts";
import { rejecters } from "../slice/rejecters.ts";
import { visiblePath } from "../slice/visible-path.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { doubtIn, hearingOf, type Speaker } from "./hearing.ts";
import { isAgainst, type Spoken, spokenOf, type WordAgainst } from "./words.ts";

export interface DoubtfulWord {
  /** SHA-256 of the statement in hex. */
  readonly statement: string;
  readonly kind: "distrust" | "rejection";
  readonly by: readonly PrincipalName[];
  readonly doubt: string;
  /** What it is against, for a person. */
  readonly against: string;
  readonly because: string | undefined;
}

/** Of verified statements without those that were taken back; in the order of their digests. */
export function wordsInDoubt(policy: Policy, statements: Iterable<VerifiedStatement>): DoubtfulWord[] {
  const words = [...statements].filter(isWord);
  const copies = [...Map.groupBy(words, ({ digest }) => digest)].sort(([a], [b]) => (a < b ? -1 : 1));
  return copies.flatMap(([statement, [first, ...others]]) => {
    const word = first!.statement;
    const spoken = [first!, ...others].flatMap(spokenOf);
    const speakers = speakersOf(policy, word, spoken);
    const doubt = doubtIn(speakers);
    if (doubt === undefined) return [];
    const by = speakers.map(({ name }) => name);
    const because = word.kind === "distrust" ? word.because : word.note;
    const kind = word.kind === "distrust" ? "distrust" : "rejection";
    return [{ statement, kind, by, doubt, against: againstText(word), because }];
  });
}

/** What a word against something is about: `lib/default.nix and 3 more`. */
export function againstText(word: WordAgainst): string {
  const names =
    word.kind === "distrust"
      ? [...word.targets.map(targetText), ...word.keys.map((key) => `key ${key}`)]
      : [
          ...word.changes.map(({ path }) => visiblePath(path)),
          ...(word.names ?? []).map(({ path }) => visiblePath(path)),
        ];
  const [first = "nothing", ...more] = names;
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

function targetText(target: (WordAgainst & { readonly kind: "distrust" })["targets"][number]): string {
  if (target.kind === "store") return target.baseName;
  return target.path === undefined ? `sha256:${target.sha256}` : visiblePath(target.path);
}

/** The people who are listened to in any of the places that the word could be about. */
function speakersOf(policy: Policy, word: WordAgainst, spoken: readonly Spoken[]): Speaker[] {
  if (word.kind === "distrust") return hearingOf(policy).speakers(spoken, ({ roles }) => roles.get(WARDEN));
  const said = [{ by: new Set<PrincipalName>(), spoken }];
  const paths = [...word.changes, ...(word.names ?? [])].map(({ path }) => path);
  const all = [...policy.sources.values()].flatMap(({ name, rules }) =>
    paths.flatMap((path) => {
      const by = ruleFor(path, rules)?.review?.by;
      return by ? rejecters(said, { policy, source: name, path, by }) : [];
    }),
  );
  const found = new Map<PrincipalName, Speaker>();
  for (const one of all) if (one.doubt === undefined || !found.has(one.name)) found.set(one.name, one);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isWord(verified: VerifiedStatement): verified is VerifiedStatement<WordAgainst> {
  return isAgainst(verified.statement);
}
