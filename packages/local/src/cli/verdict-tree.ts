/** A verdict as a person reads it: what was asked, what was found, what is missing, what would help. */
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { Reason, Subject, Verdict } from "@firstmile/trust/verdict/verdict";
import { harmless, harmlessLine, type Terminal, wrap } from "./terminal.ts";

export function showVerdict(terminal: Terminal, verdict: Verdict): void {
  const word = verdict.allowed ? terminal.style("green", "allowed") : terminal.style("red", "denied");
  terminal.print(`${word}  ${harmlessLine(nameOf(verdict.subject))}`);
  showReasons(terminal, verdict.reasons, "");
}

function showReasons(terminal: Terminal, reasons: readonly Reason[], margin: string): void {
  reasons.forEach((reason, i) => {
    const last = i === reasons.length - 1;
    showReason(terminal, reason, `${margin}${last ? "└─ " : "├─ "}`, `${margin}${last ? "   " : "│  "}`);
  });
}

function showReason(terminal: Terminal, reason: Reason, first: string, rest: string): void {
  const mark = reason.ok ? terminal.style("green", "✓") : terminal.style("red", "✗");
  const code = reason.ok ? "" : `${terminal.style("red", reason.code)}: `;
  const below = reason.because?.length ? `${rest}│  ` : `${rest}   `;
  terminal.print(`${first}${mark} ${wrapIn(terminal, `${code}${harmless(reason.message)}`, below)}`);
  if (reason.remedy !== undefined) {
    terminal.print(
      `${below}${terminal.style("cyan", "help:")} ${wrapIn(terminal, harmless(reason.remedy), below)}`,
    );
  }
  showReasons(terminal, reason.because ?? [], rest);
}

function wrapIn(terminal: Terminal, text: string, margin: string): string {
  return wrap(text, terminal.width - 2, margin);
}

export function nameOf(subject: Subject): string {
  switch (subject.kind) {
    case "commit":
      return `${subject.source} at ${subject.id}`;
    case "trust repository":
      return `trust repository ${subject.name ? `${visibleText(subject.name)} ` : ""}${subject.commit ? `at ${subject.commit}` : ""}`.trim();
    case "derivation":
    case "store path":
      return subject.path;
    case "request":
      return subject.words;
  }
}
