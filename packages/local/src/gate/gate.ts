/** The gate: composition of what decides, what remembers, and the two sockets on which it is asked. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommitId, parseObjectId } from "@firstmile/formats/git/object-id";
import { type DrvPath, hashPartOf, parseDrvPath } from "@firstmile/formats/nix/store-path";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Verdict } from "@firstmile/trust/verdict/verdict";
import { Admissions, type Admitted } from "../admission/admit.ts";
import { Authenticator } from "../admission/authenticator.ts";
import { storeReader } from "../admission/derivation-reader.ts";
import { type NixTools, nixTools } from "../admission/nix-tools.ts";
import { admissionRequest } from "../admission/requests.ts";
import { SourceRepositories } from "../admission/source-repositories.ts";
import { DownloadJudge } from "../handoff/downloads.ts";
import { builtHookBeside, endpointFile, type GateEndpoint, readGateEndpoint } from "../nix-conf/endpoint.ts";
import { clearFileCaches } from "../sealing/file-cache.ts";
import { keeper } from "../trust-repository/refresh.ts";
import { findProgram } from "../view/programs.ts";
import { AdmittedDownloads } from "./admitted-downloads.ts";
import { admittedSlices } from "./admitted-slices.ts";
import { type AuditAnswer, type AuditOptions, audit } from "./audit.ts";
import { BuiltRecords, builtHookScript } from "./built-records.ts";
import { type ControlRequest, type ControlRoutes, ControlServer, RequestError } from "./control.ts";
import { decideBuild } from "./decide-build.ts";
import { asStorePath, decideOutput, type OutputDeciding, type OutputDecision } from "./decide-output.ts";
import { EvidenceWatch } from "./evidence-watch.ts";
import { GatePlace } from "./gate-place.ts";
import { Outgoing } from "./http/outgoing.ts";
import { SourceResponder } from "./http/sourceresponder.ts";
import { Ledger } from "./ledger.ts";
import { MachineKey } from "./machine-key.ts";
import { StoreObjections } from "./objections.ts";
import { StoreOrigins } from "./origins.ts";
import type { Trust } from "./place.ts";
import { RealisedOutputs } from "./realised-outputs.ts";
import { Recipes } from "./recipes.ts";
import { RulesHolder } from "./rules-in-force.ts";
import { SentStatements } from "./sent-statements.ts";
import { gateSocket, rootSocket } from "./socket.ts";
import { SourceArchives } from "./source-archives.ts";
import { oneLine, Substituter, type SubstituterEvent } from "./substituter.ts";

/** Most refusals in one answer. */
const MAX_REFUSALS = 1000;

export interface GateOptions {
  readonly stateDir: string;
  /** TCP port on loopback; 0: any free one. Undefined: the one of last time, or the handed over socket's. */
  readonly port: number | undefined;
  /** Undefined: by its place for root, by its key for others. */
  readonly trust?: Trust | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Unix seconds. */
  readonly clock: () => number;
  /** One line an event, for the log. */
  readonly log: (line: string) => void;
}

export class Gate {
  private readonly options: GateOptions;
  private readonly dir: string;
  private readonly treesDir: string;
  private readonly importsDir: string;
  private readonly deciding: OutputDeciding;
  private readonly admissions: Admissions;
  private readonly auditing: AuditOptions;
  /** One at a time, whoever asks meanwhile: it looks at everything. */
  private audited: Promise<AuditAnswer> | undefined;
  private readonly repositories: SourceRepositories;
  private readonly ledger: Ledger;
  private readonly rules: RulesHolder;
  private readonly sent: SentStatements;
  private readonly outgoing = new Outgoing();
  private readonly substituter: Substituter;
  private readonly control: ControlServer;
  private readonly key: MachineKey;
  private readonly evidence: EvidenceWatch;
  private readonly place: GatePlace;
  private readonly opened = Promise.withResolvers<void>();
  private url = "";

  static async create(options: GateOptions): Promise<Gate> {
    return new Gate(options, await nixTools(options.env));
  }

