/** The lines of nix.conf that close every way round the gate that Nix's own configuration can close. */
import type { GateEndpoint } from "./endpoint.ts";
import { reasonFor, SETTINGS } from "./settings.ts";
import { atLeast, type Version } from "./version.ts";

export interface ConfLine {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

/**
 * The lines for one version of Nix, without settings that it does not know, nor those of features that it has not
 * turned on. `features`: the experimental ones of nix.conf; undefined prints the lines of all.
 */
export function nixConfLines(
  endpoint: GateEndpoint,
  version: Version,
  features?: ReadonlySet<string>,
): ConfLine[] {
  return SETTINGS.filter(
    ({ since, feature }) =>
      (since === undefined || atLeast(version, ...since)) &&
      (feature === undefined || features === undefined || features.has(feature)),
  ).map((setting) => ({
    name: setting.name,
    value: setting.value(endpoint, features),
    why: reasonFor(setting, endpoint),
  }));
}

const HEAD = `# Written by firstmile nix-conf. Nix takes the last line of a setting: put these after
# all others, and no extra-* line after them, or an include at the end of nix.conf.
`;

/** As text to put at the end of nix.conf. */
export function renderNixConf(lines: readonly ConfLine[]): string {
  return HEAD + lines.map((line) => `\n# ${line.why}\n${renderLine(line)}\n`).join("");
}

/** One line of nix.conf. */
export function renderLine({ name, value }: Pick<ConfLine, "name" | "value">): string {
  return `${name} = ${value}`.trimEnd();
}
