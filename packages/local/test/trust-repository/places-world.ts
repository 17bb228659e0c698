/** A machine that hears one warden from every kind of place, and all the questions that it answers by what it hears. */
import { chmodSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Statement } from "@firstmile/formats/statement/statement";
import { SourceRepositories } from "@firstmile/local/admission/source-repositories";
import { authenticateHistory } from "@firstmile/local/evidence/history";
import { RulesHolder } from "@firstmile/local/gate/rules-in-force";
import { SentStatements } from "@firstmile/local/gate/sent-statements";
import { gatherHandoffs } from "@firstmile/local/handoff/evidence";
import { gatherCase } from "@firstmile/local/slicing/gather";
import { envelopeName, STATEMENTS_REF } from "@firstmile/local/statements/place";
import { readStatements } from "@firstmile/local/statements/read";
import { unreadableReason } from "@firstmile/local/statements/unread";
import { writeStatement } from "@firstmile/local/statements/write";
import { evidenceDirectory, readEvidenceIndex } from "@firstmile/local/trust-repository/evidence-index";
import { updateTrust } from "@firstmile/local/trust-repository/follow";
import { sourcesDirectory } from "@firstmile/local/trust-repository/held-places";
import { updateImports } from "@firstmile/local/trust-repository/imports";
import { keeper, refreshPlaces } from "@firstmile/local/trust-repository/refresh";
import type { Person, PolicySpec, World, WorldRepository } from "@firstmile/testing/world";
import { DAY, WORLD_NOW } from "@firstmile/testing/world";
import type { SourceName } from "@firstmile/trust/policy/names";
import { contentTarget, distrustOf, signedBy } from "../../../../testing/src/world-statements.ts";

export type PlaceKind = "evidence" | "import's evidence" | "trust repository" | "import" | "source";

export interface People {
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
}

const BAD = "lib/default.nix";
/** When the rules of acme run out: everything that is imported of them ends then. */
export const ACME_ENDS = WORLD_NOW + 10 * DAY;

function acmePolicy({ carol }: People, theirs: WorldRepository): PolicySpec {
  return { name: "acme", people: [carol], expires: ACME_ENDS, top: `evidence = ["file://${theirs.dir}"]` };
}

export class PlacesWorld {
  readonly #world: World;
  readonly people: People;
  readonly pkgs: WorldRepository;
  readonly team: WorldRepository;
  readonly acme: WorldRepository;
  readonly trust: WorldRepository;
  /** An evidence repository that the rules of acme name. */
  readonly theirs: WorldRepository;
  readonly stateDir: string;
  readonly tip: CommitId;
  readonly rules: RulesHolder;
  readonly repositories: SourceRepositories;
  readonly told: string[] = [];
  readonly #policy: PolicySpec;
  now = WORLD_NOW;

  static async make(world: World, people: People, more: Partial<PolicySpec> = {}): Promise<PlacesWorld> {
    const [pkgs, team, acme, trust, theirs] = await Promise.all([
      world.repository("pkgs"),
      world.repository("team"),
      world.repository("acme"),
      world.repository("trust"),
      world.repository("theirs"),
    ]);
    const { alice, carol } = people;
    const introduction = await pkgs.commit({ by: alice, files: { [BAD]: "bad\n", "default.nix": "1\n" } });
    const acmes = await world.rules(acme, { by: carol, policy: acmePolicy(people, theirs) });
    const imports = `[import.acme]\nurls = ["file://${acme.dir}"]\nintroduction = { commit = "${acmes}", signed_by = ["${carol.fingerprint}"] }\nroles = ["writer"]`;
    const policy: PolicySpec = {
      people: [alice, people.bob],
      top: `evidence = ["file://${team.dir}"]`,
      ...more,
      roles: { root: [alice], writer: [alice], warden: ["bob"], ...more.roles },
      sources: { pkgs: { introduction, url: `file://${pkgs.dir}`, ...more.sources?.pkgs } },
      more: `${more.more ?? ""}\n${imports}`,
    };
    const first = await world.rules(trust, { by: alice, policy });
    const machine = world.machine();
    await machine.add(trust, { commit: first, signedBy: [alice] });
    const places = new PlacesWorld(
      world,
      people,
      { pkgs, team, acme, trust, theirs },
      machine.stateDir,
      policy,
      introduction,
    );
    await updateImports(places.stateDir, (await machine.current())!.policy, places.now);
    return places;
  }

  private constructor(
    world: World,
    people: People,
    served: Pick<PlacesWorld, "pkgs" | "team" | "acme" | "trust" | "theirs">,
    stateDir: string,
    policy: PolicySpec,
    tip: CommitId,
  ) {
    this.#world = world;
    this.people = people;
    ({ pkgs: this.pkgs, team: this.team, acme: this.acme, trust: this.trust, theirs: this.theirs } = served);
    this.stateDir = stateDir;
    this.#policy = policy;
    this.tip = tip;
    const clock = () => this.now;
    this.rules = new RulesHolder(stateDir, clock, new SentStatements(join(stateDir, "gate/statements")));
    const statements = { keep: keeper(stateDir, clock), tell: (line: string) => this.told.push(line) };
    this.repositories = new SourceRepositories(sourcesDirectory(stateDir), statements);
  }

  /** Bob's word against a file of the source. */
  async distrust(because = "a back door"): Promise<Statement> {
    const targets = [await contentTarget(this.pkgs, this.tip, BAD)];
    return distrustOf({ targets, because });
  }

