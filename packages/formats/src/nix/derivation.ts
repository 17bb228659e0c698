/**
 * Derivations: the values that .drv files hold. One derivation has exactly one spelling (`renderDerivation`), and
 * `parseDerivation` in derivation-parse.ts takes no other.
 *
 * Strings here are byte strings: one character (U+0000 to U+00FF) stands for one byte, since Nix promises no
 * encoding. `byteText` decodes one for people.
 */
import { encodeHex } from "../bytes/text.ts";
import type { HashAlgorithm, NixHash } from "./hash.ts";
import {
  asDrvPath,
  type DrvPath,
  type IngestionMethod,
  methodAlgorithm,
  type StorePath,
  storeDirOf,
  textStorePath,
} from "./store-path.ts";

/** One output. Only the first two have a path before they are built. */
export type DerivationOutput =
  | { readonly kind: "input-addressed"; readonly path: StorePath }
  | {
      readonly kind: "fixed";
      /** As written; `outputPathsOf` computes what it must be. */
      readonly path: StorePath;
      readonly method: IngestionMethod;
      readonly hash: NixHash;
    }
  | { readonly kind: "floating"; readonly method: IngestionMethod; readonly algorithm: HashAlgorithm }
  | { readonly kind: "deferred" }
  | { readonly kind: "impure"; readonly method: IngestionMethod; readonly algorithm: HashAlgorithm };

export interface Derivation {
  /** By output name; at least one, all of one kind; a fixed one is alone and named `out`. */
  readonly outputs: ReadonlyMap<string, DerivationOutput>;
  /** By .drv path: the names of the outputs that are used, sorted. */
  readonly inputDrvs: ReadonlyMap<DrvPath, readonly string[]>;
  /** Sorted. */
  readonly inputSrcs: readonly StorePath[];
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
}

/** The kind that all outputs share. */
export function derivationKind(drv: Derivation): DerivationOutput["kind"] {
  for (const output of drv.outputs.values()) return output.kind;
  throw new Error("a derivation has at least one output");
}

/** A byte string decoded as UTF-8 for people; bytes that are not UTF-8 become U+FFFD. */
export function byteText(byteString: string): string {
  return Buffer.from(byteString, "latin1").toString("utf8");
}

/** A text's UTF-8 bytes as a byte string, to compare with a derivation's strings. */
export function byteStringOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The .drv file's bytes. Maps may be in any order: Nix sorts them, and so does this. */
export function renderDerivation(drv: Derivation): Uint8Array {
  return Buffer.from(renderDerivationText(drv), "latin1");
}

/** How the hash modulo sees a derivation: inputs by hash, and with its own output paths blanked. */
export interface ModuloView {
  /** Output names by the input's hash in hex. */
  readonly inputs: ReadonlyMap<string, ReadonlySet<string>>;
  readonly maskOutputs: boolean;
}

/** `renderDerivation` as a byte string, or what the hash modulo is computed over. */
export function renderDerivationText(drv: Derivation, modulo?: ModuloView): string {
  const mask = modulo?.maskOutputs ?? false;
  const outputs = sorted(drv.outputs).map(([name, o]) => `(${[name, ...outputFields(o, mask)].map(plain)})`);
  const inputs = modulo ? sorted(modulo.inputs) : sorted(drv.inputDrvs);
  const env = sorted(drv.env).map(
    ([name, value]) => `(${quoted(name)},${quoted(mask && drv.outputs.has(name) ? "" : value)})`,
  );
  const parts = [
    `[${outputs}]`,
    `[${inputs.map(([input, names]) => `(${plain(input)},[${[...names].sort().map(plain)}])`)}]`,
    `[${[...drv.inputSrcs].sort().map(plain)}]`,
    plain(drv.system),
    quoted(drv.builder),
    `[${drv.args.map(quoted)}]`,
    `[${env}]`,
  ];
  return `Derive(${parts.join(",")})`;
}

function outputFields(output: DerivationOutput, mask: boolean): [string, string, string] {
  switch (output.kind) {
    case "input-addressed":
      return [mask ? "" : output.path, "", ""];
    case "fixed":
      return [
        mask ? "" : output.path,
        methodAlgorithm(output.method, output.hash.algorithm),
        encodeHex(output.hash.digest),
      ];
    case "floating":
      return ["", methodAlgorithm(output.method, output.algorithm), ""];
    case "deferred":
      return ["", "", ""];
    case "impure":
      return ["", methodAlgorithm(output.method, output.algorithm), "impure"];
  }
}

/** By byte order of the keys: plain string order, since keys are byte strings. */
function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Names and paths, which Nix writes without escapes; the parser refuses any that would need one. */
function plain(text: string): string {
  return `"${text}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoted(text: string): string {
  return `"${text.replace(/["\\\n\r\t]/g, (character) => ESCAPES[character]!)}"`;
}

/** What the .drv file refers to: its sources and the .drv files of its inputs, sorted. */
export function derivationReferences(drv: Derivation): StorePath[] {
  return [...new Set<StorePath>([...drv.inputSrcs, ...drv.inputDrvs.keys()])].sort();
}

/**
 * The path that Nix gives this derivation's .drv file. Bytes that claim to be the derivation at some path are so
 * only if this gives that path. `name` is without `.drv`.
 */
export function derivationStorePath(drv: Derivation, name: string, storeDir?: string): DrvPath {
  const dir = storeDir ?? storeDirIn(drv);
  return asDrvPath(textStorePath(`${name}.drv`, renderDerivation(drv), derivationReferences(drv), dir));
}

function storeDirIn(drv: Derivation): string | undefined {
  const path = derivationReferences(drv)[0];
  return path === undefined ? undefined : storeDirOf(path);
}
