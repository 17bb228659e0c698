/** `firstmile nix-conf`: the lines of nix.conf that make Nix ask the gate. */
import { type GateEndpoint, readGateEndpoint } from "../../nix-conf/endpoint.ts";
import { effectiveSettings, NOTHING_OF_THE_CALLER, nixVersion } from "../../nix-conf/gather-nix.ts";
import { type ConfLine, nixConfLines, renderNixConf } from "../../nix-conf/lines.ts";
import { machineCommands } from "../../nix-conf/machine-commands.ts";
import { words } from "../../nix-conf/settings.ts";
import { parseVersion, type Version } from "../../nix-conf/version.ts";
import type { FirstmileContext } from "../context.ts";
import { badEnvironment, badInput, EXIT } from "../failure.ts";
import type { NixConfFlags } from "./nix-conf.command.ts";

export async function nixConf(this: FirstmileContext, flags: NixConfFlags): Promise<void> {
  const endpoint = readGateEndpoint(this.stateDir);
  if (!endpoint) {
    throw badEnvironment(
      `no gate has started with the state directory ${this.stateDir}`,
      "start the gate first: it makes the hook and the key that these lines name",
    );
  }
  const lines = await linesFor(this, endpoint, flags.nixVersion);
  if (flags.json) this.terminal.json(lines);
  else this.terminal.print(renderNixConf(lines).trimEnd());
  this.exit(EXIT.ok);
}

/** For the version named, or for this machine's with the features that its nix.conf turns on. */
async function linesFor(
  context: FirstmileContext,
  endpoint: GateEndpoint,
  given: string | undefined,
): Promise<ConfLine[]> {
  if (given !== undefined) return nixConfLines(endpoint, versionIn(given));
  const commands = machineCommands(context);
  const text = await nixVersion(commands);
  if (text === undefined)
    throw badEnvironment("Nix is not installed here", "firstmile nix-conf --nix-version 2.34");
  const settings = await effectiveSettings(commands, text, NOTHING_OF_THE_CALLER);
  const features = new Set(words(settings.get("experimental-features") ?? ""));
  return nixConfLines(endpoint, versionIn(text), features);
}

function versionIn(text: string): Version {
  const version = parseVersion(text);
  if (!version) throw badInput(`${text} is no version of Nix`, "give it as 2.34");
  return version;
}
