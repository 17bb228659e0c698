/**
 * Nix builds derivations that no evaluation gave: the resolved form of one with content-addressed inputs, and what
 * `nix develop` makes of one. Claim: the gate traces such a derivation to an admitted one only by making it again from
 * that and comparing, never by its name or by what it says of itself. Against: a derivation dressed up as the
 * resolution of an admitted one, with an input of the attacker's choosing.
 *
 * Which path an input has is what Nix recorded, and only where Nix built that path here for this very input
 * (realised-outputs.ts): any client of the daemon may register a realisation of any path, unsigned.
 */
import { readFileSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationKind, derivationStorePath } from "@firstmile/formats/nix/derivation";
import { hashDerivations, MissingInput } from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { resolveDerivation } from "@firstmile/formats/nix/derivation-resolve";
import { devShellDerivations } from "@firstmile/formats/nix/dev-shell";
import { type DrvPath, drvNameOf, parseDrvPath } from "@firstmile/formats/nix/store-path";
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../admission/nix-tools.ts";
import type { Origin, Origins } from "./decide-build.ts";
import type { Ledger } from "./ledger.ts";
import type { RealisedOutputs, UnprovenOutput } from "./realised-outputs.ts";

/** Admitted derivations of one name that are tried; more are not looked at, and so denied. */
const MAX_CANDIDATES = 200;
const DEV_SHELL_SUFFIX = "-env";
const MAX_DRV_BYTES = 64 << 20;

export class StoreOrigins implements Origins {
  private readonly nix: NixTools;
  private readonly ledger: Ledger;
  private readonly realised: RealisedOutputs;

  constructor(nix: NixTools, ledger: Ledger, realised: RealisedOutputs) {
    this.nix = nix;
    this.ledger = ledger;
    this.realised = realised;
  }

  async originOf(path: DrvPath): Promise<Origin | undefined> {
    const name = nameOfDerivation(path, this.nix.storeDir);
    if (name === undefined) return undefined;
    const resolved = await this.resolvedFrom(path, name);
    return resolved?.reason.ok ? resolved : ((await this.devShellOf(path, name)) ?? resolved);
  }

  private async resolvedFrom(path: DrvPath, name: string): Promise<Origin | undefined> {
    let unproven: UnprovenOutput | undefined;
    for (const candidate of this.ledger.derivationsNamed(name).slice(0, MAX_CANDIDATES)) {
      const derivation = this.read(candidate);
      if (!derivation || derivation.inputDrvs.size === 0) continue;
      const realised = await this.realised.inputsOf(derivation, (input) => this.read(input));
      unproven ??= realised.unproven[0];
      const resolved = resolveDerivation(
        derivation,
        name,
        (input, output) => realised.paths.get(`${input}!${output}`),
        this.nix.storeDir,
      );
      if (!resolved || derivationStorePath(resolved, name, this.nix.storeDir) !== path) continue;
      this.ledger.noteResolution(candidate, path);
      return {
        origin: candidate,
        reason: found(
          "resolved",
          `is ${candidate} with its content-addressed inputs as they were built here`,
        ),
      };
    }
    return unproven && { origin: undefined, reason: notProven(path, unproven) };
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
    const { paths } = await this.realised.inputsOf(deferred.derivation, (input) => this.read(input));
    return shells.some((shell) => {
      const resolved = resolveDerivation(
        shell.derivation,
        shell.name,
        (input, output) => paths.get(`${input}!${output}`),
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

function notProven(path: DrvPath, { derivation, output, path: used }: UnprovenOutput): Reason {
  return lacking(
    "not-admitted",
    `${path} may use ${used}, which is recorded as output ${output} of ${derivation}, and Nix did not report that it built it so`,
    {
      remedy: `have Nix build it again, as root: nix-store --delete ${used}; post-build-hook must be in nix.conf as firstmile nix-conf prints it`,
    },
  );
}
