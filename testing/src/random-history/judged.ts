/**
 * What the judge under test says of random histories. `askWhole` asks as a user does, of signed objects. `askMany` asks
 * the same code of hundreds of histories at a time, one Git child for all of them, and tells it who signed: it puts
 * together what `HistoryRun` in evidence/history.ts puts together. Both have to say the same; the runner compares them.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { authenticateHistory } from "@firstmile/local/evidence/history";
import { ChangeReader } from "@firstmile/local/evidence/own-changes";
import { StepReader } from "@firstmile/local/evidence/review-steps";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { authenticate, type History, openDocket } from "@firstmile/trust/history/authenticate";
import { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { foreignCommits } from "@firstmile/trust/history/foreign";
import { NOTHING_OLD, Standing } from "@firstmile/trust/history/standing";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { type Identities, identitiesOf } from "@firstmile/trust/signature/identities";
import type { Fingerprint, SignatureValid } from "@firstmile/trust/signature/outcome";
import { ReviewsInTime } from "@firstmile/trust/statement/reviews-in-time";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import { type Mode, PEOPLE, type Person, reached } from "./history.ts";
import { emailOf, type MadeHistory, SIGNERS } from "./objects.ts";
import { type RuleSet, rulesText } from "./rules.ts";

/** What is held against a commit, by its place in the history. */
export interface Denial {
  readonly commit: number;
  readonly code: string;
  readonly paths: readonly string[];
  readonly message: string;
}

export interface Answer {
  readonly allowed: boolean;
  readonly denied: readonly Denial[];
}

export const NOW = 1_750_000_000;
const SOURCE = "random";

/** The rules of a history, with its introduction. */
export function policyOf({ history, ids }: MadeHistory): { policy: Policy; source: Source } {
  const { policy, source } = loadedRules(history.rules, history.mode);
  const introduction = {
    ...source.introduction,
    commit: ids[history.introduction]! as string as Source["introduction"]["commit"],
  };
  const own: Source = { ...source, introduction };
  return { policy: { ...policy, sources: new Map([[source.name, own]]) }, source: own };
}

const loaded = new Map<string, { policy: Policy; source: Source }>();

function loadedRules(rules: RuleSet, mode: Mode): { policy: Policy; source: Source } {
  const key = `${rules.name} ${mode}`;
  const known = loaded.get(key);
  if (known) return known;
  const files = new Map([["firstmile.toml", Buffer.from(policyText(rules, mode))]]);
  for (const [name, { publicKey }] of SIGNERS) files.set(`keys/${name}.pub`, Buffer.from(publicKey));
  const result = loadPolicy(files);
  if (!result.ok) throw new Error(result.defects.map(({ message }) => message).join("\n"));
  const made = { policy: result.policy, source: [...result.policy.sources.values()][0]! };
  loaded.set(key, made);
  return made;
}

function policyText(rules: RuleSet, mode: Mode): string {
  return [
    "format = 1",
    'name = "random"',
    "expires = 2090-01-01T00:00:00Z",
    ...PEOPLE.map((name) => `[principal.${name}]\nemail = "${emailOf(name)}"\nkeys = ["keys/${name}.pub"]`),
    "[role]",
    `root = { any = 1, of = ${JSON.stringify(PEOPLE)} }`,
    `[source.${SOURCE}]`,
    'urls = ["https://example.org/random"]',
    `authenticate = "${mode}"`,
    `introduction = { commit = "${"0".repeat(40)}", signed_by = "root" }`,
    rulesText(SOURCE, rules),
  ].join("\n");
}

/** As a user asks: of a repository, with statements in a tree; `tip` and `cacheDir` where not all is asked anew. */
export async function askWhole(
  repository: string,
  made: MadeHistory,
  statements: ObjectId,
  { tip = made.ids.length - 1, cacheDir }: { tip?: number; cacheDir?: string } = {},
): Promise<Answer> {
  const verdict = await authenticateHistory({
    repository,
    tip: made.ids[tip]!,
    ...policyOf(made),
    now: NOW,
    cacheDir,
    statements: [{ kind: "tree", repository, tree: statements }],
  });
  return answerOf(made, verdict);
}

function answerOf(
  { ids }: MadeHistory,
  { allowed, denied }: Pick<Awaited<ReturnType<typeof authenticateHistory>>, "allowed" | "denied">,
): Answer {
  const places = new Map(ids.map((id, at) => [id, at]));
  return {
    allowed,
    denied: denied.map(({ commit, code, paths = [], message }) => ({
      commit: places.get(commit)!,
      code,
      paths,
      message,
    })),
  };
}

