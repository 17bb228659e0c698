/** `firstmile nix-conf`: the lines of nix.conf that make Nix ask the gate. */
import { readGateEndpoint } from "../../nix-conf/endpoint.ts";
import { nixVersion } from "../../nix-conf/gather-nix.ts";
import { nixConfLines, renderNixConf } from "../../nix-conf/lines.ts";
import { machineCommands } from "../../nix-conf/machine-commands.ts";
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
  const lines = nixConfLines(endpoint, await versionFor(this, flags.nixVersion));
  if (flags.json) this.terminal.json(lines);
  else this.terminal.print(renderNixConf(lines).trimEnd());
  this.exit(EXIT.ok);
}

async function versionFor(context: FirstmileContext, given: string | undefined): Promise<Version> {
  const text = given ?? (await nixVersion(machineCommands(context)));
  if (text === undefined) {
    throw badEnvironment("Nix is not installed here", "firstmile nix-conf --nix-version 2.34");
  }
  const version = parseVersion(text);
  if (!version) throw badInput(`${text} is no version of Nix`, "give it as 2.34");
  return version;
}