  private constructor(options: GateOptions, nix: NixTools) {
    const { stateDir, clock } = options;
    this.options = options;
    this.dir = join(stateDir, "gate");
    mkdirSync(this.dir, { recursive: true, mode: 0o755 });
    this.treesDir = join(this.dir, "trees");
    this.place = new GatePlace(options, process, lastEndpoint(stateDir));
    this.importsDir = join(this.dir, "imports");
    this.key = MachineKey.open(join(this.dir, "key"));
    this.ledger = new Ledger(join(this.dir, "ledger.sqlite"));
    this.sent = new SentStatements(join(this.dir, "statements"));
    this.rules = new RulesHolder(stateDir, clock, this.sent);
    this.repositories = new SourceRepositories(join(this.dir, "sources"), {
      keep: keeper(stateDir, clock),
      tell: options.log,
    });
    const { ledger, rules, repositories, outgoing } = this;
    const authenticator = new Authenticator({
      repositories,
      cacheDir: this.dir,
      clock,
      notedSlice: (slice) => ledger.slice(slice),
    });
    const built = new BuiltRecords(join(this.dir, "built"));
    const origins = new StoreOrigins(nix, ledger, new RealisedOutputs(nix, ledger, built));
    const { storeDir } = nix;
    const recipes = new Recipes(storeReader(nix));
    const objections = new StoreObjections(recipes);
    const downloads = new DownloadJudge({ nix, clock });
    const admitted = new AdmittedDownloads({ ledger, downloads, storeDir });
    this.deciding = {
      rules,
      ledger,
      authenticator,
      origins,
      objections,
      recipes,
      outgoing,
      downloads: admitted,
      storeDir,
    };
    this.auditing = { rules, ledger, authenticator, downloads, recipes, clock };
    this.admissions = new Admissions({
      rules,
      authenticator,
      repositories,
      ledger,
      downloads,
      nix,
      treesDir: this.treesDir,
      importsDir: this.importsDir,
      clock,
    });
    const archives = new SourceArchives({ rules, authenticator, repositories, clock });
    const sources = new SourceResponder({
      find: (name, which) => archives.find(name, which),
      base: () => this.url,
      log: options.log,
    });
    this.substituter = new Substituter({
      sources,
      deciding: this.deciding,
      key: this.key,
      decide: (hashPart) => this.decideOutput(hashPart),
      log: (event) => this.noteSubstitution(event),
      opened: this.opened.promise,
    });
    this.evidence = new EvidenceWatch(options);
    const { promise: opened } = this.opened;
    this.control = new ControlServer(gateSocket(stateDir), this.routes(), {
      opened,
      rootPath: rootSocket(stateDir),
    });
  }

