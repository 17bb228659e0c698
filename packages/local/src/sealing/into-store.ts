/**
 * Brings what a sealed evaluation left into the real store, by content.
 *
 * Claim: after it, every derivation and source that was read is valid in the real store, and each .drv there holds the
 * bytes that were judged. Against: text of one derivation under the name of another. Stock Nix recomputes each path
 * from its content address when `nix copy` brings it; `nix-store --import` does not. Leaves out the authenticated inputs:
 * the caller adds those first, since what refers to them cannot come in before them. A process that is killed on the
 * way leaves whole, valid paths, and no admission.
 */
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { derivationReferences } from "@firstmile/formats/nix/derivation";
import { narHashOf, sha256 } from "@firstmile/formats/nix/hash";
import { type NarNode, narChunks } from "@firstmile/formats/nix/nar";
import { baseNameOf, type DrvPath, type StorePath } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { storeReader } from "../admission/derivation-reader.ts";
import { plainText } from "../admission/evaluation-failure.ts";
import { NixError, type NixTools } from "../admission/nix-tools.ts";
import { validPaths } from "../handoff/store-content.ts";
import type { BroughtDerivation } from "./brought-derivations.ts";
import type { BroughtOut } from "./brought-out.ts";
import type { FileCache } from "./file-cache.ts";

/** Paths in one command: an argument list has an end, at some 2 MB. */
const BATCH = 4_000;
/** Derivations until others get a turn. */
const A_TURN = 250;

/**
 * Brings in what is not there yet. `cache`: the one that the sources' NARs were written to while they were read. Returns
 * a reason where the real store holds other bytes under one of the names. Throws `NixError`.
 */
export async function intoStore(
  nix: NixTools,
  brought: BroughtOut,
  cache: FileCache,
): Promise<Reason | undefined> {
  const wanted = inOrder(brought);
  const inputs = inputsIn(brought, wanted);
  const valid = await validPaths(nix, [...wanted, ...inputs]);
  const lacksInput = inputs.find((path) => !valid.has(path));
  if (lacksInput)
    throw new NixError(`${lacksInput} is not in the store, and what was evaluated refers to it`);
  const missing = wanted.filter((path) => !valid.has(path));
  await describe(brought, cache, missing);
  for (const batch of inBatches(brought, missing)) await copy(nix, cache, batch);
  return await differing(nix, brought.derivations);
}

/** Everything that was read, so that what a path refers to comes before it. */
export function inOrder(
  brought: Pick<BroughtOut, "derivations" | "sources" | "referencesOf" | "isInput">,
): StorePath[] {
  const order = new Set<StorePath>();
  const opened = new Set<StorePath>();
  const stack: StorePath[] = [...brought.derivations.keys(), ...brought.sources.keys()];
  for (let path = stack.at(-1); path !== undefined; path = stack.at(-1)) {
    const waiting = opened.has(path) ? [] : brought.referencesOf(path).filter((one) => !order.has(one));
    opened.add(path);
    if (waiting.length > 0) stack.push(...waiting);
    else {
      stack.pop();
      if (!brought.isInput(path)) order.add(path);
    }
  }
  return [...order];
}

interface Batch {
  readonly areDerivations: boolean;
  readonly paths: StorePath[];
}

/**
 * One command takes either derivations or other paths. So these come in stages: each is of one kind, and refers to
 * earlier stages and itself. Most evaluations have two.
 */
function inBatches(brought: BroughtOut, paths: readonly StorePath[]): Batch[] {
  const stages: StorePath[][] = [];
  const stageOf = new Map<StorePath, number>();
  for (const path of paths) {
    const before = brought.referencesOf(path).map((reference) => stageOf.get(reference) ?? 0);
    const stage = roundedUp(Math.max(0, ...before), brought.sources.has(path) ? 0 : 1);
    stageOf.set(path, stage);
    stages[stage] ??= [];
    stages[stage].push(path);
  }
  return stages.flatMap((stage, i) =>
    Array.from({ length: Math.ceil(stage.length / BATCH) }, (_, batch) => ({
      areDerivations: i % 2 === 1,
      paths: stage.slice(batch * BATCH, (batch + 1) * BATCH),
    })),
  );
}

/** Sources have even stages, derivations odd ones. */
function roundedUp(stage: number, parity: 0 | 1): number {
  return stage % 2 === parity ? stage : stage + 1;
}

function inputsIn(brought: BroughtOut, wanted: readonly StorePath[]): StorePath[] {
  const referred = new Set(wanted.flatMap((path) => brought.referencesOf(path)));
  return [...referred].filter((path) => brought.isInput(path));
}

async function describe(brought: BroughtOut, cache: FileCache, paths: readonly StorePath[]): Promise<void> {
  let done = 0;
  for (const path of paths) {
    const source = brought.sources.get(path);
    if (source) cache.describe({ path, ...source });
    else writeDerivation(cache, path, brought.derivations.get(path as DrvPath)!);
    if (++done % A_TURN === 0) await new Promise(setImmediate);
  }
}

function writeDerivation(cache: FileCache, path: StorePath, { derivation, bytes }: BroughtDerivation): void {
  const node: NarNode = { kind: "regular", executable: false, size: bytes.length, content: [bytes] };
  const content = Buffer.concat([...narChunks(node)]);
  using nar = cache.nar(path);
  nar.write(content);
  const ca = { method: "text", hash: { algorithm: "sha256", digest: sha256(bytes) } } as const;
  const references = derivationReferences(derivation);
  cache.describe({ path, ca, references, narHash: narHashOf(sha256(content)), narSize: content.length });
}

async function copy(nix: NixTools, cache: FileCache, { areDerivations, paths }: Batch): Promise<void> {
  const options = ["--extra-experimental-features", "nix-command", "--option", "substitute", "false"];
  // Without --derivation, a .drv names its outputs, and Nix builds them. With it, no other path is taken.
  const kind = areDerivations ? ["--derivation"] : [];
  const args = ["copy", ...options, "--no-recursive", ...kind, "--from", cache.url, ...paths];
  const told = await nix.run("nix", args);
  // It ends well only once each of them is valid.
  if (told.code === 0) return;
  throw new NixError(`the store does not take what was evaluated: ${errorIn(told.stderr)}`);
}

/** The last error that Nix prints, with the lines that belong to it. */
function errorIn(stderr: string): string {
  const lines = plainText(stderr).trim().split("\n");
  const at = lines.findLastIndex((line) => line.includes("error:"));
  return lines
    .slice(Math.max(0, at))
    .map((line) => line.trim())
    .join(" ");
}

/** Nix takes a path that is valid as it is, and reads its file only when it builds. */
async function differing(nix: NixTools, derivations: BroughtOut["derivations"]): Promise<Reason | undefined> {
  let done = 0;
  for (const [path, { bytes }] of derivations) {
    if (!holds(join(nix.storeDir, baseNameOf(path)), bytes)) {
      const message = `${path} holds other bytes in the store than the evaluation gave`;
      return lacking("derivation-corrupt", message, { remedy: storeReader(nix).ifCorrupt });
    }
    if (++done % A_TURN === 0) await new Promise(setImmediate);
  }
  return undefined;
}

function holds(file: string, content: Uint8Array): boolean {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === content.length && readFileSync(file).equals(content);
}
