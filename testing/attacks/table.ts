/** docs/attacks.md, from the lists themselves. `vitest run testing/attacks/docs.test.ts -u` writes it. */
import { NOT_PROMISED } from "./not-promised.ts";
import { type ListedTheme, THEMES } from "./themes.ts";

const FIRST_ON_GIT = THEMES.find(({ needs }) => needs === "git")?.title;

const HEAD = `# Attacks that are tried

This page lists attacks on evaluation, builds, downloads and substitution, and on rules, signatures, histories, reviews
and objections. Each row is a test of the same number and name below \`testing/attacks/\`: \`npm test testing/attacks\`.
A test prints the page and compares it, so that it says what is tried.

The first lists run on Nix 2.8 and on Nix 2.34 with a running gate.
The lists from "${FIRST_ON_GIT}" on need Git and keys alone, and run once.

Each list begins with controls: the same thing done honestly works, or the same attack works where its guard is away.
A row of a list without an attacker or a guard of its own has those above the list. Paths of guards are below \`packages/\`.
`;

const TAIL = `## What is not promised to fail

These need root, or [THREAT-MODEL.md](../THREAT-MODEL.md) names them as not promised.

| what works | named there as |
|---|---|
${NOT_PROMISED.map(({ what, named }) => `| ${what} | ${named} |`).join("\n")}
`;

export function renderTable(): string {
  return [HEAD, ...THEMES.map(section), TAIL].join("\n");
}

function section({ title, by, guard, attacks, controls }: ListedTheme): string {
  const rows = attacks.map(
    (attack) =>
      `| ${attack.number} | ${cell(attack.name)}${only(attack.only)} | ${attack.by ?? ""} | ${cell(attack.held)} | ${attack.guard ?? ""} |`,
  );
  return `## ${title}

The attacker is ${by}. The guard is in ${guard}.

| # | tried | by | what held, and why | guard |
|---|---|---|---|---|
${rows.join("\n")}

Controls: ${controls.map(({ name }) => cell(name)).join("; ")}.
`;
}

function only(version: string | undefined): string {
  if (version === undefined) return "";
  return version === "sid" ? " (on 2.34 alone)" : " (on 2.8 alone)";
}

/** Text that a Markdown table holds as it is written. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