  /** The place serves these and nothing else, as after a push with force. */
  async serve(kind: PlaceKind, envelopes: readonly Uint8Array[]): Promise<void> {
    const files = Object.fromEntries(envelopes.map((one) => [`statements/${envelopeName(one)}.json`, one]));
    const { alice, carol } = this.people;
    if (kind === "trust repository")
      await this.#world.rules(this.trust, { by: alice, policy: this.#policy, files });
    else if (kind === "import")
      await this.#world.rules(this.acme, { by: carol, policy: acmePolicy(this.people, this.theirs), files });
    else await this.#force(this.#served(kind), envelopes);
  }

  #served(kind: PlaceKind): WorldRepository {
    if (kind === "source") return this.pkgs;
    return kind === "evidence" ? this.team : this.theirs;
  }

  async #force(repository: WorldRepository, envelopes: readonly Uint8Array[]): Promise<void> {
    await repository.git("update-ref", "-d", STATEMENTS_REF);
    for (const one of envelopes) await writeStatement({ kind: "ref", repository: repository.dir }, one);
  }

  /** All that `firstmile trust update` does, and the gate for a commit that it lacks; gives what is told. */
  async update(): Promise<string[]> {
    const { lost = [], policy } = await updateTrust(this.stateDir, this.now);
    const imports = await updateImports(this.stateDir, policy!, this.now);
    const { evidence, sources } = await refreshPlaces(this.stateDir, policy!, this.now);
    const problems = evidence.flatMap(({ problem }) => problem ?? []);
    return [
      ...lost,
      ...imports.flatMap((one) => one.lost ?? []),
      ...evidence.flatMap((one) => one.lost),
      ...problems,
      ...sources,
    ];
  }

  /** The gate fetches a commit of the source. */
  async fetch(): Promise<void> {
    const rules = await this.rules.get();
    if (!rules.ok) throw new Error(rules.reason.message);
    const source = rules.rules.policy.sources.get("pkgs" as SourceName)!;
    await this.repositories.fetch(source, "0".repeat(40) as CommitId);
  }

  /** The gate's copy of the source. */
  get copy(): string {
    return join(sourcesDirectory(this.stateDir), "pkgs.git");
  }

  /** This machine's copy of rules. */
  copyOf(kind: "trust repository" | "import"): string {
    const dir = kind === "import" ? join(this.stateDir, "trust/imports/acme") : this.stateDir;
    return join(dir, "trust/repository.git");
  }

  /** This machine's copy of what the evidence repository serves. */
  get evidenceCopy(): string {
    const [held] = readEvidenceIndex(this.stateDir);
    return join(evidenceDirectory(this.stateDir), held!.directory!);
  }

  /** What each question says of the file that bob spoke against: the code that denies, or "allowed". */
  async answers(): Promise<Record<string, string>> {
    const rules = await this.rules.get();
    if (!rules.ok) return Object.fromEntries(QUESTIONS.map((name) => [name, rules.reason.code]));
    return this.answersBy(rules.rules);
  }

  /** The same by rules that were loaded before. */
  async answersBy({
    policy,
    statements,
    distrust,
  }: Pick<
    Extract<Awaited<ReturnType<RulesHolder["get"]>>, { ok: true }>["rules"],
    "policy" | "statements" | "distrust"
  >) {
    const source = policy.sources.get("pkgs" as SourceName)!;
    const question = { repository: this.copy, policy, source, statements, now: this.now };
    const target = await contentTarget(this.pkgs, this.tip, BAD);
    const sha256 = target.kind === "content" ? target.sha256 : "";
    const history = await authenticateHistory({ ...question, tip: this.tip, cacheDir: undefined });
    const slice = await gatherCase({ ...question, commit: this.tip });
    const downloads = await gatherHandoffs(policy, statements, this.now);
    const of = (one: typeof distrust) => (one.ofContent(sha256, BAD) ? "distrusted" : "allowed");
    return {
      builds: of(distrust),
      history: history.denied[0]?.code ?? "allowed",
      slices: slice.origin.ok ? of(slice.distrust) : slice.origin.code,
      downloads: unreadableReason(downloads.broken)?.code ?? of(downloads.distrust),
    };
  }

  /** What a program that has just begun says of builds. */
  async codeAfterRestart(): Promise<string> {
    const rules = await new RulesHolder(this.stateDir, () => this.now).get();
    if (!rules.ok) return rules.reason.code;
    return [...rules.rules.distrust.contents()].length > 0 ? "distrusted" : "allowed";
  }

  async heardNames(): Promise<string[]> {
    const rules = await this.rules.get();
    if (!rules.ok) throw new Error(rules.reason.message);
    return (await readStatements(rules.rules.statements)).found.map(({ name }) => name);
  }
}

export const QUESTIONS = ["builds", "history", "slices", "downloads"] as const;
export const all = (code: string) => Object.fromEntries(QUESTIONS.map((name) => [name, code]));

/** Ways in which a copy is damaged. */
export const DAMAGE: Readonly<Record<string, (repository: string) => void>> = {
  "loses its objects": (dir) => {
    for (const name of readdirSync(join(dir, "objects")))
      rmSync(join(dir, "objects", name), { recursive: true, force: true });
  },
  "has its objects cut off": (dir) => {
    for (const file of filesBelow(join(dir, "objects"))) {
      chmodSync(file, 0o644);
      truncateSync(file, Math.floor(statSync(file).size / 2));
    }
  },
  "loses its references": (dir) => {
    rmSync(join(dir, "refs"), { recursive: true, force: true });
    rmSync(join(dir, "packed-refs"), { force: true });
  },
  "loses its HEAD": (dir) => rmSync(join(dir, "HEAD")),
  "is gone": (dir) => rmSync(dir, { recursive: true }),
};

export function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

export { signedBy };
