/** docs/conformance.md, from what was measured. */
import type { Line, Mark } from "./marks.ts";

export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly how: string;
}

export interface SignatureArea {
  readonly area: string;
  readonly tool: string;
  readonly version: string;
  readonly lines: readonly Line[];
}

const SHORT: Readonly<Record<Mark, string>> = {
  right: "✓",
  "lets through": "**lets through**",
  "refuses what is good": "refuses",
  "refuses for another reason": "refuses for another reason",
  "-": "–",
};

export function conformancePage(
  tools: readonly Tool[],
  lines: readonly Line[],
  areas: readonly SignatureArea[],
): string {
  return [
    OPENING,
    "## Who was asked, and how",
    ...tools.map(({ name, version, how }) => `- **${name}** (${version}): ${how}`),
    "",
    "## By group",
    "Of the cases that could be put to a tool: how many that must be refused it refused, and how many that must pass it passed. A tool that refuses everything would have the first half right, so both are told.",
    "",
    row(["group", ...tools.map(({ name }) => name)]),
    row(["---", ...tools.map(() => "---")]),
    ...groups(lines).map((group) => groupRow(group, lines, tools.length)),
    groupRow("all", lines, tools.length, true),
    "",
    "## Single signatures",
    "The vectors below vectors/openpgp, vectors/ssh and vectors/ed25519, put to the tool for that format. Firstmile's tests run all of them. Where a vector is refused for being weak or ambiguous, a tool that takes it may do so by its own choice: the table says what happens, not who is to blame.",
    "",
    row(["vectors", "tool", "must refuse", "must pass", "what it lets through", "what it refuses"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...areas.map(areaRow),
    "",
    "## Case by case",
    "✓ right; **lets through** what must be refused; refuses what is good; – has no such rule, or the case has no form in which it could be asked.",
    "",
    row(["case", "must", ...tools.map(({ name }) => name)]),
    row(["---", "---", ...tools.map(() => "---")]),
    ...groups(lines).flatMap((group) =>
      lines
        .filter((line) => line.group === group)
        .map(({ name, expect, marks }) =>
          row([name, expect === "allowed" ? "pass" : "be refused", ...marks.map((mark) => SHORT[mark])]),
        ),
    ),
    "",
  ].join("\n");
}

const OPENING = `# Conformance
Every file of vectors/history put to Firstmile and, where they have the notion that the case is about, to other tools. Written by \`node bench/conformance/main.ts\`; all cells are measured, none is taken from a manual.

What a tool was not made for is no fault of it, and is marked –. For Firstmile, right means verdict, reason code and commit; for the others the verdict alone, since their reasons are words. Firstmile's column is no surprise: the cases were written beside it, by its rules. Of the others' misses many are choices that their manuals name.
`;

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function groups(lines: readonly Line[]): string[] {
  return [...new Set(lines.map(({ group }) => group))].sort();
}

function groupRow(group: string, lines: readonly Line[], tools: number, all = false): string {
  const mine = lines.filter((line) => all || line.group === group);
  return row([group, ...Array.from({ length: tools }, (_, i) => share(mine, i))]);
}

function share(lines: readonly Line[], tool: number): string {
  const asked = lines.filter(({ marks }) => marks[tool] !== "-");
  if (asked.length === 0) return "–";
  const [bad, good] = [count(asked, tool, "denied"), count(asked, tool, "allowed")];
  return [bad && `refused ${bad}`, good && `passed ${good}`].filter(Boolean).join("; ");
}

function count(lines: readonly Line[], tool: number, expect: Line["expect"]): string | undefined {
  const mine = lines.filter((line) => line.expect === expect);
  const right = mine.filter(({ marks }) => marks[tool] === "right");
  return mine.length > 0 ? `${right.length}/${mine.length}` : undefined;
}

function areaRow({ area, tool, version, lines }: SignatureArea): string {
  const asked = lines.filter(({ marks }) => marks[0] !== "-");
  const named = (mark: Mark) => {
    const files = asked.filter(({ marks }) => marks[0] === mark);
    return files.map(({ name }) => name.replace(/^.*\/|\.txt$/g, "")).join(", ") || "none";
  };
  const figures = [count(asked, 0, "denied"), count(asked, 0, "allowed")].map((text) => text ?? "–");
  return row([
    area,
    `${tool} (${version})`,
    ...figures,
    named("lets through"),
    named("refuses what is good"),
  ]);
}
