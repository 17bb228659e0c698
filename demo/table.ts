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
  readonly group: string;
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
  private heading = "";

  constructor(screen: Screen) {
    this.screen = screen;
  }

  /** Rows from here on stand below this heading. */
  group(heading: string): void {
    this.heading = heading;
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
    const row = { group: this.heading, tried, expected: `${wordFor(allowed)} ${code}`, ...came, broken, ok };
    this.rows.push(row);
    this.tell(row, told ? undefined : reason);
  }

  /** Notes what no verdict could be asked about: it came out as expected where every fact is true. */
  fact({ tried, allowed, code }: Expectation, facts: readonly Fact[]): void {
    const broken = facts.filter(({ holds }) => !holds).map(({ what }) => what);
    const ok = broken.length === 0;
    const came = ok ? { verdict: wordFor(allowed), code } : { verdict: "none", code: "none" };
    const row = {
      group: this.heading,
      tried,
      expected: `${wordFor(allowed)} ${code}`,
      ...came,
      message: "",
      broken,
      ok,
    };
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

  /** Within 80 columns: what came out is said in full where it is not what was expected. */
  show(): void {
    if (this.rows.length === 0) return;
    const wide = Math.max(...this.rows.map(({ tried }) => tried.length));
    const expected = Math.max(...this.rows.map((row) => row.expected.length));
    const line = (tried: string, want: string, came: string) =>
      `${tried.padEnd(wide)}  ${want.padEnd(expected)}  ${came}`;
    this.screen.line();
    this.screen.line(this.screen.style("bold", line("tried", "expected", "came out")));
    for (const [i, row] of this.rows.entries()) {
      if (row.group !== this.rows[i - 1]?.group) this.showHeading(row.group);
      const same = line(row.tried, row.expected, row.ok ? "the same" : "");
      this.screen.line(row.ok ? same : this.screen.style("red", same));
      if (!row.ok) this.showDifference(row);
    }
  }

  private showHeading(heading: string): void {
    this.screen.line();
    this.screen.line(this.screen.style("bold", heading));
  }

  private showDifference({ verdict, code, broken }: Row): void {
    this.screen.line(this.screen.style("red", `    NOT AS EXPECTED: ${verdict} ${code}`));
    for (const what of broken) this.screen.line(this.screen.style("red", `    not so: ${what}`));
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
