/**
 * What an evaluation fetches by pins, brought one address at a time, as it asks for it.
 *
 * Claims: an address is let through only when a tree of an authentic commit of the policy's sources was brought for it,
 * and nothing but such trees is there to be fetched (sealing/seal.ts, git-mirror.ts). So a wrong guess at which pin is
 * meant ends in a refusal, never in another tree. Against: a pin whose hash, revision or repository is not what was
 * signed. Pins that are not asked for are nobody's business.
 */
import { type CommitPin, FETCHED_NAME } from "@firstmile/formats/nix/pin";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { AuthenticInput } from "../admission/authentic-input.ts";
import { isAddress } from "../admission/evaluate-file.ts";
import type { WantedAddress } from "../admission/evaluation-failure.ts";
import type { BroughtBasis } from "../gate/ledger.ts";
import { GitMirrors } from "./git-mirror.ts";
import { type AskedAddress, askedAddress, isGitAsked, matches } from "./matching-pins.ts";
import { type BroughtPin, PinAttempt, type PinAttemptOptions } from "./pin-attempt.ts";
import type { PinSearch } from "./pin-search.ts";
import { isStoreName, type NamedPin } from "./tree-pins.ts";

/** What was found out about an address so far. */
interface Asked extends AskedAddress {
  /** What is still to be tried. */
  readonly open: { readonly pin: NamedPin; readonly storeName: string }[];
  /** Why what was tried did not fit. */
  readonly held: Reason[];
  /** Hashes of the trees that were brought for it. */
  readonly brought: string[];
}

export class PinnedTrees implements Disposable {
  /** Findings on what was brought. */
  readonly reasons: Reason[] = [];
  readonly basis: BroughtBasis[] = [];
  /** What may be fetched by hash. */
  readonly trees: AuthenticInput[] = [];
  readonly addresses: string[] = [];
  readonly #options: PinAttemptOptions;
  readonly #search: PinSearch;
  readonly #asked = new Map<string, Asked>();
  readonly #mirrors = new GitMirrors();

  constructor(options: PinAttemptOptions, search: PinSearch) {
    this.#options = options;
    this.#search = search;
  }

  /** Nix's cache, once there is something for `fetchGit` in it. */
  get cache(): string | undefined {
    return this.#mirrors.isEmpty ? undefined : this.#mirrors.cacheHome;
  }

