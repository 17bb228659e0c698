/** `firstmile doctor`: what on this machine lets Nix round the gate. */
import { examine, LIMITS } from "../../nix-conf/examine.ts";
import type { Facts, Finding } from "../../nix-conf/facts.ts";
import { gatherFacts } from "../../nix-conf/gather.ts";
import { machineCommands } from "../../nix-conf/machine-commands.ts";
import type { FirstmileContext } from "../context.ts";
import { badEnvironment, EXIT } from "../failure.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { DoctorFlags } from "./doctor.command.ts";

export async function doctor(this: FirstmileContext, flags: DoctorFlags): Promise<void> {
  const facts = await gatherFacts({
    env: this.env,
    stateDir: this.stateDir,
    now: this.now,
    uid: process.geteuid?.() ?? -1,
    tryBuild: flags.try,
    run: machineCommands(this),
  });
  if (!facts) throw badEnvironment("Nix is not installed here", "install Nix, or put it into PATH");
  const findings = examine(facts).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  if (flags.json) this.terminal.json(asJson(facts, findings));
  else show(this.terminal, facts, findings);
  this.exit(findings.some(({ state }) => state === "open") ? EXIT.denied : EXIT.ok);
}

const ORDER: readonly Finding["state"][] = ["open", "unknown", "closed"];
const STYLES = { open: "red", unknown: "yellow", closed: "green" } as const;

function asJson(facts: Facts, findings: readonly Finding[]) {
  const read = facts.configurations.map(({ from, of }) => ({ from, of }));
  return { nix: facts.nixVersion, read, findings, limits: LIMITS };
}

function show(terminal: Terminal, facts: Facts, findings: readonly Finding[]): void {
  const read = facts.configurations.map(({ from }) => from).join("; ");
  terminal.print(harmless(`${facts.nixVersion}, from ${read}`));
  for (const finding of findings) showFinding(terminal, finding);
  const count = (state: Finding["state"]) => findings.filter((finding) => finding.state === state).length;
  terminal.print(`${count("open")} open, ${count("unknown")} unknown, ${count("closed")} closed`);
  terminal.print("What no configuration closes:");
  for (const limit of LIMITS) terminal.print(`  ${wrap(limit, WIDTH, "  ")}`);
}

const WIDTH = 80;

/** What is closed takes one line; what is not says why, and the line that closes it, whole and on its own. */
function showFinding(terminal: Terminal, { setting, state, found, why, line }: Finding): void {
  const word = terminal.style(STYLES[state], state.padEnd(8));
  const text = harmless(`${setting}: ${found}`).replace(/\s+/g, " ");
  if (state === "closed") {
    terminal.print(word + cut(text, WIDTH - 8));
    return;
  }
  terminal.print(word + wrap(text, WIDTH, " ".repeat(8)));
  terminal.print(" ".repeat(8) + terminal.style("dim", wrap(harmless(why), WIDTH, " ".repeat(8))));
  if (line === undefined) return;
  // A line of nix.conf, or else something to do.
  const verb = / =(?: |$)/.test(line) ? "add:" : "help:";
  terminal.print(`        ${terminal.style("cyan", verb)} ${harmless(line)}`);
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
