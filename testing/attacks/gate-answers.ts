/** The gate's answers to admissions, as an attack wants to see them: allowed or not, every code, every word. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { runOk } from "@firstmile/local/process/run";
import type { Reason, Verdict } from "@firstmile/trust/verdict/verdict";
import type { GateWorld } from "../src/gate-world.ts";
import { gitEnv } from "../src/world-repository.ts";

export interface Admission {
  readonly allowed: boolean;
  /** Codes of all findings that speak against it, outermost first. */
  readonly codes: readonly string[];
  /** The derivations that it stands for. */
  readonly roots: readonly string[];
  /** The whole answer, as it came. */
  readonly said: string;
}

/** Asks for attributes of a file or of a flake at the source's tip. The gate must have its objects already. */
export async function askAdmission(
  gate: GateWorld,
  attr: string,
  how: "file" | "flake",
  more: Readonly<Record<string, unknown>> = {},
): Promise<Admission> {
  const source = { source: "pkgs", commit: gate.source.tip(), attrs: [attr] };
  const request =
    how === "file"
      ? { ...source, kind: "file", directoryName: "pkgs", file: "default.nix", argstr: {}, ...more }
      : { ...source, kind: "flake", dir: "", verb: "build", ...more };
  const answer = await gate.ask("POST", "/admit", JSON.stringify(request));
  if (answer.status !== 200)
    return { allowed: false, codes: [String(answer.status)], roots: [], said: answer.body };
  const { verdict, roots } = JSON.parse(answer.body) as { verdict: Verdict; roots: string[] };
  return { allowed: verdict.allowed, codes: codesAgainst(verdict.reasons), roots, said: answer.body };
}

/** Gives the gate a commit and its history, as the command line does before it asks. */
export async function sendObjects(gate: GateWorld, commit: CommitId): Promise<void> {
  const packed = ["-C", gate.source.dir, "pack-objects", "--revs", "--stdout", "-q"];
  const pack = await runOk("git", packed, { env: gitEnv(), input: `${commit}\n` });
  const answer = await gate.ask("POST", "/objects?source=pkgs", pack);
  if (answer.status !== 200) throw new Error(answer.body);
}

export function codesAgainst(reasons: readonly Reason[]): string[] {
  return reasons.flatMap(({ ok, code, because = [] }) => [...(ok ? [] : [code]), ...codesAgainst(because)]);
}

/** What `why` says against a derivation or store path today. */
export async function whyNot(gate: GateWorld, subject: string): Promise<readonly string[]> {
  const answer = await gate.ask("GET", `/why?subject=${encodeURIComponent(subject)}`);
  return codesAgainst((JSON.parse(answer.body) as Verdict).reasons);
}
