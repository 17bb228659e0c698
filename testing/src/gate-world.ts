/**
 * A machine with stock Nix held by a gate: people, a source, a trust repository, a Nix world under the lines that
 * `nix-conf` prints, and the gate as a process of its own that can be killed. Everything is real: keys, Git, Nix,
 * sockets, HTTP.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { gateSocket } from "@firstmile/local/gate/socket";
import { type GateEndpoint, readGateEndpoint } from "@firstmile/local/nix-conf/endpoint";
import { nixConfLines } from "@firstmile/local/nix-conf/lines";
import { runOk } from "@firstmile/local/process/run";
import { envelopeName } from "@firstmile/local/statements/place";
import { addTrust, updateTrust } from "@firstmile/local/trust-repository/follow";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import type { Ended } from "./nix-process.ts";
import { makeNixWorld, type NixVersion, type NixWorld, type RunOptions } from "./nix-world.ts";
import { makeWorld, type Person, type PolicySpec, type World, type WorldRepository } from "./world.ts";
import { type Changes, gitEnv } from "./world-repository.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const FIRSTMILE = join(CHECKOUT, "firstmile");

const BOTH: readonly NixVersion[] = ["host", "sid"];
const { FIRSTMILE_NIX: only } = process.env;
/** For `describe.each`: both, or the one that FIRSTMILE_NIX names, for a run beside one that has the other. */
export const VERSIONS = BOTH.filter((version) => only === undefined || only === version);

