/** `firstmile adopt`: a trust repository for a configuration as it is. */
import { appendFileSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { IntroductionCommit, Source } from "@firstmile/trust/policy/policy";
import { passes } from "@firstmile/trust/slice/cover";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { commitAdoption, introduced, Undo, waiversOf } from "../../adopting/adoption.ts";
import { ownKeyFile, ownName } from "../../adopting/own-key.ts";
import { presentCaches } from "../../adopting/present-caches.ts";
import { outputText, type RulesSource, sourceText, wardenText } from "../../adopting/rules-text.ts";
import { type NewSource, sourceAt, unknownTo } from "../../adopting/sources.ts";
import { inSteps, type Step } from "../../adopting/steps.ts";
import { gitIn } from "../../git/in-directory.ts";
import { readGateEndpoint } from "../../nix-conf/endpoint.ts";
import { signAndKeep } from "../../reviewing/keep.ts";
import { readyKey } from "../../reviewing/ready.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import { STATEMENTS_FOLDER } from "../../statements/place.ts";
import { createTrust, isFree } from "../../trust-repository/create.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import { rulesToJudgeBy } from "../rules.ts";
import type { AdoptFlags } from "./adopt.command.ts";
import {
  type Adopted,
  adoptedSlices,
  type Configuration,
  configurationOf,
  judgedAgain,
} from "./adopt-configuration.ts";
import { adoptedJson, type Done, showAdopted } from "./adopt-shown.ts";
import { planOf } from "./init.ts";
import { count } from "./slice-shown.ts";

export async function adopt(
  this: FirstmileContext,
  flags: AdoptFlags,
  ...references: readonly string[]
): Promise<void> {
  requirePace(flags);
  const configuration = await configurationOf(this, flags, references);
  const run = new Adoption(this, flags, configuration);
  const done = await run.run();
  if (flags.json) this.terminal.json(adoptedJson(done));
  else showAdopted(this.terminal, done);
}

function requirePace({ steps, months }: AdoptFlags): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > 52)
    throw badInput(`${steps} is no number of steps`, "1 to 52: --steps 6");
  if (!Number.isInteger(months) || months < 1 || months > 12)
    throw badInput(
      `${months} is no number of months`,
      "1 to 12: what is waived for longer is accepted for good",
    );
}

/** Different repositories that a file pins; each is one more evaluation. */
const MOST_PINS = 50;
/** The role of whoever filled the caches. */
const BUILDER = "builder";

class Adoption {
  private readonly context: FirstmileContext;
  private readonly flags: AdoptFlags;
  private readonly configuration: Configuration;
  private readonly dir: string;

  constructor(context: FirstmileContext, flags: AdoptFlags, configuration: Configuration) {
    this.context = context;
    this.flags = flags;
    this.configuration = configuration;
    this.dir = resolve(context.cwd, flags.dir);
  }

  async run(): Promise<Done> {
    const { now } = this.context;
    await this.requirePlace();
    const fresh = !existsSync(join(this.dir, "firstmile.toml"));
    using undo = new Undo(this.dir);
    const signedBy = fresh ? await this.begin() : undefined;
    const hasCaches = fresh && this.flags.caches && (await this.addCaches());
    const { sources, slices } = await this.read();
    const pace = { steps: this.flags.steps, months: this.flags.months, now };
    const open = slices.flatMap(({ source, slice }) =>
      slice.files
        .filter(({ standing }) => !passes(standing))
        .map(({ file, lines }) => ({ source: source.name, file, lines })),
    );
    const names = slices.flatMap(({ source, slice }) =>
      failingNames(slice.names).map((one) => ({ source: source.name, names: one.names })),
    );
    const steps = inSteps(open, pace, names);
    undo.forget(await this.sign(steps, sources));
    const after = await judgedAgain(this.context, await this.rules(), this.configuration, slices);
    requireGreen(after);
    const { words } = this.configuration;
    const commits = await commitAdoption(this.dir, words);
    undo.keep();
    return {
      dir: this.flags.dir,
      fresh,
      ...commits,
      signedBy,
      sources,
      slices: after,
      steps,
      hasCaches,
      words,
    };
  }

  /** A trust repository with nothing under way, or a place for one. */
  private async requirePlace(): Promise<void> {
    if (!existsSync(join(this.dir, "firstmile.toml"))) {
      if (isFree(this.dir)) return;
      throw badInput(
        `${this.flags.dir} holds something already, and no rules`,
        "name a new directory: --dir DIR",
      );
    }
    const status = await gitIn(this.dir, ["status", "--porcelain"]);
    if (status.code !== 0)
      throw badInput(`${this.flags.dir} is no Git checkout`, "name the checkout of your trust repository");
    if (status.stdout.length > 0)
      throw badInput(
        `${this.flags.dir} differs from its last commit`,
        "commit that first, or put it aside: git stash",
      );
  }

  private async begin(): Promise<string> {
    const { context, flags } = this;
    const user = await readyKey(context.cwd);
    using own = flags.principal === undefined ? await ownKeyFile(user) : undefined;
    const principal = flags.principal ?? [`${await ownName(context.cwd)}=${own!.path}`];
    const name = flags.name === undefined ? {} : { name: flags.name };
    const plan = planOf(context, this.dir, { principal, root: "1", ...name });
    const created = await createTrust(plan);
    if (!created.ok) throw new Failure(EXIT.input, created.problem, "nothing was made");
    // The roles' table is the last one of rules that were just made.
    this.append(wardenText([...plan.principals.keys()]));
    return created.signedBy;
  }

