/** `firstmile handoff`: fetches sources and their authors' signatures, checks, asks, signs, keeps. */
import { resolve } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseHash } from "@firstmile/formats/nix/hash";
import { isDrvPath, parseStorePath } from "@firstmile/formats/nix/store-path";
import { decideDownloads } from "@firstmile/trust/handoff/decide";
import { type NixTools, nixTools } from "../../admission/nix-tools.ts";
import { Outgoing } from "../../gate/http/outgoing.ts";
import { type GatheredHandoffs, gatherHandoffs } from "../../handoff/evidence.ts";
import { askedOf, examine } from "../../handoff/examine.ts";
import { asUrl, type Fetched, ReleaseFetcher } from "../../handoff/fetch.ts";
import { type KeyFile, nameFrom, readKeyFile } from "../../handoff/key-file.ts";
import { readSource, validPaths } from "../../handoff/store-content.ts";
import {
  type HandoffTarget,
  targetOfUrl,
  targetsOfDerivations,
  targetsOfFile,
} from "../../handoff/targets.ts";
import type { KeptStatement } from "../../reviewing/keep.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import { harmless } from "../terminal.ts";
import type { HandoffFlags } from "./handoff.command.ts";
import { type Item, showItem } from "./handoff-shown.ts";
import { HandoffSigning } from "./handoff-signing.ts";
import { INTERRUPTED, Interruption } from "./review-interruption.ts";

export async function handoff(
  this: FirstmileContext,
  flags: HandoffFlags,
  ...named: readonly string[]
): Promise<void> {
  checkUsage(flags, named);
  using interruption = new Interruption();
  const outgoing = new Outgoing();
  try {
    await new HandoffRun(this, flags, interruption, new ReleaseFetcher(outgoing)).run(named);
  } catch (error) {
    if (!interruption.happened) throw error;
    this.terminal.say("interrupted: nothing was signed");
    this.exit(INTERRUPTED);
  } finally {
    await outgoing.close();
  }
}

function checkUsage(flags: HandoffFlags, named: readonly string[]): void {
  const example = "firstmile handoff -A hello, or firstmile handoff https://example.org/hello-1.0.tar.gz";
  const byFile = flags.attr !== undefined || flags.file !== undefined;
  if (!byFile && named.length === 0) throw badInput("nothing is named that could be handed on", example);
  if (byFile && named.length > 0)
    throw badInput("name either attributes of a file, or URLs and derivations", example);
  if ((flags.hash ?? flags.signature) !== undefined && named.length !== 1)
    throw badInput("--hash and --signature are for one URL", example);
}

class HandoffRun {
  readonly #context: FirstmileContext;
  readonly #flags: HandoffFlags;
  readonly #interruption: Interruption;
  readonly #fetcher: ReleaseFetcher;
  #nix: NixTools | undefined;

  constructor(
    context: FirstmileContext,
    flags: HandoffFlags,
    interruption: Interruption,
    fetcher: ReleaseFetcher,
  ) {
    this.#context = context;
    this.#flags = flags;
    this.#interruption = interruption;
    this.#fetcher = fetcher;
  }