  /** Brings what may be meant by an address. The reasons why not, where nothing fits; none otherwise. */
  async bring(wanted: WantedAddress): Promise<readonly Reason[]> {
    const { address } = wanted;
    if (!isAddress(address)) return [unknownAddress(wanted)];
    const asked = this.#asked.get(address) ?? (await this.#find(wanted));
    if ("code" in asked) return [asked];
    if (!(await this.#bringNext(asked))) return refusal(wanted, asked);
    if (!this.addresses.includes(address)) this.addresses.push(address);
    return [];
  }

  /** Whether a tree is there that an address may mean. */
  isBrought({ address }: WantedAddress): boolean {
    return (this.#asked.get(address)?.brought.length ?? 0) > 0;
  }

  [Symbol.dispose](): void {
    this.#mirrors[Symbol.dispose]();
  }

  async #find(wanted: WantedAddress): Promise<Asked | Reason> {
    const asked = askedAddress(wanted.address);
    const { pins, unreadable } = await this.#search.find((pin) => matches(asked, pin));
    if (pins.length === 0 && unreadable) return unreadable;
    const all = pins.length > 0 ? pins : namedByAddress(asked);
    if (all.length === 0) return unknownAddress(wanted);
    const held = all.filter(hasNoName).map(({ label }) => nameless(label));
    const entry: Asked = { ...asked, open: inOrderOfNames(all), held, brought: [] };
    this.#asked.set(wanted.address, entry);
    return entry;
  }

  /** One more tree for an address; of a Git repository all at once, since Nix may not say which it wants. */
  async #bringNext(asked: Asked): Promise<boolean> {
    const commits = asked.open.flatMap(({ pin }) => (pin.pin.kind === "commit" ? [pin.pin] : []));
    const isGit = isGitAsked(asked, commits);
    const before = asked.brought.length;
    for (let next = asked.open.shift(); next; next = asked.open.shift()) {
      await this.#tryPin(asked, next, isGit);
      if (!isGit && asked.brought.length > before) return true;
    }
    return asked.brought.length > before;
  }

  async #tryPin(asked: Asked, { pin, storeName }: Asked["open"][number], isGit: boolean): Promise<void> {
    if (pin.pin.kind === "other") {
      asked.held.push(
        lacking("outside-access", `${pin.label} ${pin.pin.problem}`, { remedy: pin.pin.remedy }),
      );
      return;
    }
    const attempt = new PinAttempt(this.#options, { ...pin, pin: pin.pin }, storeName);
    const outcome = isGit
      ? await attempt.git(this.#mirrors, addressesOf(asked, pin.pin))
      : await attempt.tree();
    if (!outcome.ok) {
      asked.held.push(...outcome.reasons);
      return;
    }
    asked.brought.push(outcome.hash);
    // The same commit may be asked for under several addresses.
    const told = new Set(this.reasons.map(({ message }) => message));
    this.reasons.push(...outcome.reasons.filter(({ message }) => !told.has(message)));
    this.#note(outcome);
    this.#search.add(outcome.source, outcome.commit, pin.label);
  }

  #note({ source, commit, tree, viewed }: BroughtPin): void {
    if (tree && !this.trees.some(({ path }) => path === tree.path)) this.trees.push(tree);
    const known = this.basis.some((one) => one.source === source.name && one.commit === commit);
    if (!viewed && !known) this.basis.push({ source: source.name, commit });
  }
}

function hasNoName({ pin }: NamedPin): boolean {
  return pin.kind === "commit" && !pin.storeNames.some(isStoreName);
}

function nameless(label: string): Reason {
  return lacking("outside-access", `${label} gives its tree a name that nothing in a store has`, {
    remedy: "name it by letters, digits and + - . _ ? =, and no dot in front",
  });
}

/** First every pin under its likeliest name, then under others. */
function inOrderOfNames(pins: readonly NamedPin[]): Asked["open"] {
  const seen = new Set<string>();
  const named = pins.flatMap((pin) => {
    const names = pin.pin.kind === "commit" ? pin.pin.storeNames : [FETCHED_NAME];
    return names.filter(isStoreName).map((storeName, rank) => ({ pin, storeName, rank }));
  });
  return named
    .sort((a, b) => a.rank - b.rank)
    .filter(({ pin: { pin }, storeName }) => {
      const key = JSON.stringify(
        pin.kind === "commit" ? [pin.repository, pin.rev, pin.narHash, storeName] : pin,
      );
      return seen.size !== seen.add(key).size;
    });
}

/** Where the address itself names a commit, and no text of the tree does: its hash is not known. */
function namedByAddress({ address, commit, repository }: AskedAddress): NamedPin[] {
  if (!commit) return [];
  const fetcher = repository === undefined ? "fetchTarball" : "fetchGit";
  const storeNames = [FETCHED_NAME];
  const pin: CommitPin = {
    kind: "commit",
    name: address,
    fetcher,
    url: address,
    ...commit,
    narHash: undefined,
    storeNames,
  };
  return [{ pin, label: address, renew: "write its sha256 anew" }];
}

/** Spellings under which Nix may look for the repository. */
function addressesOf({ repository }: AskedAddress, { url }: CommitPin): string[] {
  return [...new Set([repository, url].filter((text) => text !== undefined))];
}

function unknownAddress({ address, place }: WantedAddress): Reason {
  const where = place === undefined ? "" : `, asked for at ${place}`;
  const message = `the evaluation reaches outside of the authenticated trees: ${withoutPassword(address)}${where}`;
  return lacking("outside-access", message, {
    remedy:
      "pin a whole commit of a Git repository with npins, niv or flake.lock, or by fetchTarball or fetchGit with " +
      "literal url, rev and hash",
  });
}

function refusal({ address, place }: WantedAddress, { held, brought }: Asked): Reason[] {
  if (held.length > 0) return [...held];
  const where = place === undefined ? "" : `, asked for at ${place},`;
  const hashes = [...new Set(brought)].filter(Boolean);
  const message =
    `${withoutPassword(address)}${where} is fetched with no hash, or another than the signed commit's, ` +
    "or by fetchTree, which takes nothing from the store";
  return [
    lacking("tree-differs", message, {
      because: hashes.map((hash) => lacking("tree-differs", `the commit has ${hash}`)),
      remedy:
        hashes.length > 0 ? `write fetchTarball with sha256 = "${hashes[0]}"` : "write its rev and narHash",
    }),
  ];
}

function withoutPassword(address: string): string {
  return address.replace(/\/\/[^/]*@/, "//…@");
}
