/**
 * What was admitted, decided again under the rules of today. Claim: every admitted derivation is named that Nix would
 * not be let build any more, with what stands against it; what rests on a refused one is named with it. Against: a
 * distrust, a revoked key or a waiver's end that concerns what was built long ago. Leaves out what lies in the store
 * without having been admitted, which whoever asks looks for by the paths and hashes that are told.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import type { DoubtfulWord } from "@firstmile/trust/hearing/in-doubt";
import type { Distrust, Objection } from "@firstmile/trust/slice/distrust";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { Authenticator } from "../admission/authenticator.ts";
import { CorruptDerivation } from "../admission/derivation-reader.ts";
import { doubtfulWords } from "../exceptions/words.ts";
import { type DownloadJudge, isSilent } from "../handoff/downloads.ts";
import { AuditCauses, type AuditFinding, refusalsIn } from "./audit-causes.ts";
import type { Admission, AdmittedBy, Ledger } from "./ledger.ts";
import { againstRecipe, distrusted, speaksOfStore } from "./objections.ts";
import type { Recipe, Recipes } from "./recipes.ts";
import type { RulesHolder, RulesInForce } from "./rules-in-force.ts";

export interface AuditOptions {
  readonly rules: RulesHolder;
  readonly ledger: Ledger;
  readonly authenticator: Authenticator;
  readonly downloads: DownloadJudge;
  readonly recipes: Recipes;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** What a warden speaks against, for whoever looks through a store: a base name, or SHA-256 in hex. */
export interface ToldObjection extends Pick<Objection, "by" | "because" | "doubt"> {
  readonly name: string;
}

export interface AuditAnswer {
  /** Why nothing can be decided. */
  readonly refusal: Reason | undefined;
  readonly admissions: number;
  readonly derivations: number;
  /** Derivations that are not in the store any more, so that what they are made of was not looked at. */
  readonly unread: number;
  readonly findings: readonly AuditFinding[];
  /** Words against something that are in force, and that root is asked about. */
  readonly inDoubt: readonly DoubtfulWord[];
  readonly paths: readonly ToldObjection[];
  readonly contents: readonly ToldObjection[];
}

const A_TURN = 500;
const NOTHING = {
  admissions: 0,
  derivations: 0,
  unread: 0,
  findings: [],
  inDoubt: [],
  paths: [],
  contents: [],
};

export async function audit(options: AuditOptions): Promise<AuditAnswer> {
  const rules = await options.rules.get();
  if (!rules.ok) return { refusal: rules.reason, ...NOTHING };
  const { policy, statements } = rules.rules;
  const inDoubt = await doubtfulWords(policy, statements, options.clock());
  return { ...(await new Audit(options, rules.rules).run()), inDoubt };
}

class Audit {
  readonly #options: AuditOptions;
  readonly #rules: RulesInForce;
  readonly #causes = new AuditCauses();
  #unread = 0;

  constructor(options: AuditOptions, rules: RulesInForce) {
    this.#options = options;
    this.#rules = rules;
  }

  async run(): Promise<Omit<AuditAnswer, "inDoubt">> {
    const { ledger } = this.#options;
    const { distrust } = this.#rules;
    const admissions = ledger.admissions();
    const derivations = ledger.derivations();
    await this.#sources(admissions, derivations);
    const refused = await this.#refusedDownloads(derivations);
    if (refused.size > 0 || speaksOfStore(distrust)) await this.#recipes(derivations, refused);
    return {
      refusal: undefined,
      admissions: admissions.length,
      derivations: derivations.length,
      unread: this.#unread,
      findings: this.#causes.findings(new Map(derivations.map((one) => [one.path, one.outputs]))),
      paths: told(distrust.storePaths(), (name) => distrust.ofStorePath(name)),
      contents: told(distrust.contents(), (sha256) => distrust.ofContent(sha256, undefined)),
    };
  }

  /** A derivation holds while one admission does that it is part of; where none does, the newest says why. */
  async #sources(admissions: readonly Admission[], derivations: readonly AdmittedBy[]): Promise<void> {
    const bases = admissions.flatMap(({ id, basis }) => basis.map((one) => ({ ...one, id })));
    const reasons = await this.#options.authenticator.authenticateAll(this.#rules, bases);
    const verdicts = new Map(admissions.map(({ id }): [number, Reason[]] => [id, []]));
    for (const [i, { id }] of bases.entries()) verdicts.get(id)!.push(...refusalsIn([reasons[i]!]));
    for (const { id, request } of admissions) {
      for (const reason of verdicts.get(id)!) this.#causes.asked(reason, request);
    }
    for (const { path, admissions: ids } of derivations) {
      if (ids.some((id) => verdicts.get(id)!.length === 0)) continue;
      for (const reason of verdicts.get(Math.max(...ids))!) this.#causes.touch(reason, path);
    }
  }

  async #refusedDownloads(derivations: readonly AdmittedBy[]): Promise<ReadonlyMap<DrvPath, Reason[]>> {
    if (isSilent(this.#rules)) return new Map();
    const fetched = derivations.flatMap(({ download }) => download ?? []);
    const reasons = await this.#options.downloads.judge(this.#rules, fetched);
    const refused = fetched.map(({ drvPath }, i) => [drvPath, refusalsIn([reasons[i]!])] as const);
    return new Map(refused.filter(([, refusals]) => refusals.length > 0));
  }

  /** What rests on something that is spoken against, or on a download that is refused. */
  async #recipes(
    derivations: readonly AdmittedBy[],
    refused: ReadonlyMap<DrvPath, readonly Reason[]>,
  ): Promise<void> {
    const users = new Map<DrvPath, DrvPath[]>();
    const own: [DrvPath, Reason][] = [];
    let done = 0;
    for (const { path } of derivations) {
      const recipe = this.#recipe(path);
      const found = recipe && againstRecipe(this.#rules.distrust, path, recipe);
      if (found) own.push([path, distrusted(found)]);
      // Of one word against a download one telling is enough.
      for (const reason of refused.get(path) ?? [])
        if (!found || reason.code !== "distrusted") own.push([path, reason]);
      for (const input of recipe?.inputs ?? []) users.set(input, [...(users.get(input) ?? []), path]);
      if (++done % A_TURN === 0) await new Promise(setImmediate);
    }
    for (const [path, reason] of own) {
      for (const one of withUsers(path, users)) this.#causes.touch(reason, one);
    }
  }

  #recipe(path: DrvPath): Recipe | undefined {
    try {
      return this.#options.recipes.of(path);
    } catch (error) {
      if (!(error instanceof CorruptDerivation || error instanceof FormatError)) throw error;
      this.#unread++;
      return undefined;
    }
  }
}

/** It grows while it is walked. */
function withUsers(path: DrvPath, users: ReadonlyMap<DrvPath, readonly DrvPath[]>): ReadonlySet<DrvPath> {
  const all = new Set([path]);
  for (const one of all) for (const user of users.get(one) ?? []) all.add(user);
  return all;
}

function told(
  names: Iterable<string>,
  objectionTo: (name: string) => ReturnType<Distrust["ofStorePath"]>,
): ToldObjection[] {
  return [...names].flatMap((name) => {
    const objection = objectionTo(name);
    return objection ? [{ name, by: objection.by, because: objection.because, doubt: objection.doubt }] : [];
  });
}