/** The answers on the last commits of many histories. */
export async function askMany(repository: string, histories: readonly MadeHistory[]): Promise<Answer[]> {
  const git = await neutralGit(repository);
  try {
    const together = new CommitTable();
    const asked = histories.map((made) => ({ made, history: historyOf(made) }));
    const foreign = new Set<CommitId>();
    for (const { history } of asked) {
      for (const facts of history.commits.values()) {
        together.add(facts);
        if (history.isForeign(facts.id)) foreign.add(facts.id);
      }
    }
    using reader = new ChangeReader(git, together, (id) => foreign.has(id));
    using objects = new GitObjects(git.env);
    return await Promise.all(asked.map(({ made, history }) => answered(made, history, reader, objects)));
  } finally {
    git.dispose();
  }
}

async function answered(
  made: MadeHistory,
  history: History,
  reader: ChangeReader,
  objects: GitObjects,
): Promise<Answer> {
  const { policy, source } = policyOf(made);
  const identities = identitiesFor(policy);
  const docket = openDocket(policy, source, identities, history);
  const against =
    source.authenticate === "tip"
      ? { commit: made.ids[made.history.introduction]! }
      : source.authenticate === "first-parent"
        ? ("first-parent" as const)
        : ("all-parents" as const);
  const own = await reader.read(docket.needPaths, against);
  const standing = new Standing(identities, NOTHING_OLD);
  const terms = { source: source.name, machine: false, skimmed: false };
  const reviews = new ReviewsInTime(statementsOf(made), identities, standing, terms);
  const read =
    docket.line.length > 0
      ? await new StepReader(source, docket, reader, objects, reviews, undefined, own).read()
      : { steps: [], unreadable: new Map() };
  return answerOf(made, authenticate(policy, source, docket, { own, reviews, ...read }));
}

const identities = new Map<Policy["principals"], Identities>();

function identitiesFor(policy: Policy): Identities {
  const known = identities.get(policy.principals) ?? identitiesOf(policy);
  identities.set(policy.principals, known);
  return known;
}

function historyOf(made: MadeHistory): History {
  const { history, ids } = made;
  const tip = ids.at(-1)!;
  const introduction = ids[history.introduction]!;
  const before = new Set([...reached(history.commits, [history.introduction])].map((at) => ids[at]!));
  const commits = new CommitTable();
  for (const facts of freshFacts(made)) commits.add(facts);
  const cosignatures = new Map(
    history.commits.map(({ cosigners }, at) => [ids[at]!, cosigners.map((name) => signatureOf(name))]),
  );
  const isAccepted = (id: CommitId) => before.has(id);
  return {
    tip,
    commits,
    unusable: new Map(),
    isAccepted,
    isForeign: foreignCommits(commits, { isAccepted, isKnownForeign: undefined }),
    isBefore: (id) => before.has(id),
    isIntroduced: (id) => id === introduction,
    cosignatures,
    isReached: NOTHING_OLD,
  };
}

/** Commits that have no ancestor in common with the introduction. */

/** Facts of what the tip reaches and the introduction does not, children first. */
function freshFacts({ history, ids, trees }: MadeHistory): CommitFacts[] {
  const { commits, introduction } = history;
  const old = reached(commits, [introduction]);
  const fresh = [...reached(commits, [commits.length - 1])]
    .filter((at) => !old.has(at))
    .sort((a, b) => b - a);
  return fresh.map((at) => {
    const { parents, author, committer, coAuthors, signer } = commits[at]!;
    return {
      id: ids[at]!,
      tree: trees[at]!,
      parents: parents.map((parent) => ids[parent]!),
      signature: signatureOf(signer),
      wrote: [...new Set([author, committer, ...coAuthors])].sort() as CommitFacts["wrote"][number][],
    };
  });
}

function statementsOf({ statements }: MadeHistory): VerifiedStatement[] {
  return statements.map(({ statement, by }, i) => ({
    ok: true,
    statement,
    digest: String(i),
    outcomes: [signatureOf(by)],
  }));
}

const signatures = new Map<Person, SignatureValid>(
  [...SIGNERS].map(([name, { fingerprint }]) => {
    const key = fingerprint as Fingerprint;
    return [name, { valid: true, key, signingKey: key, validUntil: undefined }];
  }),
);

function signatureOf(name: Person): SignatureValid {
  return signatures.get(name)!;
}