  async run(named: readonly string[]): Promise<void> {
    const rules = await this.#rules();
    const targets = await this.#targets(named);
    const keys = this.#keyFile(targets);
    const gathered = rules && (await gatherHandoffs(rules.policy, rules.statements, this.#context.now));
    const items: Item[] = [];
    for (const target of targets) {
      this.#interruption.check();
      this.#context.terminal.progress(`looking at ${harmless(target.wanted.title)}`);
      const item = await this.#item(target, gathered, keys);
      items.push(item);
      if (!this.#flags.json) showItem(this.#context.terminal, item);
    }
    const signing = new HandoffSigning(this.#context, this.#flags, this.#interruption, keys);
    const kept = await signing.sign(items, gathered?.policy);
    if (this.#flags.json) this.#context.terminal.json({ sources: items.map(asJson), statements: kept });
    this.#context.exit(isDone(items, kept) ? EXIT.ok : EXIT.denied);
  }

  /** Without rules it still shows whose signature there is, and what a policy would need. */
  async #rules(): Promise<Rules | undefined> {
    try {
      return await rulesToJudgeBy(this.#context, this.#flags.policy);
    } catch (error) {
      if (!(error instanceof Failure) || this.#flags.policy !== undefined || error.exit !== EXIT.input)
        throw error;
      this.#context.terminal.say(
        "no rules are at hand that name authors: --policy DIR, or firstmile trust add URL …",
      );
      return undefined;
    }
  }

  async #targets(named: readonly string[]): Promise<readonly HandoffTarget[]> {
    const { cwd } = this.#context;
    const { file, attr = [], hash, unpack } = this.#flags;
    if (named.length === 0)
      return taken(await targetsOfFile(await this.nix(), resolve(cwd, file ?? "default.nix"), attr));
    const lists = named.map(async (text) => {
      if (!text.endsWith(".drv"))
        return [targetOfUrl(asUrl(text, cwd), hash === undefined ? undefined : parsedHash(hash), unpack)];
      const nix = await this.nix();
      const path = parseStorePath(text, nix.storeDir);
      if (!isDrvPath(path)) throw badInput(`${text} is no derivation`);
      return taken(await targetsOfDerivations(nix, [path]));
    });
    return (await Promise.all(lists)).flat();
  }

  async nix(): Promise<NixTools> {
    this.#nix ??= await nixTools(this.#context.env);
    return this.#nix;
  }

  #keyFile(targets: readonly HandoffTarget[]): KeyFile | undefined {
    const { key, author } = this.#flags;
    if (key === undefined) return undefined;
    const path = /^(?:minisign|signify):/.test(key) ? key : resolve(this.#context.cwd, key);
    return readKeyFile(path, author ?? nameFrom(targets[0]?.wanted.title ?? "author"));
  }

  async #item(
    target: HandoffTarget,
    gathered: GatheredHandoffs | undefined,
    keys: KeyFile | undefined,
  ): Promise<Item> {
    const { wanted, from } = target;
    const policy = gathered?.policy;
    const asked = askedOf(wanted.urls, policy);
    const known = gathered && !this.#flags.again ? knownText(target, gathered, this.#context.now) : undefined;
    if (known !== undefined) return { target, asked, outcome: { kind: "known", message: known } };
    const { signature } = this.#flags;
    const outcome = await examine(wanted, from, () => this.#source(target), {
      policy,
      author: keys?.author,
      signature: signature === undefined ? undefined : asUrl(signature, this.#context.cwd),
      fetcher: this.#fetcher,
      now: this.#context.now,
    });
    return { target, asked, outcome };
  }

  /** From the store where Nix has it; what was unpacked there is fetched again. */
  async #source({ download, from, wanted }: HandoffTarget): Promise<Fetched> {
    if (download?.method === "flat" && (await validPaths(await this.nix(), [download.output])).size > 0) {
      const bytes = readSource(download.output);
      if (bytes) return { ok: true, bytes, url: download.output };
    }
    this.#context.terminal.progress(`fetching ${harmless(wanted.title)}`);
    return this.#fetcher.source(from);
  }
}

function taken(found: Awaited<ReturnType<typeof targetsOfFile>>): readonly HandoffTarget[] {
  if (found.ok) return found.targets;
  throw new Failure(EXIT.denied, `${found.reason.code}: ${found.reason.message}`, found.reason.remedy);
}

function parsedHash(text: string) {
  try {
    return parseHash(text);
  } catch (error) {
    if (error instanceof FormatError)
      throw badInput(`${text} is no hash: ${error.message}`, "write sha256-BASE64= or sha256:HEX");
    throw error;
  }
}

/** What others have said of it already, where that is enough. */
function knownText({ download }: HandoffTarget, gathered: GatheredHandoffs, now: number): string | undefined {
  if (!download || gathered.policy.upstreams.length === 0 || gathered.broken.length > 0) return undefined;
  const [reason] = decideDownloads(gathered.policy, [download], gathered.handoffs, { ...gathered, now });
  return reason?.code === "handed-off" ? reason.message : undefined;
}

/** Whether all that rules ask for is there, and something was handed on or had been. */
function isDone(items: readonly Item[], kept: readonly KeptStatement[]): boolean {
  const good = (item: Item) =>
    ["pinned", "known"].includes(item.outcome.kind) || (item.outcome.kind === "holds" && kept.length > 0);
  if (items.some((item) => item.asked.kind === "author" && !good(item))) return false;
  return items.length === 0 || items.some(good);
}

function asJson({ target, outcome }: Item) {
  const { title, urls } = target.wanted;
  if (outcome.kind === "holds") {
    const { check, signature } = outcome.made;
    const key = check.ok ? check.key : null;
    return { name: title, urls, outcome: "signed", author: outcome.author, key, signature: signature.url };
  }
  const { kind, ...rest } = outcome;
  if (kind === "unknown-author") return { name: title, urls, outcome: kind };
  return { name: title, urls, outcome: kind, ...rest };
}
