/**
 * What Nix itself says of its configuration. nix.conf is never parsed here: includes, `extra-` settings, their order
 * and every variable are Nix's own business, and another reading of them would be the way round.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import type { Configuration, Trial } from "./facts.ts";
import { atLeast, parseVersion } from "./version.ts";

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nix is there and cannot read its own configuration. */
export class NixConfigurationError extends Error {
  constructor(said: string) {
    super(`Nix cannot read its configuration: ${said}`);
    this.name = "NixConfigurationError";
  }
}

/** Runs a program of this machine with variables over the caller's. Rejects where it cannot be started. */
export type Commands = (
  command: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) => Promise<Ended>;

/** Variables under which Nix reads the machine's nix.conf and nothing of the caller's. */
export const NOTHING_OF_THE_CALLER = { NIX_CONFIG: "", NIX_USER_CONF_FILES: "" } as const;

/** What `nix --version` prints, or undefined where there is no Nix. */
export async function nixVersion(run: Commands): Promise<string | undefined> {
  const ended = await run("nix", ["--version"]).catch(() => undefined);
  return ended?.code === 0 ? ended.stdout.trim() : undefined;
}

const ENABLE = ["--extra-experimental-features", "nix-command"] as const;
const shown = z.record(z.string(), z.looseObject({ value: z.unknown() }));

/** Every setting as Nix has it in an environment, in nix.conf's own form. */
export async function effectiveSettings(
  run: Commands,
  version: string,
  env: Readonly<Record<string, string>>,
): Promise<Configuration["values"]> {
  const parsed = parseVersion(version);
  const show = parsed && !atLeast(parsed, 2, 20) ? ["show-config"] : ["config", "show"];
  const ended = await run("nix", [...ENABLE, ...show, "--json"], env);
  if (ended.code !== 0) throw new NixConfigurationError(ended.stderr.trim());
  const values = new Map<string, string>();
  for (const [name, { value }] of Object.entries(shown.parse(JSON.parse(ended.stdout))))
    values.set(name, settingText(value));
  // Nix 2.8 prints these as numbers that change their meaning from version to version.
  if (/^[\d ]+$/.test(values.get("experimental-features") ?? ""))
    values.set("experimental-features", await printedSetting(run, show, "experimental-features", env));
  return values;
}

/** A value of the JSON as nix.conf would have it: 2.34's sandbox-paths are an object, 2.8's are a list. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(settingText).join(" ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, inner]) => {
      const source = z.looseObject({ source: z.string() }).safeParse(inner);
      return `${name}=${source.success ? source.data.source : settingText(inner)}`;
    })
    .join(" ");
}

async function printedSetting(
  run: Commands,
  show: readonly string[],
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const ended = await run("nix", [...ENABLE, ...show], env);
  const line = ended.stdout.split("\n").find((text) => text.startsWith(`${name} = `));
  return line?.slice(name.length + 3) ?? "";
}

/** Settings of flakes that this user accepted for good, as Nix keeps them. */
export async function acceptedFlakeSettings(env: NodeJS.ProcessEnv): Promise<string[]> {
  const data = env.XDG_DATA_HOME || join(env.HOME || homedir(), ".local/share");
  const text = await readFile(join(data, "nix/trusted-settings.json"), "utf8").catch(() => "{}");
  const all = z.record(z.string(), z.record(z.string(), z.boolean())).safeParse(parseJson(text));
  if (!all.success) return ["trusted-settings.json cannot be read"];
  return Object.entries(all.data).flatMap(([name, values]) =>
    Object.keys(values).flatMap((value) => (values[value] ? [`${name} ${value}`] : [])),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Asks Nix to build a derivation that nobody can have admitted, since its name is new. Its builder is Nix's own, so
 * that it needs no shell and no file of the machine.
 */
export async function tryUnadmitted(run: Commands, unique: string, hookPath: string): Promise<Trial> {
  const expression = `derivation { name = "firstmile-doctor-${unique}"; system = builtins.currentSystem;
    builder = "builtin:buildenv"; derivations = []; manifest = "/dev/null"; }`;
  const ended = await run("nix-build", ["--no-out-link", "-E", expression]);
  if (ended.code === 0) return { kind: "built" };
  const said = ended.stderr.trim();
  if (said.includes(hookPath) && /failed with exit code \d/.test(said)) return { kind: "refused" };
  return { kind: "failed", said: said.slice(-300) };
}
