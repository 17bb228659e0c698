/**
 * Settings of the machine's own Nix that decide what a derivation is, so that an evaluation that sees no nix.conf comes
 * to the same paths: the system, and the experimental features (one of them gives derivations without output paths).
 */
import { NixError, type NixTools } from "../admission/nix-tools.ts";
import { atLeast, parseVersion } from "../nix-conf/version.ts";

const known = new WeakMap<NixTools, Promise<readonly string[]>>();

/** Arguments for every command inside. Throws `NixError`. */
export async function evaluatorSettings(
  nix: NixTools,
  features?: readonly string[],
): Promise<readonly string[]> {
  const on = features ?? (await experimentalFeatures(nix));
  return Object.entries({
    store: "local",
    system: nix.system,
    "experimental-features": on.join(" "),
    "build-users-group": "",
    sandbox: "false",
    "fsync-metadata": "false",
  }).flatMap(([name, value]) => ["--option", name, value]);
}

/** Those that the administrator has turned on. */
export function experimentalFeatures(nix: NixTools): Promise<readonly string[]> {
  const found = known.get(nix) ?? ask(nix);
  known.set(nix, found);
  return found;
}

/** The question itself turns on `nix-command`, which decides no derivation. */
async function ask(nix: NixTools): Promise<readonly string[]> {
  const version = parseVersion(nix.version);
  const words = version && atLeast(version, 2, 20) ? ["config", "show"] : ["show-config"];
  const args = ["--extra-experimental-features", "nix-command", ...words];
  const shown = await nix.run("nix", args, { offline: true, timeoutMs: 60_000 });
  const line = /^experimental-features = (.*)$/m.exec(shown.stdout.toString());
  if (shown.code === 0 && line) return line[1]!.split(/\s+/).filter(Boolean);
  throw new NixError(`Nix does not show its settings: ${shown.stderr.trim()}`);
}
