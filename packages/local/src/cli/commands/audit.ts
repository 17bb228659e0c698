/** `firstmile audit`: what does not hold any more, and where it lies. */
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { nixTools } from "../../admission/nix-tools.ts";
import { type Audited, type AuditedFinding, auditStore } from "../../auditing/audit.ts";
import type { AuditAnswer } from "../../gate/audit.ts";
import { GateClient } from "../../gate/client.ts";
import type { FirstmileContext } from "../context.ts";
import { EXIT, Failure } from "../failure.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { AuditFlags } from "./audit.command.ts";
import { count } from "./slice-shown.ts";
import { showWordsInDoubt, wordsJson } from "./words-shown.ts";

export async function audit(this: FirstmileContext, flags: AuditFlags): Promise<void> {
  this.terminal.progress("the gate decides again");
  const answer = await new GateClient(this.stateDir).get<AuditAnswer>("/audit");
  if (answer.refusal) {
    const { code, message, remedy } = answer.refusal;
    throw new Failure(EXIT.denied, `${code}: ${message}`, remedy);
  }
  this.terminal.progress("looking in the store");
  const audited = await auditStore(await nixTools(this.env), answer);
  if (flags.json) this.terminal.json({ ...audited, inDoubt: wordsJson(audited.inDoubt) });
  else if (flags.paths) for (const path of touchedPaths(audited)) this.terminal.print(path);
  else show(this.terminal, audited, flags.all);
  this.exit(audited.findings.length === 0 ? EXIT.ok : EXIT.denied);
}

/** Outputs and what refers to them; derivations are recipes, and harm nobody. */
function touchedPaths({ findings }: Audited): StorePath[] {
  const all = findings.flatMap(({ here, referrers }) => [...here, ...referrers]);
  return [...new Set(all)].filter((path) => !path.endsWith(".drv")).sort();
}

function show(terminal: Terminal, audited: Audited, all: boolean): void {
  const { findings, admissions, derivations, unread } = audited;
  const touched = new Set(findings.flatMap((one) => one.derivations)).size;
  const inStore = touchedPaths(audited).length;
  const looked = `${count(admissions, "admission")}, ${count(derivations, "derivation")}`;
  if (findings.length === 0)
    terminal.print(`${terminal.style("green", "holds")}  ${looked}: all of it, by the rules of today`);
  else {
    const what = `${count(touched, "derivation")} of ${looked}: not any more, by the rules of today`;
    terminal.print(`${terminal.style("red", "touched")}  ${what}`);
    terminal.print(`  ${count(inStore, "path")} of this store ${inStore === 1 ? "is" : "are"} concerned`);
  }
  for (const finding of findings) showFinding(terminal, finding, all);
  if (unread > 0)
    terminal.say(
      `${count(unread, "derivation")} not in the store any more: what they were made of could not be compared with what is distrusted`,
    );
  if (inStore > 0) showRemedy(terminal);
  showWordsInDoubt(terminal, audited.inDoubt);
}

const KINDS: Readonly<Record<AuditedFinding["kind"], string>> = {
  distrusted: "distrusted",
  key: "a key that no longer counts",
  waiver: "a waiver that is over",
  rule: "a rule that is not met",
};
/** Paths listed unless all are asked for. */
const SHOWN = 6;

function showFinding(terminal: Terminal, finding: AuditedFinding, all: boolean): void {
  const { kind, code, message, requests, derivations, here, referrers, roots, remedy } = finding;
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.width - 2, "    ")}`);
  terminal.print();
  terminal.print(`${terminal.style("bold", KINDS[kind])}  ${terminal.style("red", code)}`);
  line(harmless(message));
  const outputs = here.filter((path) => !path.endsWith(".drv"));
  line(
    `${count(derivations.length, "admitted derivation")}; in this store ${count(outputs.length, "output")}, and ${count(referrers.length, "path")} that refer${referrers.length === 1 ? "s" : ""} to them`,
  );
  listPaths(
    terminal,
    requests.map((request) => `asked for as ${request}`),
    all,
  );
  listPaths(terminal, [...(outputs.length > 0 ? outputs : derivations), ...referrers], all);
  if (roots.length > 0)
    line(
      `kept by ${roots.slice(0, SHOWN).map(harmless).join(", ")}${roots.length > SHOWN ? " and others" : ""}`,
    );
  if (remedy !== undefined) line(`${terminal.style("cyan", "help:")} ${harmless(remedy)}`);
}

function listPaths(terminal: Terminal, lines: readonly string[], all: boolean): void {
  for (const text of all ? lines : lines.slice(0, SHOWN)) terminal.print(`    ${harmless(text)}`);
  if (!all && lines.length > SHOWN) terminal.print(`    and ${lines.length - SHOWN} more: --all`);
}

function showRemedy(terminal: Terminal): void {
  terminal.print();
  terminal.print("Nix goes on using what it has. Replace what keeps it (profiles, result links), and then:");
  terminal.print("  firstmile audit --paths | xargs nix-store --delete");
  terminal.print("What is still wanted comes back by being admitted and built anew: firstmile nix …");
}
