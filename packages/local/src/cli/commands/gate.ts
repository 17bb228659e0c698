/** `firstmile gate`: runs until it is told to stop. */
import { visibleJson } from "@firstmile/formats/bytes/visible";
import { Gate } from "../../gate/gate.ts";
import type { FirstmileContext } from "../context.ts";
import { harmlessLine } from "../terminal.ts";
import type { GateFlags } from "./gate.command.ts";

export async function gate(this: FirstmileContext, flags: GateFlags): Promise<void> {
  const running = await Gate.create({
    stateDir: this.stateDir,
    port: flags.port,
    trust: flags.trust,
    env: this.env,
    clock: () => Math.floor(Date.now() / 1000),
    log: (line) => this.terminal.say(`${new Date().toISOString()} ${harmlessLine(line)}`),
  });
  const endpoint = await running.start();
  if (flags.json) this.terminal.print(visibleJson(JSON.stringify(endpoint)));
  else {
    this.terminal.print(`substituter  ${endpoint.url} (trusted by its ${endpoint.trust})`);
    this.terminal.print(`key          ${endpoint.publicKey}`);
    this.terminal.print(`hook         ${endpoint.hookPath}`);
    this.terminal.print("Nix is held by it once its settings are in nix.conf: firstmile nix-conf");
  }
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
  });
  this.terminal.say("stopping");
  await running.stop();
}
