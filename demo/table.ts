/**
 * What was tried, what the demo expects of it, and what came out. A row holds only if verdict and reason code are the
 * expected ones and every fact beside them is true; one that does not makes the demo fail.
 */
import type { ReasonCode } from "@firstmile/trust/verdict/codes";
import { firstRefusal, type Reason, type Verdict } from "@firstmile/trust/verdict/verdict";
import type { Screen } from "./screen.ts";

export interface Expectation {
  readonly tried: string;
  readonly allowed: boolean;
  readonly code: ReasonCode;
}

/** Something that must be true besides the verdict, as a sentence. */
export interface Fact {
  readonly what: string;
  readonly holds: boolean;
}

interface Row {
  readonly tried: string;
  readonly expected: string;
  readonly verdict: string;
  readonly code: string;
  readonly message: string;
  readonly broken: readonly string[];
  readonly ok: boolean;
}

export class Table {
  private readonly screen: Screen;
  private readonly rows: Row[] = [];

  constructor(screen: Screen) {
    this.screen = screen;
  }

  /** Notes a verdict and tells its reason, unless that was `told` already. */
  judge(
    { tried, allowed, code }: Expectation,
    verdict: Verdict | undefined,
    facts: readonly Fact[] = [],
    told = false,
  ): void {
    const reason = verdict && decisive(verdict);
    const broken = facts.filter(({ holds }) => !holds).map(({ what }) => what);
    const came = {
      verdict: wordFor(verdict?.allowed),
      code: reason?.code ?? "none",
      message: reason ? detail(reason).message : "",
    };
    const ok =
      verdict !== undefined && verdict.allowed === allowed && reason?.code === code && broken.length === 0;
    const row = { tried, expected: `${wordFor(allowed)} ${code}`, ...came, broken, ok };
    this.rows.push(row);
    this.tell(row, told ? undefined : reason);
  }

  /** Notes what no verdict could be asked about: it came out as expected where every fact is true. */
  fact({ tried, allowed, code }: Expectation, facts: readonly Fact[]): void {
    const broken = facts.filter(({ holds }) => !holds).map(({ what }) => what);
    const ok = broken.length === 0;
    const came = ok ? { verdict: wordFor(allowed), code } : { verdict: "none", code: "none" };
    const row = { tried, expected: `${wordFor(allowed)} ${code}`, ...came, message: "", broken, ok };
    this.rows.push(row);
    this.tell(row, undefined);
  }

  private tell(row: Row, reason: Reason | undefined): void {
    if (reason) this.tellReason(row);
    if (!row.ok)
      this.screen.output(
        `!!! expected ${row.expected}${row.broken.map((what) => `, and: ${what}`).join("")}`,
        "red",
      );
  }

  private tellReason(row: Row): void {
    const style = row.verdict === "allowed" ? "green" : "red";
    this.screen.output(`${row.verdict === "allowed" ? "✓" : "✗"} ${row.code}: ${row.message}`, style);
  }

  get ok(): boolean {
    return this.rows.length > 0 && this.rows.every(({ ok }) => ok);
  }

  json(): unknown {
    return this.rows;
  }

  show(): void {
    if (this.rows.length === 0) return;
    const wide = Math.max(...this.rows.map(({ tried }) => tried.length));
    const expected = Math.max(...this.rows.map((row) => row.expected.length));
    const line = (tried: string, want: string, verdict: string, reason: string) =>
      `${tried.padEnd(wide)}  ${want.padEnd(expected)}  ${verdict.padEnd(7)}  ${reason}`;
    this.screen.line();
    this.screen.line(this.screen.style("bold", line("tried", "expected", "verdict", "reason")));
    for (const row of this.rows) {
      const text = line(row.tried, row.expected, row.verdict, row.code);
      this.screen.line(row.ok ? text : this.screen.style("red", `${text}  <-- not as expected`));
      for (const what of row.broken) this.screen.line(this.screen.style("red", `    not so: ${what}`));
    }
  }
}

/** The first thing that stands against it, or the last that speaks for it. */
function decisive({ reasons }: Verdict): Reason | undefined {
  return reasons.find(({ ok }) => !ok) ?? reasons.at(-1);
}

/** Where a finding only sums up others of its kind, the first of those says more. */
function detail(reason: Reason): Reason {
  const below = firstRefusal([reason]);
  return below?.code === reason.code ? below : reason;
}

function wordFor(allowed: boolean | undefined): string {
  if (allowed === undefined) return "none";
  return allowed ? "allowed" : "denied";
}