export interface GateWorldOptions {
  readonly version: NixVersion;
  readonly multiUser?: boolean;
  /** Files of the source's first commit. */
  readonly files: Changes;
  /** Over rules in which role `writer` is alice alone. Text of `[output]` goes into `more`. */
  readonly policy?: Partial<PolicySpec>;
  /** Lines of nix.conf over those of `nix-conf`. */
  readonly conf?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export class GateWorld implements AsyncDisposable {
  readonly people: World;
  readonly nix: NixWorld;
  readonly alice: Person;
  readonly bob: Person;
  readonly source: WorldRepository;
  readonly trust: WorldRepository;
  /** The checkout of the source, at its first commit, named `pkgs`. */
  readonly checkout: string;
  readonly stateDir: string;
  /** The command line's program. */
  readonly program = FIRSTMILE;
  private policy: PolicySpec;
  private readonly carried = new Map<string, Uint8Array>();
  private gate: Promise<Ended> | undefined;
  private readonly conf: Readonly<Record<string, string>>;

  static async make(options: GateWorldOptions): Promise<GateWorld> {
    const people = await makeWorld();
    chmodSync(people.dir, 0o755);
    const [alice, bob] = [await people.person("alice"), await people.person("bob")];
    const source = await people.repository("pkgs");
    const introduction = await source.commit({ by: alice, files: options.files });
    const dir = mkdtempSync(join(tmpdir(), "gw-"));
    chmodSync(dir, 0o755);
    const { version, multiUser = false } = options;
    const nix = makeNixWorld({ dir, version, multiUser });
    const parts = { people, nix, alice, bob, source, trust: await people.repository("trust") };
    const world = new GateWorld(parts, introduction, options);
    await world.clone(world.checkout);
    await world.follow();
    return world;
  }

  private constructor(
    parts: Pick<GateWorld, "people" | "nix" | "alice" | "bob" | "source" | "trust">,
    introduction: CommitId,
    { policy, conf = {} }: GateWorldOptions,
  ) {
    ({ people: this.people, nix: this.nix, alice: this.alice, bob: this.bob } = parts);
    ({ source: this.source, trust: this.trust } = parts);
    this.conf = conf;
    this.checkout = join(this.nix.dir, "pkgs");
    this.stateDir = join(this.nix.dir, "fm");
    this.policy = {
      people: [this.alice, this.bob],
      sources: { pkgs: { introduction } },
      ...policy,
      roles: { root: [this.alice], writer: [this.alice], ...policy?.roles },
    };
  }

  private async follow(): Promise<void> {
    const commit = await this.people.rules(this.trust, { by: this.alice, policy: this.policy });
    mkdirSync(this.stateDir, { recursive: true, mode: 0o755 });
    const signedBy = [this.alice.fingerprint as Fingerprint];
    await addTrust(this.stateDir, this.trust.dir, { commit, signedBy }, now(), {});
  }

  /** Properly signed new rules, and this machine's update to them. */
  async changeRules(change: Partial<PolicySpec>): Promise<void> {
    this.policy = { ...this.policy, ...change, roles: { ...this.policy.roles, ...change.roles } };
    const files = Object.fromEntries(this.carried);
    await this.people.rules(this.trust, { by: this.alice, policy: this.policy, files });
    await updateTrust(this.stateDir, now());
  }

  /** Statements that the trust repository carries from now on, and this machine's update to it. */
  async carry(...envelopes: readonly Uint8Array[]): Promise<void> {
    for (const envelope of envelopes) this.carried.set(`statements/${envelopeName(envelope)}.json`, envelope);
    await this.changeRules({});
  }

  /** A copy of the source at its tip, for root or for the user. */
  async clone(dir: string, uid?: number): Promise<void> {
    await runOk("git", ["clone", "--quiet", "--template=", this.source.dir, dir], { env: gitEnv() });
    if (uid !== undefined) for (const path of below(dir)) chownSync(path, uid, uid);
  }

  /** Commits to the source and brings the checkout to it. */
  async commit(files: Changes, by: Person | undefined = this.alice): Promise<CommitId> {
    const id = await this.source.commit({ ...(by ? { by } : {}), files });
    await runOk("git", ["-C", this.checkout, "pull", "--quiet", "--ff-only"], { env: gitEnv() });
    return id;
  }

  get endpoint(): GateEndpoint {
    return readGateEndpoint(this.stateDir)!;
  }

  get socket(): string {
    return gateSocket(this.stateDir);
  }

  get pid(): number {
    return Number(readFileSync(join(this.nix.dir, "gate.pid"), "utf8"));
  }

  /** Starts the gate, and holds Nix by it. At first on any port, later on the one of before. */
  async startGate(): Promise<void> {
    const first = !existsSync(join(this.stateDir, "gate/endpoint.json"));
    rmSync(join(this.nix.dir, "gate.pid"), { force: true });
    const args = [FIRSTMILE, "gate", ...(first ? ["--port", "0"] : [])];
    const script = `echo $$ >${this.nix.dir}/gate.pid; exec "$@" 2>>${this.nix.dir}/gate.log`;
    this.gate = this.run("sh", ["-c", script, "sh", ...args], { timeoutMs: 3_600_000 });
    await this.answering();
    const version = { major: 2, minor: this.nix.version === "sid" ? 34 : 8 };
    const lines = nixConfLines(this.endpoint, version).map(({ name, value }) => [name, value]);
    this.nix.configure({ ...Object.fromEntries(lines), ...this.conf });
  }

  /** A second gate on the same state, to its end. */
  secondGate(): Promise<Ended> {
    return this.run(FIRSTMILE, ["gate", "--port", "0"], { timeoutMs: 20_000 });
  }

  private async answering(): Promise<void> {
    let ended: Ended | undefined;
    void this.gate!.then((end) => (ended = end));
    for (const limit = performance.now() + 60_000; performance.now() < limit; await sleep(50)) {
      if (ended)
        throw new Error(`the gate ended: ${ended.code} ${ended.stdout}${ended.stderr}${this.gateLog()}`);
      const status = await this.ask("GET", "/status").catch(() => undefined);
      if (status?.status === 200 && existsSync(join(this.stateDir, "gate/endpoint.json"))) return;
    }
    throw new Error("the gate does not answer");
  }

  gateLog(): string {
    const file = join(this.nix.dir, "gate.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Ends the gate: `SIGKILL` for a crash. */
  async endGate(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended | undefined> {
    const ending = this.gate;
    this.gate = undefined;
    if (ending) process.kill(this.pid, signal);
    return ending;
  }

  /** A request over the gate's socket, as anybody may send it. */
  ask(method: string, path: string, body?: string | Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = request({ socketPath: this.socket, method, path, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        response
          .on("end", () => resolve({ status: response.statusCode ?? 0, body: text }))
          .on("error", reject);
      });
      asking.on("error", reject);
      asking.end(body);
    });
  }

  /** A command as root in the checkout. */
  run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const env = { ...gitSafe(), FIRSTMILE_STATE: this.stateDir, ...options.env };
    return this.nix.run(command, args, { cwd: this.checkout, ...options, env });
  }

  /** A command as the world's unprivileged user. */
  runAsUser(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const env = { ...gitSafe(), FIRSTMILE_STATE: this.stateDir, ...options.env };
    return this.nix.runAs(this.nix.user!.uid, command, args, { cwd: this.checkout, ...options, env });
  }

  firstmile(...args: readonly string[]): Promise<Ended> {
    return this.run(FIRSTMILE, args);
  }

  /** Admits an attribute of default.nix. Throws where that is denied. */
  async admit(attr: string): Promise<void> {
    const ended = await this.firstmile("admit", "-f", "default.nix", "-A", attr);
    if (ended.code !== 0) throw new Error(`admit ${attr}: ${ended.stdout}${ended.stderr}\n${this.gateLog()}`);
  }

  /** `nix-build` without a result link. */
  build(attr: string, ...more: readonly string[]): Promise<Ended> {
    return this.run("nix-build", ["-A", attr, "--no-out-link", ...more]);
  }

  /** The .drv of an attribute, without building or admitting it. */
  async instantiate(attr: string): Promise<string> {
    const ended = await this.run("nix-instantiate", ["-A", attr]);
    if (ended.code !== 0) throw new Error(ended.stderr);
    return ended.stdout.trim();
  }

  isValid(path: string): Promise<boolean> {
    return this.run("nix-store", ["--check-validity", path]).then(({ code }) => code === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endGate("SIGKILL").catch(() => undefined);
    await this.nix[Symbol.asyncDispose]();
    await this.people[Symbol.asyncDispose]();
  }
}

/** Git without this machine's configuration, and in repositories of whichever owner. */
function gitSafe(): Record<string, string> {
  const { GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL } = gitEnv() as Record<string, string>;
  return {
    GIT_CONFIG_NOSYSTEM: GIT_CONFIG_NOSYSTEM!,
    GIT_CONFIG_GLOBAL: GIT_CONFIG_GLOBAL!,
  };
}

function* below(dir: string): Generator<string> {
  yield dir;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* below(path);
    else yield path;
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** Text of a derivation that needs no nixpkgs. `script`: for /bin/sh. */
export function derivationText(name: string, script: string, more = ""): string {
  return `derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" ''${script}'' ]; ${more} }`;
}

/** Makes a derivation floating content-addressed. */
export const FLOATING = '__contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";';