  /**
   * Binds both addresses, writes the hook and the endpoint, and only then answers. Where any of it fails, nothing is
   * left open: half a gate would look alive to the service manager. Throws `PlaceError` for an address.
   */
  async start(): Promise<GateEndpoint> {
    try {
      await this.control.listen();
      this.url = `http://127.0.0.1:${await this.place.listen(this.substituter)}`;
      const endpoint = this.writeEndpoint();
      this.evidence.start();
      this.opened.resolve();
      return endpoint;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private writeEndpoint(): GateEndpoint {
    // Trees and imports of a gate that crashed, or of a machine that lost power, may be there in part.
    rmSync(this.treesDir, { recursive: true, force: true });
    clearFileCaches(this.importsDir);
    const endpoint: GateEndpoint = {
      hookPath: this.writeHooks(),
      url: this.url,
      publicKey: this.key.publicKey,
      trust: this.place.trust,
    };
    replaceFile(endpointFile(this.options.stateDir), `${JSON.stringify(endpoint, undefined, 2)}\n`, 0o644);
    return endpoint;
  }

  /** Ends what is under way and closes; everything confirmed is on disk already. */
  async stop(): Promise<void> {
    this.evidence.stop();
    await Promise.all([this.control.close(), this.substituter.close()]);
    await this.outgoing.close();
    this.ledger[Symbol.dispose]();
  }

  private routes(): ControlRoutes {
    return {
      "GET /status": async () => this.status(),
      "GET /build": async ({ query }) => this.build(query.get("derivation") ?? ""),
      "GET /why": async ({ query }) => this.why(query.get("subject") ?? ""),
      "GET /refusals": async ({ query }) =>
        this.ledger.decisionsOn(undefined, wholeNumber(query.get("limit"), MAX_REFUSALS)),
      "GET /sources": async () => this.sources(),
      "GET /audit": async () => this.audit(),
      "GET /slices": async () => admittedSlices(this.ledger, join(this.dir, "sources")),
      "POST /objects": async (request) => this.objects(request),
      "POST /admit": async (request) => this.admit(request),
    };
  }

  private async status(): Promise<unknown> {
    const rules = await this.rules.get();
    const policy = rules.ok
      ? { name: rules.rules.policy.name, digest: rules.rules.policy.digest }
      : undefined;
    return {
      policy,
      refusal: rules.ok ? undefined : rules.reason,
      publicKey: this.key.publicKey,
      storeDir: this.deciding.storeDir,
      url: this.url,
      ...this.place.status(),
      ...this.ledger.counts(),
    };
  }

  private async build(derivation: string): Promise<Verdict & { summary: string }> {
    const decided = await decideBuild(this.deciding, this.asDerivation(derivation));
    if (!decided.allowed) {
      this.note("build", derivation, decided);
      this.options.log(`denied  build ${derivation}: ${oneLine(decided)}`);
    }
    return { ...decided, summary: decided.allowed ? "allowed" : oneLine(decided) };
  }

  private asDerivation(text: string): DrvPath {
    try {
      return parseDrvPath(text, this.deciding.storeDir);
    } catch (error) {
      if (error instanceof FormatError) throw new RequestError(400, error.message);
      throw error;
    }
  }

  /** The verdict on a derivation or store path as it is today. */
  private async why(subject: string): Promise<Verdict> {
    if (subject.endsWith(".drv")) return decideBuild(this.deciding, this.asDerivation(subject));
    const path = asStorePath(subject, this.deciding.storeDir);
    if (!path) throw new RequestError(400, `${subject} is no path in ${this.deciding.storeDir}`);
    return (await decideOutput(this.deciding, hashPartOf(path))).verdict;
  }

  private async decideOutput(hashPart: string): Promise<OutputDecision> {
    return decideOutput(this.deciding, hashPart);
  }

  private noteSubstitution(event: SubstituterEvent): void {
    if (event.kind === "nar") return this.options.log(`nar     ${event.path}: ${event.outcome}`);
    const { subject } = event.verdict;
    const path = subject.kind === "store path" ? subject.path : "";
    // Nix asks for every path it could ever substitute; only what was admitted and still refused is worth keeping.
    if (event.verdict.reasons.some((reason) => reason.code === "not-an-output")) return;
    this.note("substitute", path, event.verdict);
    this.options.log(`denied  substitute ${path}: ${oneLine(event.verdict)}`);
  }

  private note(question: "build" | "substitute" | "admit", subject: string, decided: Verdict): void {
    this.ledger.note(question, subject, decided, this.options.clock());
  }

  private audit(): Promise<AuditAnswer> {
    this.audited ??= audit(this.auditing).finally(() => {
      this.audited = undefined;
    });
    return this.audited;
  }

  private async sources(): Promise<unknown> {
    const rules = await this.rules.get();
    if (!rules.ok) return { refusal: rules.reason, sources: [], statements: [] };
    const listed = [...rules.rules.policy.sources.values()].map(async (source) => ({
      name: source.name,
      introduction: source.introduction.commit,
      urls: source.urls,
      kept: await this.repositories.kept(source),
    }));
    return { sources: await Promise.all(listed), statements: this.sent.taken(rules.rules.policy) };
  }

  private async objects({ query, body }: ControlRequest): Promise<unknown> {
    const rules = await this.rules.get();
    const policy = rules.ok ? rules.rules.policy : undefined;
    const source = policy?.sources.get((query.get("source") ?? "") as SourceName);
    if (!policy || !source) throw new RequestError(404, "the policy has no such source");
    await this.repositories.receive(source, body);
    const notes = query.get("notes");
    if (notes !== null) await this.repositories.keepNotes(source, parseCommitId(notes));
    const repository = await this.repositories.directory(source);
    const trees = query.getAll("statements").map(parseObjectId);
    const problems = await this.sent.takeAll(repository, trees, policy, this.options.clock());
    return { received: true, problems };
  }

  private async admit(request: ControlRequest): Promise<Admitted> {
    const parsed = admissionRequest.safeParse(await request.json());
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new RequestError(400, `${issue?.path.join(".")}: ${issue?.message}`);
    }
    const admitted = await this.admissions.admit(parsed.data, request.asker);
    const { subject } = admitted.verdict;
    const words = subject.kind === "request" ? subject.words : "";
    if (!admitted.verdict.allowed) this.note("admit", words, admitted.verdict);
    this.substituter.forget();
    this.options.log(
      `${admitted.verdict.allowed ? "allowed" : "denied "} admit ${words}${admitted.verdict.allowed ? "" : `: ${oneLine(admitted.verdict)}`}`,
    );
    return admitted;
  }

  /** Files without arguments, as nix.conf wants them; gives the pre-build hook. */
  private writeHooks(): string {
    const path = join(this.dir, "hook");
    const script = fileURLToPath(new URL("./hook.mjs", import.meta.url));
    const words = [process.execPath, script, gateSocket(this.options.stateDir)].map(shellQuoted).join(" ");
    // For a single user the environment is the caller's: what it has Node.js load must not answer for the gate.
    replaceFile(path, `#!/bin/sh\nunset NODE_OPTIONS NODE_PATH\nexec ${words} "$1"\n`, 0o755);
    const nix = findProgram("nix", this.options.env.PATH) ?? "false";
    const record = builtHookScript(shellQuoted(join(this.dir, "built")), shellQuoted(nix));
    replaceFile(builtHookBeside(path), record, 0o755);
    return path;
  }
}

/** "older" where it cannot be read: an older version wrote it, or another program. The gate writes it anew. */
function lastEndpoint(stateDir: string): GateEndpoint | "older" | undefined {
  try {
    return readGateEndpoint(stateDir);
  } catch {
    return "older";
  }
}

function replaceFile(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}

/** A count as a request gives it: 1 where it gives none, or nothing that is a count. */
function wholeNumber(text: string | null, most: number): number {
  return /^[1-9]\d{0,9}$/.test(text ?? "") ? Math.min(Number(text), most) : 1;
}

function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