  private async addCaches(): Promise<boolean> {
    const { env, stateDir } = this.context;
    const { policy } = await this.rules();
    const taken = new Set<string>([...policy.principals.keys(), ...policy.roles.keys(), BUILDER]);
    const caches = await presentCaches(env, readGateEndpoint(stateDir)?.publicKey, taken);
    if (!caches) return false;
    // The roles' table is still the last one.
    const names = caches.builders.map(({ name }) => JSON.stringify(name)).join(", ");
    this.append(`${BUILDER} = { any = 1, of = [${names}] }`);
    this.append(outputText(caches));
    return true;
  }

  private append(text: string): void {
    appendFileSync(join(this.dir, "firstmile.toml"), `${text}\n`);
  }

  /** What is read of each source, with the sources that the rules were given for it. */
  private async read(): Promise<{ sources: RulesSource[]; slices: Adopted[] }> {
    const sources = await this.addSources(this.configuration.sources);
    for (let pins = 0; pins < MOST_PINS; pins++) {
      this.context.terminal.progress("evaluating");
      const read = await adoptedSlices(this.context, await this.rules(), this.configuration);
      if (!("judged" in read)) return { sources, slices: read };
      // Pins are asked for one after the other; one that the rules know already is another commit of it.
      const added = await this.addSources([read]);
      if (added.length === 0) break;
      sources.push(...added);
    }
    throw new Failure(
      EXIT.input,
      "what it pins leads to ever more sources",
      "adopt fewer attributes at a time",
    );
  }

  /** Those that the rules do not have yet, each with an introduction before all that is in use of it. */
  private async addSources(sources: readonly NewSource[]): Promise<RulesSource[]> {
    const { policy } = await this.rules();
    const { checkout, sources: all } = this.configuration;
    this.requireFitting(policy, sources);
    const fresh = unknownTo(policy, sources);
    const own = fresh.filter(({ url }) => url === all[0]!.url);
    const here = new Map(own.map(({ name }) => [name, checkout]));
    const repositories = new UserSources(this.context.stateDir, here);
    const added: RulesSource[] = [];
    for (const source of fresh) {
      this.context.terminal.progress(`looking into the history of ${source.name}`);
      added.push(await introduced(repositories, source, provisional(source)));
    }
    for (const source of added) this.append(sourceText(source));
    return added;
  }

  /** What the rules have already may be judged by other means, and then has no slices that could be waived. */
  private requireFitting(
    policy: Awaited<ReturnType<typeof rulesToJudgeBy>>["policy"],
    sources: readonly NewSource[],
  ): void {
    for (const { url, judged } of sources) {
      const known = sourceAt(policy, url);
      if (known && judged === "slice" && known.authenticate !== "slice")
        this.context.terminal.say(
          `source ${known.name} is judged by its commits already: whether they are authentic says firstmile verify ${known.name}`,
        );
    }
  }

  private rules() {
    return rulesToJudgeBy(this.context, this.dir);
  }

  /** Gives the files that were written. */
  private async sign(steps: readonly Step[], sources: readonly RulesSource[]): Promise<string[]> {
    const { context, dir, flags, configuration } = this;
    const waivers = waiversOf(steps, { steps: flags.steps, now: context.now });
    const signed = sources.some(({ judged }) => judged === "commits");
    const introduction = { kind: "cosign", commit: configuration.commit, narHash: undefined } as const;
    context.terminal.progress(`signing ${count(waivers.length, "waiver")}`);
    const place = { kind: "directory", path: join(dir, STATEMENTS_FOLDER) } as const;
    const user = await readyKey(dir);
    const statements = [...waivers, ...(signed ? [introduction] : [])];
    const kept = await signAndKeep(statements, { user, place, now: context.now });
    return kept.flatMap(({ where, fresh }) => (fresh ? where : []));
  }
}

/** As rules would have it, for fetching alone. */
function provisional({ name, url, commits }: NewSource): Source {
  return {
    name: name as SourceName,
    urls: [url],
    authenticate: "slice",
    introduction: { commit: commits[0] as string as IntroductionCommit, signedBy: undefined },
    goodlist: new Set(),
    head: undefined,
    channel: undefined,
    arguments: { kind: "none" },
    rules: [],
  };
}

/** Where the user's own signature does not let it through, nobody would be served by such rules. */
function requireGreen(slices: readonly Adopted[]): void {
  for (const { slice, source } of slices) {
    const open = slice.files.find(({ standing }) => !passes(standing));
    const names = failingNames(slice.names)[0]?.names ?? slice.odd[0];
    const path = open?.file.path ?? names?.path;
    if (path !== undefined)
      throw new Failure(
        EXIT.denied,
        `${visiblePath(path) || "./"} of source ${source.name} would not be let through: your signature does not count for it`,
        "root of the rules has to sign the waivers, and a rejection or a distrust outweighs them: firstmile slice",
      );
  }
}
