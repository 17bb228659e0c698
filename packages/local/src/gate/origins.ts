/**
 * Nix builds derivations that no evaluation gave: the resolved form of one with content-addressed inputs, and what
 * `nix develop` makes of one. Claim: such a derivation is traced to an admitted one only by making it again from
 * that and comparing, never by its name or by what it says of itself. Against: a derivation dressed up as the
 * resolution of an admitted one, with an input of the attacker's choosing.
 *
 * Which path an input came to is what Nix has recorded, and only where Nix itself built that path here: any client of
 * the daemon may register a realisation of whatever it likes, unsigned, but cannot make a path count as built. Left
 * out: that the path was built for this input, and not for another admitted derivation.
 */
import { readFileSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationKind, derivationStorePath } from "@firstmile/formats/nix/derivation";
import { hashDerivations, MissingInput } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { resolveDerivation } from "@firstmile/formats/nix/derivation-resolve";
import { devShellDerivations } from "@firstmile/formats/nix/dev-shell";
import {
  baseNameOf,
  type DrvPath,
  drvNameOf,
  parseDrvPath,
  parseStoreBaseName,
  type StorePath,
} from "@firstmile/formats/nix/store-path";
import { found, type Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../admission/nix-tools.ts";
import type { Origins } from "./decide-build.ts";
import type { Ledger } from "./ledger.ts";

/** Admitted derivations of one name that are tried; more are not looked at, and so denied. */
const MAX_CANDIDATES = 200;
const DEV_SHELL_SUFFIX = "-env";
const MAX_DRV_BYTES = 64 << 20;

interface Origin {
  readonly origin: DrvPath;
  readonly reason: Reason;
}

export class StoreOrigins implements Origins {
  private readonly nix: NixTools;
  private readonly ledger: Ledger;

  constructor(nix: NixTools, ledger: Ledger) {
    this.nix = nix;
    this.ledger = ledger;
  }

  async originOf(path: DrvPath): Promise<Origin | undefined> {
    const name = nameOfDerivation(path, this.nix.storeDir);
    if (name === undefined) return undefined;
    return (await this.resolvedFrom(path, name)) ?? this.devShellOf(path, name);
  }

  private async resolvedFrom(path: DrvPath, name: string): Promise<Origin | undefined> {
    for (const candidate of this.ledger.derivationsNamed(name).slice(0, MAX_CANDIDATES)) {
      const derivation = this.read(candidate);
      if (!derivation || derivation.inputDrvs.size === 0) continue;
      const realised = await this.realisedInputs(derivation);
      const resolved = resolveDerivation(
        derivation,
        name,
        (input, output) => realised.get(`${input}!${output}`),
        this.nix.storeDir,
      );
      if (!resolved || derivationStorePath(resolved, name, this.nix.storeDir) !== path) continue;
      return {
        origin: candidate,
        reason: found(
          "resolved",
          `is ${candidate} with its content-addressed inputs as they were built here`,
        ),
      };
    }
    return undefined;
  }

  /** Paths of the outputs that a derivation uses: known before building, or as Nix recorded them. */
  private async realisedInputs(derivation: Derivation): Promise<Map<string, StorePath>> {
    const paths = new Map<string, StorePath>();
    await Promise.all(
      [...derivation.inputDrvs].map(async ([input, outputs]) => {
        const inputDerivation = this.read(input);
        if (!inputDerivation) return;
        const floating = ["floating", "deferred", "impure"].includes(derivationKind(inputDerivation));
        const recorded = floating ? await this.recordedOutputs(input) : new Map<string, StorePath>();
        for (const name of outputs) {
          const output = inputDerivation.outputs.get(name);
          const path = output && "path" in output ? output.path : recorded.get(name);
          if (path !== undefined) paths.set(`${input}!${name}`, path);
        }
      }),
    );
    return paths;
  }

  /** What Nix recorded for the outputs of a content-addressed derivation, by name, and built. */
  private async recordedOutputs(input: DrvPath): Promise<Map<string, StorePath>> {
    // Since 2.13 the outputs of a derivation are named behind a caret.
    const installable = atLeast(this.nix.version, 2, 13) ? `${input}^*` : input;
    const args = [
      "realisation",
      "info",
      "--extra-experimental-features",
      "nix-command ca-derivations",
      "--offline",
      "--json",
      installable,
    ];
    const answer = await this.nix.run("nix", args, { timeoutMs: 10_000 });
    if (answer.code !== 0) return new Map();
    const recorded = readRealisations(answer.stdout.toString(), this.nix.storeDir);
    const built = await this.builtHere([...recorded.values()]);
    return new Map([...recorded].filter(([, path]) => built.has(path)));
  }

  /** The paths among these that were built by this store's own Nix, neither added nor copied. */
  private async builtHere(paths: readonly StorePath[]): Promise<Set<string>> {
    if (paths.length === 0) return new Set();
    const format = atLeast(this.nix.version, 2, 34) ? ["--json-format", "1"] : [];
    const args = [
      "path-info",
      "--extra-experimental-features",
      "nix-command",
      "--offline",
      "--json",
      ...format,
      ...paths,
    ];
    const answer = await this.nix.run("nix", args, { timeoutMs: 10_000 });
    return answer.code === 0 ? readUltimate(answer.stdout.toString()) : new Set();
  }

  private async devShellOf(path: DrvPath, name: string): Promise<Origin | undefined> {
    if (!name.endsWith(DEV_SHELL_SUFFIX)) return undefined;
    const plain = name.slice(0, -DEV_SHELL_SUFFIX.length);
    for (const origin of this.ledger.derivationsNamed(plain).slice(0, MAX_CANDIDATES)) {
      if (!(await this.hasDevShell(origin, plain, path))) continue;
      return {
        origin,
        reason: found("resolved", `is the development shell of ${origin}, with the script of a released Nix`),
      };
    }
    return undefined;
  }

  private async hasDevShell(candidate: DrvPath, name: string, path: DrvPath): Promise<boolean> {
    const shells = this.devShellsOf(candidate, name);
    const { storeDir } = this.nix;
    if (shells.some((shell) => derivationStorePath(shell.derivation, shell.name, storeDir) === path))
      return true;
    // Nix up to 2.32 with ca-derivations on gives a shell outputs without a path, and so resolves it.
    const [deferred] = shells.filter(({ derivation }) => derivationKind(derivation) !== "input-addressed");
    if (!deferred) return false;
    const realised = await this.realisedInputs(deferred.derivation);
    return shells.some((shell) => {
      const resolved = resolveDerivation(
        shell.derivation,
        shell.name,
        (input, output) => realised.get(`${input}!${output}`),
        storeDir,
      );
      return resolved !== undefined && derivationStorePath(resolved, shell.name, storeDir) === path;
    });
  }

  private devShellsOf(candidate: DrvPath, name: string): readonly { name: string; derivation: Derivation }[] {
    const derivation = this.read(candidate);
    if (!derivation) return [];
    try {
      const hashes = hashDerivations(derivation.inputDrvs.keys(), (input) => this.readOrThrow(input));
      return devShellDerivations(derivation, name, (input) => hashes.get(input), this.nix.storeDir);
    } catch (error) {
      if (error instanceof MissingInput || error instanceof FormatError) return [];
      throw error;
    }
  }

  private readOrThrow(path: DrvPath): Derivation {
    const derivation = this.read(path);
    if (!derivation) throw new MissingInput(path, "it cannot be read");
    return derivation;
  }

  /** A derivation from the store, if its bytes are those that its path names. */
  private read(path: DrvPath): Derivation | undefined {
    try {
      const bytes = readFileSync(path);
      if (bytes.length > MAX_DRV_BYTES) return undefined;
      const derivation = parseDerivation(bytes, this.nix.storeDir);
      return derivationStorePath(derivation, drvNameOf(path), this.nix.storeDir) === path
        ? derivation
        : undefined;
    } catch (error) {
      if (error instanceof FormatError || (error instanceof Error && "code" in error)) return undefined;
      throw error;
    }
  }
}

function nameOfDerivation(path: string, storeDir: string): string | undefined {
  try {
    return drvNameOf(parseDrvPath(path, storeDir));
  } catch {
    return undefined;
  }
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [has = 0, hasMinor = 0] = version.split(".").map(Number);
  return has > major || (has === major && hasMinor >= minor);
}

/**
 * `[{"path":…,"ultimate":true}]` (2.8) or `{"PATH":{"ultimate":true}}`. The flag is Nix's word for what it built
 * itself; its daemon takes it out of whatever an untrusted client sends. Anything else counts as nothing built.
 */
function readUltimate(text: string): Set<string> {
  try {
    const answer = JSON.parse(text) as Record<string, { path?: unknown; ultimate?: unknown } | null>;
    const infos = Object.entries(answer).map(([key, info]) => ({
      ...info,
      path: Array.isArray(answer) ? info?.path : key,
    }));
    return new Set(infos.filter(({ ultimate }) => ultimate === true).map(({ path }) => String(path)));
  } catch {
    return new Set();
  }
}

/** `[{"id":"sha256:HEX!out","outPath":"BASENAME",…}]`. Anything else counts as nothing recorded. */
function readRealisations(text: string, storeDir: string): Map<string, StorePath> {
  const paths = new Map<string, StorePath>();
  try {
    for (const { id, outPath } of JSON.parse(text) as { id?: unknown; outPath?: unknown }[]) {
      const output = typeof id === "string" ? id.split("!")[1] : undefined;
      if (output === undefined || typeof outPath !== "string") continue;
      paths.set(output, parseStoreBaseName(baseNameOf(`/${outPath}` as StorePath), storeDir));
    }
  } catch {
    return new Map();
  }
  return paths;
}
